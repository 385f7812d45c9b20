"""Which lines of a recording are dated ahead of the clock though the recording is not: typing errors, wrong clocks.

A replayed event has no arrival, so score cannot tell that it is dated wrongly; one such event makes all later ones of
its partition late until the clock has caught up. A recording that runs on into the future is another thing: a
simulation may, and it is believed.
"""

from collections.abc import Callable


class DatesAhead:
    """Judges the times of one replay, in the order in which they go.

    Args:
        max_ahead_s: how far ahead of now a time may be, and how far one may lie after what came before it.
        now_ms: the clock, epoch milliseconds.
        joins_others: whether the log holds events already: then a recording from the future would make theirs late.
    """

    def __init__(self, max_ahead_s: int, now_ms: Callable[[], int], *, joins_others: bool) -> None:
        self._max_ahead_ms = max_ahead_s * 1000
        self._now_ms = now_ms
        self._believed_ms: int | None = None if joins_others else 0
        """Largest time so far; 0: the first may be any."""

    def arrival_ms(self, time_ms: int | None) -> int | None:
        """Give now where a time is ahead of it and of all before; None where the time may be believed."""
        if time_ms is None:
            return None
        now_ms = self._now_ms()
        latest_ms = now_ms + self._max_ahead_ms
        so_far_ms = self._believed_ms
        if time_ms > latest_ms and so_far_ms != 0:
            runs_on = so_far_ms is not None and (so_far_ms > latest_ms or time_ms <= so_far_ms + self._max_ahead_ms)
            if not runs_on:
                return now_ms
        self._believed_ms = max(so_far_ms or 0, time_ms)
        return None
