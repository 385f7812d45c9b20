"""Which cohorts are closed, by what evaluate says of each partition."""

from collections.abc import Collection

import msgspec

from schemas.rollup import RollupControl


class PartitionWord(msgspec.Struct):
    """What evaluate has said of one partition; nothing in it goes back."""

    closed_through_ms: dict[int, int] = {}
    watermark_ms: int = -1
    idle_since_wall_ms: int | None = None
    """When the newest control was written, if that one calls the partition idle."""


class ClosedCohorts:
    """The controls of all partitions, taken in the order of the log."""

    def __init__(self) -> None:
        self.words: dict[int, PartitionWord] = {}
        self.partitions = 0
        """How many there are, as evaluate says; 0 before the first control."""

    def take(self, control: RollupControl) -> None:
        """Take a control. What a process says that is behind its successor moves nothing back, and is never idle."""
        self.partitions = max(self.partitions, control.partitions)
        word = self.words.setdefault(control.partition, PartitionWord())
        behind = control.watermark_ms < word.watermark_ms
        word.watermark_ms = max(word.watermark_ms, control.watermark_ms)
        for horizon_s, through_ms in control.closed_through_ms.items():
            word.closed_through_ms[horizon_s] = max(through_ms, word.closed_through_ms.get(horizon_s, 0))
        word.idle_since_wall_ms = control.wall_ms if control.idle and not behind else None

    def idle(self) -> dict[int, int]:
        """Give the partitions that evaluate calls idle, and when it last did so: epoch milliseconds of its clock."""
        return {
            number: word.idle_since_wall_ms
            for number, word in self.words.items()
            if word.idle_since_wall_ms is not None
        }

    def through_ms(self, horizon_s: int, standing: Collection[int]) -> int:
        """Give the time before which every cohort of a horizon is closed; 0 where none is.

        Args:
            horizon_s: of the cohorts.
            standing: partitions that hold nothing back: nothing has ever been written to them, or all is read and
                nothing comes. Where every partition stands, the furthest decides.
        """
        if not self.partitions:
            return 0
        waiting = [number for number in range(self.partitions) if number not in standing]
        ends = [self._end(number, horizon_s) for number in waiting or self.words]
        return min(ends) if waiting else max(ends, default=0)

    def _end(self, number: int, horizon_s: int) -> int:
        word = self.words.get(number)
        return 0 if word is None else word.closed_through_ms.get(horizon_s, 0)
