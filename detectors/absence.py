"""Absence: nothing came where much was expected."""

import math
from typing import Any

from detectors.drift import Change


class AbsenceDetector:
    """Adds up what was expected since the last event, and says so when it is too much to be chance.

    With a Poisson number of events, silence while `expected` of them were due has probability exp(−expected).

    Args:
        expected: how many events must have been due.

    >>> detector = AbsenceDetector(expected=25.0)
    >>> for index, count in enumerate([11, 9, 0, 0, 0, 0]):
    ...     detector.update(count, weight=10.0)
    ...     if detector.drift_detected:
    ...         print(index, detector.change.updates_ago)
    ...         break
    4 3
    """

    def __init__(self, expected: float) -> None:
        self.expected = expected
        self.reset()

    def update(self, x: float, weight: float = 1.0) -> None:
        """Take the next count, and how many events were due."""
        if not math.isfinite(x) or not math.isfinite(weight):
            return
        if x > 0:
            self.reset()
        else:
            self._silent += 1
            self._due += max(0.0, weight)

    @property
    def drift_detected(self) -> bool:
        """Whether more events were due in this silence than can be chance."""
        return self._due >= self.expected

    @property
    def estimate(self) -> float:
        """How many events were due since the last one."""
        return self._due

    @property
    def change(self) -> Change | None:
        """The silence, while `drift_detected`: levels are events due and events seen per update."""
        if not self.drift_detected:
            return None
        return Change("down", self._silent, self._due / self._silent, 0.0)

    @property
    def silent(self) -> bool:
        """Whether the latest update saw nothing."""
        return self._silent > 0

    def reset(self) -> None:
        """Forget everything but the settings."""
        self._silent, self._due = 0, 0.0

    def state(self) -> dict[str, Any]:
        """Give the length of the silence and what was due in it."""
        return {"silent": self._silent, "due": self._due}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up the silence of `state`."""
        self._silent, self._due = state["silent"], state["due"]
