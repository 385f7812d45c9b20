"""How long a source has stood at its end, by a clock that does not run while the process stands still."""

from typing import Final

MAX_TICK_S: Final = 2.0
"""A longer step between two looks is a process that was stopped: what happened meanwhile is not known."""


class IdleClock:
    """Adds up the time at the end of a log that does not grow.

    A consumer that keeps up stands at the end at nearly every look, so the position must not have moved either.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._last_s: float | None = None
        self._position: int | None = None
        self._idle_s = 0.0

    @property
    def idle(self) -> bool:
        """Whether the source has stood at its end for the timeout."""
        return self._idle_s >= self._timeout_s

    def look(self, now_s: float, *, at_end: bool, position: int) -> None:
        """Take a look; to be called about every second.

        Args:
            now_s: a monotonic clock.
            at_end: whether everything there is has been read, by a broker that answers.
            position: offset of the next record to be read.
        """
        step_s = 0.0 if self._last_s is None else now_s - self._last_s
        stands = at_end and position == self._position and step_s <= MAX_TICK_S
        self._idle_s = self._idle_s + step_s if stands else 0.0
        self._last_s, self._position = now_s, position
