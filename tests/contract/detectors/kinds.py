"""Every detector there is, with what it is fed: numbers as usual, and numbers after a change it must find."""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from detectors.absence import AbsenceDetector
from detectors.adwin import AdwinDetector
from detectors.burn_rate import BurnRateDetector
from detectors.count_cusum import CountCusum
from detectors.drift import Change
from detectors.event_split import EventSplitTest
from detectors.half_space import HalfSpaceDetector
from detectors.mean_cusum import MeanCusum
from detectors.mean_gap import MeanGapTest, Sample
from detectors.page_hinkley import PageHinkleyDetector
from detectors.seasonal_band import SeasonalBandDetector
from detectors.threshold import ThresholdDetector

HOUR_MS = 3_600_000
Args = tuple[Any, ...]
"""The arguments of one update."""
NOT_FINITE = (math.nan, math.inf, -math.inf)


class AnyDetector(Protocol):
    """What all have in common; what an update is given differs."""

    @property
    def update(self) -> Callable[..., None]: ...
    @property
    def drift_detected(self) -> bool: ...
    @property
    def estimate(self) -> float: ...
    @property
    def change(self) -> Change | None: ...
    def reset(self) -> None: ...
    def state(self) -> dict[str, Any]: ...
    def restore(self, state: dict[str, Any]) -> None: ...


@dataclass
class Kind:
    """One detector with one way of setting it up."""

    make: Callable[[], AnyDetector]
    draw: Callable[[random.Random, int, bool], Args]
    """Arguments of the i-th update; as usual, or changed."""
    learn: int = 60
    """Updates as usual before a change can be found."""
    within: int = 15
    """Changed updates within which it must be found."""
    found: dict[str, object] = field(default_factory=dict)
    """What its `change` must say besides."""
    bad: Sequence[Args] = ()
    """Arguments that must change nothing."""
    nothing: Sequence[Args] = ()
    """Updates without any evidence, again and again: empty, n = 1, zero variance."""
    single: Args = (-1e9,)
    """One update that is as odd as can be, and alone must be no verdict."""
    state_bytes: int = 4000
    step_ms: int = 0
    """Event time from update to update, where an update has a time: it is the argument at `time_at`."""
    time_at: int = 2
    dates_to_the_update: bool = True
    """`updates_ago` is the number of changed updates."""

    def usual(self, seed: int, first: int, last: int) -> list[Args]:
        """Give updates `first` to `last` as usual."""
        rng = random.Random(seed)
        return [self.draw(rng, i, False) for i in range(last)][first:]

    def stream(self, seed: int) -> list[Args]:
        """Give updates with two lasting changes."""
        rng = random.Random(seed)
        one = 5 * self.within
        ends = (self.learn, self.learn + one, 2 * self.learn + one, 2 * self.learn + 2 * one)
        return [self.draw(rng, i, ends[0] <= i < ends[1] or i >= ends[2]) for i in range(ends[3])]


def _deviations(rng: random.Random, _i: int, changed: bool) -> Args:
    return (rng.gauss(-5.0 if changed else 0.0, 1.0), 7.0)


def _silence(rng: random.Random, _i: int, changed: bool) -> Args:
    return (0.0 if changed else float(rng.choice([0, 1, 2])), 7.0)


def _count(rng: random.Random, share: float, n: int) -> int:
    return sum(rng.random() < share for _ in range(n))


def _counts(rng: random.Random, _i: int, changed: bool) -> Args:
    n = rng.choice([60, 100, 140])
    return (_count(rng, 0.10 if changed else 0.2, n), n)


def _means(rng: random.Random, _i: int, changed: bool) -> Args:
    error = rng.choice([1.0, 2.0])
    return (rng.gauss(12.0 if changed else 20.0, error), error)


def _bad_events(rng: random.Random, i: int, changed: bool) -> Args:
    return (_count(rng, 0.3 if changed else 0.002, 50), 50, i * 60_000)


def _season(rng: random.Random, i: int, changed: bool) -> Args:
    level = 100 + 50 * math.sin(i * math.pi / 24) + 10 * (i // 48 % 7 > 4)
    return ((0.4 if changed else 1.0) * level * 1800 * rng.gauss(1, 0.03), 1800.0, i * HOUR_MS // 2)


def _split(rng: random.Random, _i: int, changed: bool) -> Args:
    n, live_n = rng.choice([30, 50]), rng.choice([200, 300])
    return (_count(rng, 0.25 if changed else 0.05, n), n, _count(rng, 0.05, live_n), live_n)


def _gap(rng: random.Random, _i: int, changed: bool) -> Args:
    n, live_n = rng.choice([10, 20]), rng.choice([100, 200])
    mean = 0.5 if changed else 0.7
    total = n * rng.gauss(mean, 0.1 / math.sqrt(n))
    live_total = live_n * rng.gauss(0.7, 0.1 / math.sqrt(live_n))
    return (Sample(total, n, n * 0.01), Sample(live_total, live_n, live_n * 0.01))


def _vector(rng: random.Random, _i: int, changed: bool) -> Args:
    return ([rng.gauss(5.0 * changed, 1.0), *(rng.gauss(0, 1) for _ in range(3))],)


_NUMBERS: Sequence[Args] = [(x, 7.0) for x in NOT_FINITE]
_PAIRS: Sequence[Args] = [
    *((x, 9.0) for x in NOT_FINITE), (1.0, math.nan), (1.0, -math.inf), (1.0, -1.0),
]  # fmt: skip
_DOWN: dict[str, object] = {"direction": "down"}
_UP: dict[str, object] = {"direction": "up"}

KINDS: dict[str, Kind] = {
    "adwin": Kind(
        lambda: AdwinDetector("down"),
        _deviations,
        within=30,
        found=_DOWN,
        bad=_NUMBERS,
        nothing=[(0.0, 0.0)],
        single=(-8.0, 1.0),
    ),
    "page_hinkley": Kind(
        lambda: PageHinkleyDetector("down"),
        _deviations,
        found=_DOWN,
        bad=_NUMBERS,
        nothing=[(0.0, 0.0)],
        single=(-8.0, 1.0),
    ),
    "threshold": Kind(
        lambda: ThresholdDetector("down", limit=-3.9),
        _deviations,
        found=_DOWN,
        bad=_NUMBERS,
        nothing=[(0.0, 0.0)],
        single=(0.0, 1.0),
        dates_to_the_update=False,
    ),
    "absence": Kind(
        lambda: AbsenceDetector(expected=45.0),
        _silence,
        found=_DOWN,
        bad=[*_NUMBERS, (0.0, math.nan), (0.0, math.inf)],
        nothing=[(0.0, 0.0)],
        single=(0.0, 1.0),
        dates_to_the_update=False,
    ),
    "binomial": Kind(
        lambda: CountCusum("down", 0.6, 6.0, level=0.2),
        _counts,
        found=_DOWN,
        bad=[*_PAIRS, (2.0, 1.0)],
        nothing=[(0.0, 0.0)],
        single=(0, 1),
        state_bytes=200,
        dates_to_the_update=False,
    ),
    "binomial_learned": Kind(
        lambda: CountCusum("down", 0.6, 6.0, overdispersion=1.3),
        _counts,
        found=_DOWN,
        bad=[*_PAIRS, (2.0, 1.0)],
        nothing=[(0.0, 0.0)],
        single=(0, 1),
        state_bytes=200,
        dates_to_the_update=False,
    ),
    "poisson_learned": Kind(
        lambda: CountCusum("down", 0.6, 6.0, law="poisson"),
        _counts,
        found=_DOWN,
        bad=_PAIRS,
        nothing=[(0.0, 0.0)],
        single=(0, 1),
        state_bytes=200,
        dates_to_the_update=False,
    ),
    "mean": Kind(
        lambda: MeanCusum("down", 4.0, 6.0, level=20.0),
        _means,
        found=_DOWN,
        bad=_PAIRS,
        nothing=[(20.0, math.inf), (3.0, 0.0)],
        single=(-1e9, 0.0),
        state_bytes=200,
        dates_to_the_update=False,
    ),
    "mean_learned": Kind(
        lambda: MeanCusum("down", 4.0, 6.0),
        _means,
        found=_DOWN,
        bad=_PAIRS,
        nothing=[(20.0, math.inf), (3.0, 0.0)],
        single=(-1e9, 0.0),
        state_bytes=200,
        dates_to_the_update=False,
    ),
    "burn_rate": Kind(
        lambda: BurnRateDetector(objective=0.99, burn=5.0, long_s=3600, short_s=300),
        _bad_events,
        within=25,
        found=_UP,
        bad=[(math.nan, 50, 1 << 50), (1, math.inf, 1 << 50), (-1, 50, 1 << 50), (2, 1, 1 << 50), (2, math.nan, 1)],
        nothing=[(0, 0, 0), (0, 1, 0)],
        single=(1, 1, 0),
        step_ms=60_000,
        dates_to_the_update=False,
    ),
    "seasonal_band": Kind(
        lambda: SeasonalBandDetector("down", relative=True),
        _season,
        learn=48 * 22,
        within=3,
        found=_DOWN,
        bad=[
            (math.nan, 1.0, 1 << 50),
            (1.0, math.inf, 1 << 50),
            (1.0, 0.0, 1 << 50),
            (1.0, -1.0, 1 << 50),
            (1.0, 1.0, 1 << 50, math.nan),
        ],
        nothing=[(5.0, 1.0, 0), (5.0, 1.0, HOUR_MS)],
        single=(-1e9, 1.0, 0),
        state_bytes=5000,
        step_ms=HOUR_MS // 2,
    ),
    "event_split": Kind(
        lambda: EventSplitTest("up", margin=0.1, alpha=0.001),
        _split,
        within=40,
        found=_UP,
        bad=[
            *((x, 9, 1, 9) for x in (*NOT_FINITE, -1, 10)),
            *((1, 9, x, 9) for x in (*NOT_FINITE, -1, 10)),
            (0, 0, 1, 9),
            (1, 9, 0, 0),
        ],
        single=(1, 1, 0, 1),
        nothing=[(0, 1, 0, 1), (0, 40, 0, 400), (1, 1, 1, 1), (50, 50, 500, 500)],
        state_bytes=400,
        dates_to_the_update=False,
    ),
    "mean_gap": Kind(
        lambda: MeanGapTest("down", margin=0.01, alpha=0.001),
        _gap,
        within=40,
        found=_DOWN,
        bad=[
            *((Sample(x, 9, 1), Sample(5.0, 9, 1)) for x in NOT_FINITE),
            *((Sample(5.0, 9, x), Sample(5.0, 9, 1)) for x in NOT_FINITE),
            (Sample(5.0, 0, 0.0), Sample(5.0, 9, 1.0)),
            (Sample(5.0, 9, 1.0), Sample(0.0, 0, 0.0)),
            (Sample(5.0, 9, -1.0), Sample(5.0, 9, 1.0)),
        ],
        single=(Sample(-1e9, 1, 0.0), Sample(0.7, 1, 0.0)),
        nothing=[(Sample(0.7, 1, 0.0), Sample(0.7, 1, 0.0)), (Sample(0.0, 5, 0.0), Sample(0.0, 50, 0.0))],
        state_bytes=400,
        dates_to_the_update=False,
    ),
    "half_space": Kind(
        lambda: HalfSpaceDetector(signals=4),
        _vector,
        learn=400,
        within=25,
        found=_UP,
        bad=[*(([x, 0.0, 0.0, 0.0],) for x in NOT_FINITE), ([],), ([1.0, 2.0],)],
        nothing=[([0.0, 0.0, 0.0, 0.0],)],
        single=([1e9, -1e9, 1e9, -1e9],),
        state_bytes=9000,
        dates_to_the_update=False,
    ),
}
