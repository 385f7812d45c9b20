"""CUSUM for means whose standard errors differ from cohort to cohort: each counts by how sure it is."""

import math
from typing import Final

from detectors.cusum import Cusum
from detectors.drift import Direction

SURE: Final = 0.1
"""A level is learned when its standard error is below this share of the shift: its error then moves the evidence's
drift by a fifth at most."""


class MeanCusum(Cusum):
    """Looks one way for a shift of a mean; takes a mean with its standard error at a time.

    A level that is not given is learned, as the precision-weighted mean.

    Args:
        direction: the shift to look for.
        shift: its smallest size worth finding, above 0, in the means' unit.
        threshold: how much evidence, in nats, makes a change; see `detectors.run_length`.
        level: the mean before the change; learned where it is None.
        overdispersion: variance of the means over their squared standard errors; evidence is divided by it.
        learn_updates: updates that are enough to have learned the level, however unsure it is.

    >>> detector = MeanCusum("up", shift=1.0, threshold=6.0)
    >>> for index, mean in enumerate([4.5, 5.5] * 100 + [6.5] * 10):
    ...     detector.update(mean, 0.5)
    ...     if detector.drift_detected:
    ...         print(index, detector.change.updates_ago, detector.change.after)
    ...         break
    201 3 6.166666666666667

    References:
        Page (1954), Continuous inspection schemes; Hawkins (1987), Self-starting cusum charts.
    """

    def __init__(
        self,
        direction: Direction,
        shift: float,
        threshold: float,
        *,
        level: float | None = None,
        overdispersion: float = 1.0,
        learn_updates: int = 200,
    ) -> None:
        if not 0 < shift < math.inf:
            raise ValueError(f"shift {shift} is no size: give one above 0, and the direction by itself")
        super().__init__(direction, threshold, level, overdispersion, learn_updates)
        self._sign = 1.0 if direction == "up" else -1.0
        self._shift = shift

    def update(self, x: float, standard_error: float = 1.0) -> None:
        """Take the next mean; one that is not finite, or whose error is not a number above 0, is no evidence.

        Args:
            x: the cohort's mean.
            standard_error: of the mean; of zero variance (one value, all values equal) nothing can be told.
        """
        precision = 1 / standard_error**2 if 1e-150 < standard_error < 1e150 else 0.0
        if math.isfinite(x) and precision:
            self._take(precision * x, precision)

    def _says(self, total: float, weight: float) -> float:
        beyond = self._sign * (total / weight - self._level)
        return self._shift * (beyond - self._shift / 2) * weight

    def _learned_level(self, total: float, weight: float) -> float:
        return total / weight if weight else 0.0

    def _is_sure(self, total: float, weight: float) -> bool:  # noqa: ARG002  (whatever the level is)
        return weight * (SURE * self._shift) ** 2 >= self._overdispersion
