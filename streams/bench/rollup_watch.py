"""What `rollups` says while a bench runs: how far each partition is, and what has been counted."""

from schemas.rollup import LABEL_FREE, Rollup, RollupControl, decode_rollup
from schemas.settings import Settings
from streams.bench.expected_counts import CountedRollups
from streams.bench.rollup_tail import RollupTail


class RollupWatch(RollupTail):
    """Reads on at each `look`."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._partitions = settings.kafka.partitions
        self._horizon_s = max(settings.fold.horizons_s)
        self._lateness_ms = settings.fold.lateness_s * 1000
        self._controls: dict[int, RollupControl] = {}
        self.counted = CountedRollups()

    def look(self) -> None:
        """Read what has come."""
        came = True
        while came:
            came = False
            for stored in self.news():
                self._take(decode_rollup(stored.value))
                came = True

    def newest_ms(self) -> int:
        """Give the event time that every partition has reached in both topics; 0 before all have said something."""
        if len(self._controls) < self._partitions:
            return 0
        return min(control.watermark_ms for control in self._controls.values()) + self._lateness_ms

    def closed_through(self, time_ms: int) -> bool:
        """Whether every partition has closed the last horizon of every cohort that begins before this time."""
        closed = [control.closed_through_ms.get(self._horizon_s, 0) for control in self._controls.values()]
        return len(closed) == self._partitions and min(closed) >= time_ms

    def total(self, name: str) -> int:
        """Add up a counter of all partitions."""
        return sum(control.totals.get(name, 0) for control in self._controls.values())

    def _take(self, record: Rollup | RollupControl) -> None:
        if isinstance(record, RollupControl):
            self._controls[record.partition] = record
        elif record.horizon_s != LABEL_FREE and record.series.version != "*":
            self.counted.add(record)
