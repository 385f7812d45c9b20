"""Thresholds that keep a promise: against theory where theory holds, and against simulation where it does not."""

import math

import numpy as np
import pytest

from detectors.excursions import BELIEF, Excursions, theory
from detectors.run_length import simulated_threshold

STEP = 0.5
UPDATE_MS = 10_000.0
DAY_MS = 86_400_000.0


def test_theorys_rate_is_that_of_simulated_cusums() -> None:
    rate = theory((STEP,), UPDATE_MS)
    rng = np.random.default_rng(1)
    threshold = simulated_threshold(lambda r, t, n: STEP * r.normal(size=(t, n)) - STEP**2 / 2, 1000.0, rng)
    assert 1 / (rate(threshold) * UPDATE_MS) == pytest.approx(1000.0, rel=0.2)


def test_a_watch_that_has_seen_nothing_begins_with_theorys_threshold_and_is_surer_the_more_is_known() -> None:
    rate = theory((STEP, 2 * STEP), UPDATE_MS)
    known = Excursions().threshold(DAY_MS, rate, 1e9, math.inf)
    assert rate(known) * DAY_MS == pytest.approx(1.0, rel=0.2)
    thresholds = [Excursions().threshold(DAY_MS, rate, belief, math.inf) for belief in (10, 20, BELIEF, 1e9)]
    assert thresholds == sorted(thresholds, reverse=True)


@pytest.mark.parametrize("slope", [0.5, 1.0, 1.5])
def test_peaks_that_were_seen_take_theorys_place(slope: float) -> None:
    """Excursions whose peaks pass h at a rate proportional to 1/(e^(slope·h) − 1), which theory takes to be slope 1."""
    rng = np.random.default_rng(2)
    per_day, found = 400.0, []
    for _ in range(20):
        seen = Excursions()
        for _ in range(5):
            seen.watch(DAY_MS, 10 * DAY_MS)
            for height in rng.exponential(1 / slope, rng.poisson(per_day)):
                seen.end(math.log1p(math.exp(1.0 + height)))
        threshold = seen.threshold(10 * DAY_MS, theory((STEP,), UPDATE_MS), BELIEF, math.inf)
        # How often chance passes it in truth.
        found.append(10 * per_day * math.exp(-slope * (math.log(math.expm1(threshold)) - 1.0)))
    assert np.mean(found) == pytest.approx(1.0, abs=0.35)


def test_true_changes_do_not_make_a_watch_deaf() -> None:
    rate = theory((STEP,), UPDATE_MS)
    seen = Excursions()
    every_ms = 1000 * DAY_MS
    before = seen.threshold(every_ms, rate, BELIEF, math.inf)
    for _ in range(14):
        seen.watch(DAY_MS, every_ms)
    for _ in range(7):
        seen.alarm()
    assert seen.threshold(every_ms, rate, BELIEF, before) < 1.1 * before


def test_what_is_remembered_is_bounded() -> None:
    seen = Excursions()
    for i in range(10_000):
        seen.watch(UPDATE_MS, DAY_MS)
        seen.end(2.0 + i % 7)
        seen.alarm()
    assert len(seen.now.peaks) <= 64
    assert len(seen.before.peaks) <= 64
