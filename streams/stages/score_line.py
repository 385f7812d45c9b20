"""What is under way of one partition of score: its steps in order, its counters, and what it says of itself."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from schemas.scores import ScoreControl
from streams.stages.idle_clock import IdleClock
from streams.stages.search_pages import SearchPages
from streams.transport import TP, Commit, OutRecord

MAX_WAITING_BATCHES: Final = 1


class _Totals(msgspec.Struct):
    """Commit metadata of a partition of search-events: what was read of it since its log began."""

    verdicts: dict[str, int] = {}


@dataclass(slots=True)
class Work:
    """One step: a block's worth of searches, dead letters, the end of a source."""

    next_offset: int
    pages: SearchPages
    source_bytes: int = 0
    letters: list[OutRecord] = field(default_factory=list)
    verdicts: Counter[str] = field(default_factory=Counter)
    watermark_ms: int | None = None
    arrived_ms: int = 0
    """When the last of its records arrived; 0 where it has none."""


class Line:
    """The steps of one partition, done one after the other by a task of its own."""

    def __init__(self, tp: TP, offset: int, verdicts: Mapping[str, int], idle_timeout_s: float) -> None:
        self.tp = tp
        self.queue: asyncio.Queue[Work] = asyncio.Queue(MAX_WAITING_BATCHES)
        self.done_offset = offset
        """Everything before it is acknowledged."""
        self.committed_offset = offset
        self.verdicts = Counter(verdicts)
        self.idle = IdleClock(idle_timeout_s)
        self.control_due = False
        self.at_end = False
        """Nothing waited at the latest look."""
        self._arrived_ms = 0
        self.task: asyncio.Task[None] | None = None
        self.ended = False

    def end(self) -> None:
        """Take no more work, and let go whoever waits for room or for the rest to be done."""
        self.ended = True
        while not self.queue.empty():
            self.queue.get_nowait()

    def control(self, work: Work, verdicts: Mapping[str, int]) -> ScoreControl:
        """Say how far the partition is once `work` is done, with its counters by then."""
        wall_ms = time.time_ns() // 1_000_000
        return ScoreControl(
            partition=self.tp.partition,
            next_source_offset=max(self.done_offset, work.next_offset),
            totals=dict(verdicts),
            idle=self.idle.idle,
            wall_ms=wall_ms,
            watermark_ms=work.watermark_ms,
            lag_ms=self._lag_ms(wall_ms),
        )

    def passed(self, work: Work) -> None:
        """Take note that a step has been scored."""
        self._arrived_ms = max(self._arrived_ms, work.arrived_ms)

    def _lag_ms(self, wall_ms: int) -> int | None:
        if self.at_end:
            return 0
        return max(0, wall_ms - self._arrived_ms) if self._arrived_ms else None

    def commit(self) -> Commit:
        """Give what to commit: what is acknowledged, and the counters that belong to it."""
        return Commit(self.done_offset, msgspec.json.encode(_Totals(dict(self.verdicts))).decode())


def read_totals(metadata: str) -> dict[str, int] | None:
    """Read commit metadata; None where it is not ours: counters then begin anew, and nothing else depends on them."""
    try:
        return msgspec.json.decode(metadata, type=_Totals).verdicts
    except (msgspec.DecodeError, UnicodeError, RecursionError):  # the last two are no errors of msgspec's
        return None
