"""How fast recorded time passes."""

import time
from collections.abc import Callable
from typing import Final

_SHORTEST_S: Final = 0.001
"""Shorter naps cost more than they give."""
LONGEST_GAP_MS: Final = 24 * 3600 * 1000
"""A longer gap between two events is passed over: it is a wrong date, or a pause that nobody wants to sit through."""


class Pace:
    """Waits until an event's turn has come, at so many times the speed of life."""

    def __init__(
        self,
        speed: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Begin with the first event that is waited for.

        Args:
            speed: event seconds per second; 0 never waits.
            clock: seconds of a clock that only goes forward.
            sleep: waits so many seconds.
        """
        self._speed = speed
        self._clock = clock
        self._sleep = sleep
        self._began: tuple[float, int] | None = None
        self._before_ms: int | None = None

    def wait_for(self, time_ms: int) -> None:
        """Return when the time of an event, epoch milliseconds, has come; at once after a gap of more than a day."""
        if self._speed <= 0:
            return
        gap_ms = 0 if self._before_ms is None else time_ms - self._before_ms
        self._before_ms = time_ms
        if self._began is None or gap_ms > LONGEST_GAP_MS:
            self._began = (self._clock(), time_ms)
            return
        began_s, first_ms = self._began
        ahead_s = (time_ms - first_ms) / 1000 / self._speed - (self._clock() - began_s)
        if ahead_s >= _SHORTEST_S:
            self._sleep(ahead_s)
