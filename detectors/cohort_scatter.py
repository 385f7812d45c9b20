"""Standard errors that know how much cohorts differ: learned for each signal of a series from one cohort to the next.

A cohort tells how its searches scatter. Whatever moves all of them together (a campaign, a crawler, people who search
again and again) makes cohorts differ by more than that, and only cohorts together tell by how much. Half the squared
step from one cohort to the next is their variance, wherever the level lies and however slowly it drifts (von Neumann
1941). The larger of the two errors counts: what a cohort tells of itself is too small where little happened by chance,
and what the cohorts before it tell is too small where things have just become livelier. Signals whose cohorts tell
nothing of themselves have the second one alone.
"""

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any, Final

import msgspec

from detectors.signal_catalogue import CATALOGUE
from schemas.signals import SignalPoint

MEMORY: Final = 360
"""Mean age of the steps that are remembered, in cohorts: an hour of those of 10 s."""
LEAST: Final = 10.0
"""Fewer steps tell nothing."""
LARGEST: Final = 64.0
"""Steps count for at most so many times what is usual: a level that jumps is one step, and no scatter."""
LONGEST_MS: Final = 600_000
"""Cohorts further apart make no step: the level may have drifted in between."""
_RATES: Final = frozenset(facts.name for facts in CATALOGUE if facts.unit == "1/s")
"""Numbers of events: their variance grows with n as that of all others falls."""

_DECAY: Final = 1 - 1 / MEMORY


class Steps(msgspec.Struct, array_like=True):
    """What is remembered of one signal at one horizon."""

    start_ms: int
    """Of the latest cohort with a value."""
    value: float
    weight: float
    """What its variance is taken to be in inverse proportion to: n, for rates 1/n."""
    steps: float = 0.0
    """How many, decayed."""
    unit: float = 0.0
    """Σ step²/(1/weight + 1/weight), decayed: the variance of a value of weight 1, so many times."""

    def take(self, start_ms: int, value: float, weight: float) -> None:
        """Step to the next cohort."""
        if 0 < start_ms - self.start_ms <= LONGEST_MS:
            step = value - self.value
            unit = step * step / (1 / self.weight + 1 / weight)
            if self.steps >= LEAST and self.unit and unit * self.steps > LARGEST * self.unit:
                unit = LARGEST * self.unit / self.steps
            self.steps = self.steps * _DECAY + 1
            self.unit = self.unit * _DECAY + unit
        self.start_ms, self.value, self.weight = start_ms, value, weight

    def error(self, weight: float) -> float:
        """Give the standard error of a value of some weight by the steps so far, 0 where they tell none.

        Few steps may be small by chance: theirs is raised as quantiles of Student's t are.
        """
        steps = self.steps
        return sqrt(self.unit / steps * (1 + 4 / steps) / weight) if steps >= LEAST else 0.0


class CohortScatter:
    """The steps of all signals of one series."""

    def __init__(self) -> None:
        self._steps: dict[str, Steps] = {}

    def widen(self, points: Sequence[SignalPoint]) -> list[SignalPoint]:
        """Give points with standard errors by what came before them as well, and learn from them."""
        return [self._widened(point) for point in points]

    def state(self) -> dict[str, Any]:
        """Give everything as plain numbers and names."""
        return {key: list(msgspec.structs.astuple(steps)) for key, steps in self._steps.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up where another one gave its `state`."""
        self._steps = {key: msgspec.convert(steps, Steps, strict=False) for key, steps in state.items()}

    def _widened(self, point: SignalPoint) -> SignalPoint:
        value, n = point.value, point.n
        if value is None or not n:
            return point
        weight = 1 / n if point.signal in _RATES else n
        key = f"{point.horizon_s} {point.signal}"
        steps = self._steps.get(key)
        if steps is None:
            self._steps[key] = Steps(point.cohort_start_ms, value, weight)
            return point
        error = steps.error(weight)
        steps.take(point.cohort_start_ms, value, weight)
        if error <= (point.standard_error or 0.0):
            return point
        variance = (error * point.denominator) ** 2 if point.denominator else None
        return msgspec.structs.replace(point, standard_error=error, variance=variance)
