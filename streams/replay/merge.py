"""Several files as one stream in order of time, each file's own order kept.

Recordings hold late events, and lines with absurd times. A file's place is therefore its running maximum of plausible
times: late lines go out where they stand, and a line dated 2099 does not hold its file back until 2099.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from heapq import heapify, heappop, heapreplace
from itertools import pairwise
from typing import Final

from streams.replay.records import Record

LOOK_AHEAD: Final = 65
"""How many lines from a line on tell what time it is around it."""
PLAUSIBLE_AHEAD_MS: Final = 300_000
"""A line's time is plausible up to this far after the median of the lines that follow it."""
LONGEST_STEP_MS: Final = 366 * 24 * 3600 * 1000
"""A log has no gap of more than a year: what lies beyond one is dated wrongly."""

Placed = tuple[int, Record]


def place_records(records: Iterable[Record]) -> Iterator[Placed]:
    """Give each record of one file its place: the running maximum of plausible times so far, 0 before the first.

    In a file in order, the lower median of a line and those after it is never before the line's own time; a line far
    ahead of that median is alone in its time. The last line of a file has none after it, so it is believed.
    """
    source = iter(records)
    window: deque[Record] = deque()
    running_ms = 0
    ended = False
    while True:
        while not ended and len(window) < LOOK_AHEAD:
            following = next(source, None)
            if following is None:
                ended = True
            else:
                window.append(following)
        if not window:
            return
        record = window[0]
        if record.time_ms is not None and record.time_ms > running_ms:
            times = [other.time_ms for other in window if other.time_ms is not None]
            if record.time_ms <= _lower_median(times) + PLAUSIBLE_AHEAD_MS:
                running_ms = record.time_ms
        window.popleft()
        yield running_ms, record


def place_sorted(records: Sequence[Record]) -> list[Placed]:
    """Give each record of a log that was sorted by time its place: its own time, if that is plausible.

    Times are plausible if no step of more than LONGEST_STEP_MS lies between them and the lower median of all. A record
    dated before that has the place 0, one dated after it the place of the last that is plausible.
    """
    times = [record.time_ms or 0 for record in records]
    if not times:
        return []
    middle = (len(times) - 1) // 2
    jumps = [later for later, (first, second) in enumerate(pairwise(times), 1) if second - first > LONGEST_STEP_MS]
    begin = max((jump for jump in jumps if jump <= middle), default=0)
    end = min((jump for jump in jumps if jump > middle), default=len(times))
    places = [*[0] * begin, *times[begin:end], *[times[end - 1]] * (len(times) - end)]
    return list(zip(places, records, strict=True))


def merge_placed(streams: Sequence[Iterator[Placed]]) -> Iterator[Placed]:
    """Merge files by place; of equal places the earlier file of `streams` goes first, and stays until it moves on."""
    heads: list[tuple[int, int, Record, Iterator[Placed]]] = []
    for number, stream in enumerate(streams):
        first = next(stream, None)
        if first is not None:
            heads.append((first[0], number, first[1], stream))
    heapify(heads)
    while heads:
        place, number, record, stream = heads[0]
        yield place, record
        following = next(stream, None)
        if following is None:
            heappop(heads)
        else:
            heapreplace(heads, (following[0], number, following[1], stream))


def _lower_median(times: list[int]) -> int:
    return sorted(times)[(len(times) - 1) // 2]
