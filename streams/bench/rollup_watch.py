"""What `rollups` says while a bench runs: how far each partition is, and what has been counted."""

from types import TracebackType
from typing import Final

from confluent_kafka import Consumer, TopicPartition

from schemas.rollup import LABEL_FREE, Rollup, RollupControl, decode_rollup
from schemas.settings import Settings
from schemas.topics import ROLLUPS
from streams.bench.expected_counts import CountedRollups
from streams.bench.program import BenchFailed

_RECORDS: Final = 1000


class RollupWatch:
    """Reads on at each `look`."""

    def __init__(self, settings: Settings) -> None:
        kafka = settings.kafka
        self._partitions = kafka.partitions
        self._horizon_s = max(settings.fold.horizons_s)
        self._lateness_ms = settings.fold.lateness_s * 1000
        self._consumer = Consumer({
            "bootstrap.servers": kafka.brokers,
            "group.id": "bench-rollups",
            "enable.auto.commit": False,
            "log_level": 0,
        })  # fmt: skip
        self._consumer.assign([TopicPartition(kafka.topic_prefix + ROLLUPS.name, 0, 0)])
        self._controls: dict[int, RollupControl] = {}
        self.counted = CountedRollups()

    def __enter__(self) -> "RollupWatch":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()

    def look(self) -> None:
        """Read what has come."""
        while messages := self._consumer.consume(_RECORDS, timeout=0.01):
            for message in messages:
                failure = message.error()
                if failure is not None:
                    raise BenchFailed(f"rollups cannot be read: {failure.str()}")
                self._take(decode_rollup(message.value() or b""))

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
