"""When a program has read all, and when it has closed all."""

from collections.abc import Mapping, Sequence

from confluent_kafka import Consumer, KafkaException, TopicPartition

from schemas.rollup import Rollup, RollupControl, decode_rollup
from schemas.settings import Settings
from streams.bench.program import BenchFailed, Condition
from streams.bench.rollup_tail import RollupTail
from streams.readers.counter_store import CounterStore

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


class Open(Condition):
    """Evaluate says that at least so many searches are open."""

    def __init__(self, settings: Settings, searches: int) -> None:
        self._settings = settings
        self._searches = searches

    def __call__(self) -> bool:
        """Whether they are."""
        with CounterStore(self._settings) as store:
            return store.read().counters.get("open_searches", 0) >= self._searches


class AllClosed(RollupTail, Condition):
    """Every partition's control record in `rollups` says that the last cohort's last horizon is closed.

    Also counts what the rollups hold, so that a program that loses events is not called fast.
    """

    def __init__(self, settings: Settings, last_search_ms: int) -> None:
        super().__init__(settings)
        self._partitions = settings.kafka.partitions
        self._through_ms = last_search_ms // (settings.fold.bucket_s * 1000) * (settings.fold.bucket_s * 1000)
        self._horizon_s = max(settings.fold.horizons_s)
        self._closed: set[int] = set()
        self.rollups = 0
        self.searches = 0
        """In rollups of the longest horizon, single versions."""
        self.clicks = 0
        self.totals: dict[int, dict[str, int]] = {}

    def __call__(self) -> bool:
        """Whether all have."""
        for stored in self.news():
            self._take(decode_rollup(stored.value))
        return len(self._closed) == self._partitions

    def must_hold(self, searches: int) -> None:
        """See that nothing was lost or counted twice.

        Raises:
            BenchFailed: the rollups hold another number of searches.
        """
        if self.searches != searches:
            raise BenchFailed(f"{self.searches} searches are in the rollups of the longest horizon, not {searches}")

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
