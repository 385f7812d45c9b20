"""ADWIN: River's adaptive window, for standardised numbers."""

import math
from typing import Any

from river.drift import ADWIN

from detectors.drift import Change, Direction
from detectors.history import History, best_split
from detectors.river_feed import feed


class AdwinDetector:
    """River's ADWIN, which can say which way and when the mean changed and be built again.

    Args:
        direction: the change to look for; one the other way only makes the window shorter.
        delta: probability that a window of constant mean is cut.

    >>> detector = AdwinDetector("up", delta=0.002)
    >>> numbers = [0.5, -0.5] * 50 + [4.0] * 10
    >>> for index, number in enumerate(numbers):
    ...     detector.update(number)
    ...     if detector.drift_detected:
    ...         print(index, detector.change.updates_ago, detector.change.after)
    ...         break
    107 8 4.0

    References:
        Bifet & Gavaldà (2007), Learning from time-changing data with adaptive windowing.
    """

    def __init__(self, direction: Direction, delta: float = 1e-6) -> None:
        self._direction: Direction = direction
        self._delta = delta
        self._history = History()
        self._change: Change | None = None
        self._build()

    def update(self, x: float, weight: float = 1.0) -> None:  # noqa: ARG002 - all of its kind take it
        """Take the next standardised number; `weight` is ignored."""
        if not math.isfinite(x):
            return
        if self._change is not None:
            self.reset()
        if self._history.append(x):
            self._build()
            return
        feed(self._river, x)
        self._change = self._wanted()
        if self._river.drift_detected and self._change is None:
            self._forget_old_level()

    @property
    def drift_detected(self) -> bool:
        """Whether the latest update cut the window, and the newer part lies in the wanted direction."""
        return self._change is not None

    @property
    def estimate(self) -> float:
        """Mean of the adaptive window."""
        return float(self._river.estimation)

    @property
    def change(self) -> Change | None:
        """The change, while `drift_detected`."""
        return self._change

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

    def _forget_old_level(self) -> None:
        split = best_split(self._history.values)
        if split is not None:
            del self._history.values[: -split.updates_ago]
        self._build()

    def _build(self) -> None:
        # clock 1: look at every number. River's default of 32 would be five minutes of cohorts.
        self._river = ADWIN(delta=self._delta, clock=1)
        for x in self._history.values:
            feed(self._river, x)
        self._change = self._wanted()

    def _wanted(self) -> Change | None:
        if not self._river.drift_detected:
            return None
        split = best_split(self._history.values)
        return split if split is not None and split.direction == self._direction else None
