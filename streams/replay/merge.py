"""Several files as one stream in order of time, each file's own order kept.

Recordings hold late events, and lines with absurd times. A file's place is therefore its running maximum of plausible
times: late lines go out where they stand, and a line dated 2099 does not hold its file back until 2099.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from heapq import heapify, heappop, heapreplace
from typing import Final

from streams.replay.records import Record

LOOK_AHEAD: Final = 65
"""How many lines from a line on tell what time it is around it."""
PLAUSIBLE_AHEAD_MS: Final = 300_000
"""A line's time is plausible up to this far after the median of the lines that follow it."""
FEWEST_TO_TELL: Final = 3
"""Of fewer times that are left in a file, the median tells too little: a last line would be its own."""
LONGEST_STEP: Final = 10
"""How many times its longest step so far a file may step ahead near its end."""

Placed = tuple[int, Record]


def place_records(records: Iterable[Record], *, steady: bool = True) -> Iterator[Placed]:
    """Give each record of one file its place: the running maximum of plausible times so far, 0 before the first.

    In a file in order, the lower median of a line and those after it is never before the line's own time; a line far
    ahead of that median is alone in its time. Near the end of the file, where too few are left to tell, a line may
    also not step further ahead of the running maximum than PLAUSIBLE_AHEAD_MS, or LONGEST_STEP times the longest step
    before, if the file is quieter than that; the first step of all is believed.

    Args:
        records: of the file, in its order.
        steady: whether its steps tell anything; no gap between deployments is strange.
    """
    longest_step_ms = 0
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
            step_ms = record.time_ms - running_ms if running_ms else 0
            is_borne_out = len(times) >= FEWEST_TO_TELL or not steady or not longest_step_ms
            is_likely = step_ms <= max(PLAUSIBLE_AHEAD_MS, LONGEST_STEP * longest_step_ms)
            if record.time_ms <= _lower_median(times) + PLAUSIBLE_AHEAD_MS and (is_borne_out or is_likely):
                running_ms = record.time_ms
                longest_step_ms = max(longest_step_ms, step_ms)
        window.popleft()
        yield running_ms, record


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
