"""How far the partitions have come together: which cohorts are complete, and what the latest event time is."""

import msgspec

from schemas.rollup import RollupControl


class PartitionClock(msgspec.Struct):
    """The latest control of one partition; nothing in it goes back."""

    closed_through_ms: dict[int, int] = {}
    watermark_ms: int = 0
    largest_time_ms: int = 0
    idle: bool = False
    wall_ms: int = 0


class Frontier(msgspec.Struct):
    """What the controls of all partitions say together."""

    partitions: int = 0
    clocks: dict[int, PartitionClock] = {}

    def take(self, control: RollupControl) -> None:
        """Take a control. What a process says that is behind another moves nothing back, and is never idle.

        It may still have to read what the other has closed: were its partition idle, the cohorts would be decided
        without it.
        """
        self.partitions = max(self.partitions, control.partitions)
        clock = self.clocks.setdefault(control.partition, PartitionClock())
        # The watermark of a partition without records lies before all time, which is not behind.
        behind = max(0, control.watermark_ms) < clock.watermark_ms or control.wall_ms < clock.wall_ms
        for horizon_s, closed_ms in control.closed_through_ms.items():
            clock.closed_through_ms[horizon_s] = max(closed_ms, clock.closed_through_ms.get(horizon_s, closed_ms))
        clock.watermark_ms = max(clock.watermark_ms, control.watermark_ms)
        clock.largest_time_ms = max(clock.largest_time_ms, control.largest_time_ms)
        clock.wall_ms = max(clock.wall_ms, control.wall_ms)
        clock.idle = control.idle and not behind

    @property
    def heard_from_all(self) -> bool:
        """Whether every partition has sent a control."""
        return 0 < self.partitions <= len(self.clocks)

    @property
    def all_idle(self) -> bool:
        """Whether every partition stands at the end of its sources."""
        return self.heard_from_all and all(clock.idle for clock in self.clocks.values())

    @property
    def largest_time_ms(self) -> int:
        """Largest accepted event time of any partition; 0 before the first."""
        return max((clock.largest_time_ms for clock in self.clocks.values()), default=0)

    @property
    def wall_ms(self) -> int:
        """Latest wall-clock time of any control; 0 before the first."""
        return max((clock.wall_ms for clock in self.clocks.values()), default=0)

    def horizons(self) -> list[int]:
        """Every horizon that some partition closes, ascending."""
        return sorted({horizon_s for clock in self.clocks.values() for horizon_s in clock.closed_through_ms})

    def complete_through_ms(self, horizon_s: int) -> int | None:
        """Every cohort that starts before it is complete; None while some partition has not been heard.

        The partitions that are not idle decide; where all are, the furthest.
        """
        if not self.heard_from_all:
            return None
        busy = [clock for clock in self.clocks.values() if not clock.idle]
        if any(horizon_s not in clock.closed_through_ms for clock in busy):
            return None
        if busy:
            return min(clock.closed_through_ms[horizon_s] for clock in busy)
        ends = (clock.closed_through_ms.get(horizon_s) for clock in self.clocks.values())
        return max((end for end in ends if end is not None), default=None)
