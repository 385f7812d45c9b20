"""When a program has read all, and when it has closed all."""

from collections.abc import Mapping, Sequence
from types import TracebackType

from confluent_kafka import Consumer, KafkaException, TopicPartition

from schemas.rollup import Rollup, RollupControl, decode_rollup
from schemas.settings import Settings
from schemas.topics import ROLLUPS
from streams.bench.program import BenchFailed, Condition

_TIMEOUT_S = 10.0


class Committed(Condition):
    """Groups have committed the ends that topics had when this was made."""

    def __init__(self, settings: Settings, reads: Mapping[str, Sequence[str]]) -> None:
        """Note the ends.

        Args:
            settings: brokers and prefixes.
            reads: topics without prefix, by group without prefix.
        """
        kafka = settings.kafka
        self._groups: dict[Consumer, list[TopicPartition]] = {}
        for group, topics in reads.items():
            # A consumer that never subscribes only asks for what its group has committed.
            consumer = Consumer({
                "bootstrap.servers": kafka.brokers, "group.id": f"{kafka.group_prefix}-{group}", "log_level": 0
            })  # fmt: skip
            ends = []
            for topic in topics:
                name = kafka.topic_prefix + topic
                for partition in consumer.list_topics(name, timeout=_TIMEOUT_S).topics[name].partitions:
                    end = consumer.get_watermark_offsets(TopicPartition(name, partition), timeout=_TIMEOUT_S)[1]
                    if end:
                        ends.append(TopicPartition(name, partition, end))
            self._groups[consumer] = ends

    def __call__(self) -> bool:
        """Whether all groups have."""
        for consumer, ends in list(self._groups.items()):
            try:
                found = consumer.committed([TopicPartition(end.topic, end.partition) for end in ends], _TIMEOUT_S)
            except KafkaException:
                return False  # the group is being formed
            if any(place.offset < end.offset for place, end in zip(found, ends, strict=True)):
                return False
            consumer.close()
            del self._groups[consumer]
        return True


class AllClosed(Condition):
    """Every partition's control record in `rollups` says that the last cohort's last horizon is closed.

    Also counts what the rollups hold, so that a program that loses events is not called fast.
    """

    def __init__(self, settings: Settings, last_search_ms: int) -> None:
        kafka = settings.kafka
        self._partitions = kafka.partitions
        self._through_ms = last_search_ms // (settings.fold.bucket_s * 1000) * (settings.fold.bucket_s * 1000)
        self._horizon_s = max(settings.fold.horizons_s)
        self._consumer = Consumer({
            "bootstrap.servers": kafka.brokers,
            "group.id": "bench-rollups",
            "enable.auto.commit": False,
            "log_level": 0,
        })  # fmt: skip
        self._consumer.assign([TopicPartition(kafka.topic_prefix + ROLLUPS.name, 0, 0)])
        self._closed: set[int] = set()
        self.rollups = 0
        self.searches = 0
        """In rollups of the longest horizon, single versions."""
        self.clicks = 0
        self.totals: dict[int, dict[str, int]] = {}

    def __enter__(self) -> "AllClosed":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()

    def __call__(self) -> bool:
        """Whether all have."""
        for message in self._consumer.consume(1000, timeout=0.01):
            failure = message.error()
            if failure is not None:
                raise BenchFailed(f"rollups cannot be read: {failure.str()}")
            self._take(decode_rollup(message.value() or b""))
        return len(self._closed) == self._partitions

    def _take(self, record: Rollup | RollupControl) -> None:
        if isinstance(record, RollupControl):
            self.totals[record.partition] = record.totals
            if record.closed_through_ms.get(self._horizon_s, 0) > self._through_ms:
                self._closed.add(record.partition)
        else:
            self.rollups += 1
            if record.horizon_s == self._horizon_s and record.series.version != "*":
                self.searches += record.searches
                self.clicks += record.labels.clicks
