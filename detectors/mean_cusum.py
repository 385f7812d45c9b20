"""CUSUM for means whose standard errors differ from cohort to cohort: each counts by how sure it is."""

import math
from typing import Any, Final

from detectors.drift import Change, Direction

SURE: Final = 0.1
"""A level is learned when its standard error is below this share of the shift: its error then moves the evidence's
drift by a fifth at most."""


class MeanCusum:
    """Looks one way for a shift of a mean; takes a mean with its standard error at a time.

    A level that is not given is learned, as the precision-weighted mean. Means since the evidence was last zero wait
    and are learned when it is zero again, so a change is not learned while it is being found.

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
        if not (0 < shift < math.inf and threshold > 0 and overdispersion > 0):
            raise ValueError(
                f"shift {shift}, threshold {threshold} and overdispersion {overdispersion} must be above 0"
            )
        self._direction: Direction = direction
        self._sign = 1.0 if direction == "up" else -1.0
        self._shift = shift
        self._threshold = threshold
        self._given = level
        self._overdispersion = overdispersion
        self._learn_updates = learn_updates
        self._evidence, self._detected = 0.0, False
        self._run, self._run_sum, self._run_precision = 0, 0.0, 0.0
        self._learned_updates, self._learned_sum, self._learned_precision = 0, 0.0, 0.0

    def update(self, x: float, standard_error: float = 1.0) -> None:
        """Take the next mean; one that is not finite, or whose error is not a number above 0, is no evidence.

        Args:
            x: the cohort's mean.
            standard_error: of the mean; of zero variance (one value, all values equal) nothing can be told.
        """
        precision = 1 / standard_error**2 if 1e-150 < standard_error < 1e150 else 0.0
        if not math.isfinite(x) or not precision:
            return
        if self._detected:
            self.reset()
        if not self._has_learned:
            self._learn(precision * x, precision, updates=1)
            return
        beyond = self._sign * (x - self._level)
        self._evidence += self._shift * (beyond - self._shift / 2) * precision / self._overdispersion
        if self._evidence <= 0:
            self._learn(self._run_sum + precision * x, self._run_precision + precision)
            self._evidence, self._run, self._run_sum, self._run_precision = 0.0, 0, 0.0, 0.0
            return
        self._run, self._run_sum = self._run + 1, self._run_sum + precision * x
        self._run_precision += precision
        self._detected = self._evidence >= self._threshold

    @property
    def drift_detected(self) -> bool:
        """Whether the latest update completed the evidence of a change."""
        return self._detected

    @property
    def evidence(self) -> float:
        """Log-likelihood, in nats, that the shift has come over that it has not."""
        return self._evidence

    @property
    def estimate(self) -> float:
        """The mean since the change while there is one, else the level; 0 before the first mean."""
        return self._run_sum / self._run_precision if self._detected else self._level

    @property
    def change(self) -> Change | None:
        """The change, while `drift_detected`; it began when the evidence was last zero, the likeliest time."""
        return Change(self._direction, self._run, self._level, self.estimate) if self._detected else None

    def reset(self) -> None:
        """Forget everything but the settings."""
        self._evidence, self._detected = 0.0, False
        self._run, self._run_sum, self._run_precision = 0, 0.0, 0.0
        self._learned_updates, self._learned_sum, self._learned_precision = 0, 0.0, 0.0

    def state(self) -> dict[str, Any]:
        """Give the evidence, what waits, and what was learned."""
        return {
            "evidence": self._evidence, "detected": self._detected,
            "run": [self._run, self._run_sum, self._run_precision],
            "learned": [self._learned_updates, self._learned_sum, self._learned_precision],
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Take up where another detector with the same settings gave its `state`."""
        self._evidence, self._detected = state["evidence"], state["detected"]
        self._run, self._run_sum, self._run_precision = state["run"]
        self._learned_updates, self._learned_sum, self._learned_precision = state["learned"]

    def _learn(self, weighted: float, precision: float, updates: int = 0) -> None:
        if self._given is None:
            self._learned_sum += weighted
            self._learned_precision += precision
            self._learned_updates += updates

    @property
    def _has_learned(self) -> bool:
        if self._given is not None or self._learned_updates >= self._learn_updates:
            return True
        return self._learned_precision * (SURE * self._shift) ** 2 >= self._overdispersion

    @property
    def _level(self) -> float:
        if self._given is not None:
            return self._given
        return self._learned_sum / self._learned_precision if self._learned_precision else 0.0
