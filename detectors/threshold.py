"""Fixed threshold: the plainest detector."""

import math
from typing import Any

from detectors.drift import Change, Direction


class ThresholdDetector:
    """Says so while a number lies beyond a limit.

    Args:
        direction: `up`: above the limit is wrong, `down`: below it.
        limit: in the unit of the numbers.

    >>> detector = ThresholdDetector("up", limit=0.2)
    >>> for index, number in enumerate([0.1, 0.1, 0.3, 0.4]):
    ...     detector.update(number)
    ...     if detector.drift_detected:
    ...         print(index, detector.change.updates_ago)
    2 1
    3 2
    """

    def __init__(self, direction: Direction, limit: float) -> None:
        self._direction: Direction = direction
        self._limit = limit
        self._beyond = 0
        self._sum = 0.0
        self._before = limit
        self._latest = 0.0

    def update(self, x: float, weight: float = 1.0) -> None:  # noqa: ARG002 - all of its kind take it
        """Take the next number; `weight` is ignored."""
        if not math.isfinite(x):
            return
        if x > self._limit if self._direction == "up" else x < self._limit:
            self._beyond += 1
            self._sum += x
        else:
            self._beyond, self._sum, self._before = 0, 0.0, x
        self._latest = x

    @property
    def drift_detected(self) -> bool:
        """Whether the latest number lies beyond the limit."""
        return self._beyond > 0

    @property
    def estimate(self) -> float:
        """The latest number."""
        return self._latest

    @property
    def change(self) -> Change | None:
        """Since when the numbers lie beyond the limit."""
        if not self._beyond:
            return None
        return Change(self._direction, self._beyond, self._before, self._sum / self._beyond)

    def reset(self) -> None:
        """Forget everything but the settings."""
        self._beyond, self._sum, self._before, self._latest = 0, 0.0, self._limit, 0.0

    def state(self) -> dict[str, Any]:
        """Give the run beyond the limit, and the latest numbers."""
        return {"beyond": self._beyond, "sum": self._sum, "before": self._before, "latest": self._latest}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up the run of `state`."""
        self._beyond, self._sum = state["beyond"], state["sum"]
        self._before, self._latest = state["before"], state["latest"]
