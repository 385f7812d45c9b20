"""The tests of canaries may be read at any time: their promise is checked by enumeration, integration, simulation."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import integrate, stats

from detectors.event_split import LEAST_BLOCKS, EventSplitTest
from detectors.mean_gap import MeanGapTest, Sample

ALPHA = 0.05
STREAMS, BLOCKS = 200, 100
MOST = int(stats.binom.ppf(0.9999, STREAMS, ALPHA))
"""Alarms that a test which keeps its promise stays below but once in ten thousand."""


@pytest.mark.parametrize(("direction", "margin"), [("up", 0.0), ("up", 0.3), ("down", 0.0), ("down", 0.2)])
@pytest.mark.parametrize("rate", [0.001, 0.05, 0.5])
def test_a_block_without_harm_multiplies_the_evidence_by_one_at_most_on_average(
    direction: str, margin: float, rate: float
) -> None:
    n, m = 6, 25
    allowed = 1 + margin if direction == "up" else 1 - margin
    for worse in (1.0, 0.6):
        p = rate * (allowed * worse if direction == "up" else min(1.0 / rate, allowed / worse))
        mean = 0.0
        for x in range(n + 1):
            for y in range(m + 1):
                test = EventSplitTest(direction, margin, ALPHA)  # type: ignore[arg-type]
                test.update(x, n, y, m)
                mean += math.exp(test.evidence()) * stats.binom.pmf(x, n, p) * stats.binom.pmf(y, m, rate)
        assert mean <= 1 + 1e-9


@pytest.mark.parametrize("gap", [-0.9, -0.1, -0.01, 0.0, 0.05])
def test_the_evidence_of_a_gap_is_the_mixture_over_all_gaps(gap: float) -> None:
    test = MeanGapTest("down", 0.0, ALPHA)
    test.update(Sample(10 * (0.7 + gap), 10, 0.4), Sample(0.7 * 40, 40, 1.6))
    # One block: weight 8, variance of a unit 0.04, ρ ten times the block's variance.
    s, v = -8 * gap, 8 * 0.04
    rho = 10 * v

    def density(strength: float) -> float:
        return math.exp(strength * s - strength**2 * v / 2) * 2 * stats.norm.pdf(strength, scale=1 / math.sqrt(rho))

    expected, _ = integrate.quad(density, 0, 60 / math.sqrt(rho))
    assert test.evidence == pytest.approx(math.log(expected), rel=1e-6)


def share_of_alarms(stream: Callable[[np.random.Generator], bool], seed: int) -> int:
    return sum(stream(rng) for rng in np.random.default_rng(seed).spawn(STREAMS))


@pytest.mark.parametrize(
    ("rate", "n", "live_n", "direction"),
    [(0.02, 40, 400, "up"), (0.02, 40, 400, "down"), (0.01, 3, 60, "up"), (0.2, 200, 200, "up")],
)
def test_events_of_a_canary_like_live_alarm_no_more_often_than_promised(
    rate: float, n: int, live_n: int, direction: str
) -> None:
    def alarms(rng: np.random.Generator) -> bool:
        test = EventSplitTest(direction, 0.0, ALPHA)  # type: ignore[arg-type]
        # The rate follows the time of day, and the canary's share grows.
        time = np.arange(BLOCKS)
        rates = rate * (1 + 0.5 * np.sin(time / 25))
        trials = rng.poisson(n * (1 + 3 * time / BLOCKS))
        live = rng.poisson(live_n, BLOCKS)
        for block in zip(rng.binomial(trials, rates), trials, rng.binomial(live, rates), live, strict=True):
            test.update(*map(int, block))
            if test.drift_detected:
                return True
        return False

    assert share_of_alarms(alarms, 1) <= MOST


@pytest.mark.parametrize(("n", "live_n"), [(20, 200), (3, 20)])
def test_means_of_a_canary_like_live_alarm_no_more_often_than_promised(n: int, live_n: int) -> None:
    def samples(rng: np.random.Generator, size: int) -> list[Sample]:
        shape = 4 + 2 * np.sin(np.arange(BLOCKS) / 25)
        values = rng.beta(shape[:, None], 2, (BLOCKS, size))
        columns = (values.sum(axis=1), np.full(BLOCKS, size), size * values.var(axis=1, ddof=1))
        return [Sample(*map(float, row)) for row in zip(*columns, strict=True)]

    def alarms(rng: np.random.Generator) -> bool:
        test = MeanGapTest("down", 0.0, ALPHA)
        for canary, live in zip(samples(rng, n), samples(rng, live_n), strict=True):
            test.update(canary, live)
            if test.drift_detected:
                return True
        return False

    assert share_of_alarms(alarms, 2) <= MOST


def test_events_in_bursts_alarm_hardly_more_often_than_promised() -> None:
    def alarms(rng: np.random.Generator) -> bool:
        test = EventSplitTest("up", 0.0, ALPHA)
        # Each block of either version has a rate of its own, with a standard deviation of 40 % of it.
        ours, lives = 0.05 * rng.gamma(6, 1 / 6, (2, BLOCKS))
        for x, y in zip(rng.binomial(100, ours), rng.binomial(900, lives), strict=True):
            test.update(int(x), 100, int(y), 900)
            if test.drift_detected:
                return True
        return False

    assert share_of_alarms(alarms, 3) <= 1.5 * MOST


@pytest.mark.parametrize(("ratio", "within"), [(1.5, 150), (3.0, 20)])
def test_a_worse_canary_is_found_soon(ratio: float, within: int) -> None:
    delays = []
    for rng in np.random.default_rng(4).spawn(40):
        test = EventSplitTest("up", 0.1, 0.001)
        delay = 0
        while not test.drift_detected and delay < 1000:
            delay += 1
            test.update(int(rng.binomial(50, 0.02 * ratio)), 50, int(rng.binomial(450, 0.02)), 450)
        delays.append(delay)
    assert LEAST_BLOCKS <= np.median(delays) <= within
