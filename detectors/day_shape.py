"""The shape of a series' days: how much usually comes at each time of the day, as the days before showed it.

cohorts ─► slots of ten minutes of the last seven days ─► at this slot: the median day, and the least and most of all

Only what usually changes within an hour or so is used: the level itself is the watch's. So a quiet Sunday, growth and
a sale need no learning, but a morning does.
"""

import math
from typing import Any, Final

import msgspec
import numpy as np

from detectors.day_around import MIDDLE, SLOT_S, WIDTH, Around, look_around
from detectors.season import Season

SLOT_MS: Final = 1000 * SLOT_S
DAY: Final = 144
"""Slots."""
DAYS: Final = 7
"""So many days back are looked at; the last of them is the same day of the week."""
KEPT: Final = (DAYS + 1) * DAY
UNSEEN: Final = -1
"""A slot of which less than half was seen. What was seen while an alert fired is kept as −2 − count: in doubt."""


class Slots(msgspec.Struct):
    """What is remembered, as plain numbers."""

    counts: list[int] = msgspec.field(default_factory=lambda: [UNSEEN] * KEPT)
    """Events of whole slots, in a ring."""
    slot: int = -1
    """The present slot, since 1970 but for the weeks that were skipped; what has been seen of it:"""
    n: float = 0.0
    seen_ms: int = 0
    doubtful: bool = False
    skipped: int = 0
    """Slots of whole weeks in which the log had a gap."""
    latest_ms: int = -1
    usual: float = 1.0
    """What was given last: where nothing is known, it stays."""
    one: float = 0.0
    """Events of a slot that `usual` has the value 1 for; 0 while nothing is known."""


class DayShape:
    """Gives what is usual at a cohort's time of day, by the slots of the days before.

    Nothing is known on the first day. What is usual is the median of the days; the least and the most are what any of
    them had, a little earlier or later in the day. From the fifth day on one day alone does not count for that, unless
    it is the same day of the week. What came while an alert fired is in doubt: it counts only where no other day is
    known, so that the first night is known on the second, and on the same day of the week, so that a shop that is
    closed on Sundays says so once.

    >>> shape, evening = DayShape(), 20 * 3_600_000
    >>> for hour in range(48):
    ...     _ = shape.take(hour * 3_600_000, (hour + 1) * 3_600_000, 10.0 if hour % 24 < 8 else 100.0, doubtful=False)
    >>> season = shape.take(50 * 3_600_000, 50 * 3_600_000 + 60_000, 0.2, doubtful=False)
    >>> later = shape.take(60 * 3_600_000, 60 * 3_600_000 + 60_000, 1.7, doubtful=False)
    >>> round(later.usual / season.usual, 1)
    8.5
    """

    def __init__(self) -> None:
        self._s = Slots()
        self._around: Around | None = None
        self._around_slot = -1
        self._bucket_s = 0.0

    def take(self, start_ms: int, end_ms: int, n: float, *, doubtful: bool) -> Season:
        """Learn the next cohort, and give what is usual at its time.

        One that is dated before the latest teaches nothing, unless by more than a day: then the clock was set back, and
        all begins anew.

        Args:
            start_ms: of the cohort.
            end_ms: of the cohort.
            n: events in it.
            doubtful: an alert fires.
        """
        s = self._s
        if start_ms < s.latest_ms - DAY * SLOT_MS:
            self._s = s = Slots(usual=s.usual)
        if start_ms >= s.latest_ms:
            at_ms = start_ms
            while at_ms < end_ms:
                self._enter(at_ms // SLOT_MS)
                part_ms = min(end_ms, (at_ms // SLOT_MS + 1) * SLOT_MS) - at_ms
                s.n += n * part_ms / (end_ms - start_ms)
                s.seen_ms += part_ms
                s.doubtful = s.doubtful or doubtful
                at_ms += part_ms
            s.latest_ms = end_ms
        if end_ms - start_ms != 1000 * self._bucket_s:
            self._bucket_s, self._around_slot = (end_ms - start_ms) / 1000, -1
        return self._season((start_ms + end_ms) / 2 / SLOT_MS)

    def state(self) -> dict[str, Any]:
        """Give everything as plain numbers."""
        state: dict[str, Any] = msgspec.to_builtins(self._s)
        return state

    def restore(self, state: dict[str, Any]) -> None:
        """Take up where another one gave its `state`."""
        self._s = msgspec.convert(state, Slots)
        self._around, self._around_slot = None, -1

    def _enter(self, slot: int) -> None:
        s = self._s
        slot -= s.skipped
        if slot == s.slot:
            return
        if s.slot >= 0:
            if s.seen_ms >= SLOT_MS / 2:
                whole = round(s.n * SLOT_MS / s.seen_ms)
                s.counts[s.slot % KEPT] = -2 - whole if s.doubtful else whole
            weeks = (slot - s.slot) // (DAYS * DAY) * DAYS * DAY
            slot, s.skipped = slot - weeks, s.skipped + weeks
            for missed in range(s.slot + 1, slot):
                s.counts[missed % KEPT] = UNSEEN
        s.counts[slot % KEPT] = UNSEEN
        s.slot, s.n, s.seen_ms, s.doubtful = slot, 0.0, 0, False

    def _season(self, place: float) -> Season:
        """Give what is usual at a time, in slots since 1970."""
        s = self._s
        place -= s.skipped
        slot = math.floor(place)
        if slot != self._around_slot:
            self._around, self._around_slot = self._look_around(slot), slot
        around = self._around
        if around is None:
            s.one = 0.0
            return Season(s.usual, 1.0, 1.0, s.usual)
        before, now, after = (max(0.5, x) for x in around.curve)
        share = place - slot - 0.5
        events = now ** (1 - abs(share)) * (after if share > 0 else before) ** abs(share)
        if not s.one:  # goes on from what it was: the level has been learned with that
            s.one = events / s.usual
        s.usual = events / s.one
        return Season(s.usual, around.low, around.high, min(s.usual, around.least / s.one))

    def _look_around(self, slot: int) -> Around | None:
        counts, first = self._s.counts, slot - MIDDLE
        days = [[counts[(first + i - ago * DAY) % KEPT] for i in range(WIDTH)] for ago in range(1, DAYS + 1)]
        sure = [any(day[i] >= 0 for day in days) for i in range(WIDTH)]
        known = [
            [_events(x, doubted=sure[i] and ago < DAYS) for i, x in enumerate(day)] for ago, day in enumerate(days, 1)
        ]
        return look_around(np.array(known), self._bucket_s)


def _events(count: int, *, doubted: bool) -> float:
    """Give the events of a slot, NaN where they are not known."""
    if count >= 0:
        return count
    return math.nan if count == UNSEEN or doubted else -2 - count
