"""Page–Hinkley: River's detector of a lasting shift of the mean, for standardised numbers."""

import math
from typing import Any

from river.drift import PageHinkley

from detectors.drift import Change, Direction
from detectors.history import History
from detectors.river_feed import feed

PRIOR_ZEROS = 30
"""Zeros that a fresh detector is fed first: its inputs are standardised, so their mean is known to be near 0, and a
running mean that starts at the first number would swallow a change right after a reset."""


class PageHinkleyDetector:
    """River's Page–Hinkley test in one direction, which can say when the change began and be built again.

    Args:
        direction: the change to look for.
        delta: how far from the mean a number must be to count, in the inputs' unit.
        threshold: how much evidence makes a change.

    >>> detector = PageHinkleyDetector("down", delta=1.0, threshold=8.0)
    >>> numbers = [0.5, -0.5] * 50 + [-4.0] * 10
    >>> for index, number in enumerate(numbers):
    ...     detector.update(number)
    ...     if detector.drift_detected:
    ...         print(index, detector.change.updates_ago, detector.change.after)
    ...         break
    102 3 -4.0

    References:
        Page (1954), Continuous inspection schemes.
    """

    def __init__(self, direction: Direction, delta: float = 1.0, threshold: float = 8.0) -> None:
        self._direction: Direction = direction
        self._delta = delta
        self._threshold = threshold
        self._history = History()
        self._build()

    def update(self, x: float, weight: float = 1.0) -> None:  # noqa: ARG002 - all of its kind take it
        """Take the next standardised number; `weight` is ignored."""
        if not math.isfinite(x):
            return
        if self._river.drift_detected:
            self.reset()
        if self._history.append(x):
            self._build()
        else:
            feed(self._river, x)

    @property
    def drift_detected(self) -> bool:
        """Whether the latest update completed the evidence of a change."""
        return bool(self._river.drift_detected)

    @property
    def estimate(self) -> float:
        """Mean of the numbers since the last reset."""
        values = self._history.values
        return math.fsum(values) / len(values) if values else 0.0

    @property
    def change(self) -> Change | None:
        """The change, while `drift_detected`; all numbers since the reset are changed ones if no split fits."""
        if not self.drift_detected:
            return None
        whole = Change(self._direction, len(self._history.values), 0.0, self.estimate)
        return self._history.best_split(self._direction) or whole

    def reset(self) -> None:
        """Forget everything but the settings."""
        self._history = History()
        self._build()

    def state(self) -> dict[str, Any]:
        """Give the numbers since the last reset."""
        return {"history": list(self._history.values)}

    def restore(self, state: dict[str, Any]) -> None:
        """Build the detector again from the numbers of `state`."""
        self._history = History()
        self._history.values.extend(state["history"])
        self._build()

    def _build(self) -> None:
        # min_instances: the zeros are enough; alpha 1 forgets nothing, as the history's cut does the forgetting.
        self._river = PageHinkley(
            min_instances=PRIOR_ZEROS,
            delta=self._delta,
            threshold=self._threshold,
            alpha=1.0,
            mode=self._direction,
        )
        for x in [0.0] * PRIOR_ZEROS + self._history.values:
            feed(self._river, x)
