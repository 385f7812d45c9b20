"""A load written record by record: for what no recording holds, such as a producer's clock, headers or partitioner."""

import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from confluent_kafka import KafkaError, KafkaException, Producer

from schemas.settings import Settings
from schemas.topics import LARGEST_EVENT_BYTES
from streams.control import arrival_headers, watermark_headers
from streams.replay.lines import read_records
from streams.replay.pace import Pace
from streams.replay.replay import finish_watermark_ms, open_recordings
from tests.faults.feed import SPEED, Feed

SEARCHES, CLICKS, CATALOG = "search-events", "click-events", "catalog-items"
QUEUED = 20_000
MURMUR2 = "murmur2_random"
LIBRDKAFKAS_OWN = "consistent_random"
"""CRC32 of the key: what a producer on librdkafka does when nobody tells it otherwise."""


@dataclass(frozen=True)
class Due:
    """One record and when it is due, in event time; `partition` None leaves it to the producer."""

    at_ms: int
    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    partition: int | None = None

    def arriving(self) -> "Due":
        """Give it with the time at which it is due as its arrival."""
        return replace(self, headers=tuple(arrival_headers(self.at_ms)))


def load_of(recording: Path) -> list[Due]:
    """Give what a replay of a recording would send, in its order; items first."""
    headers = tuple(arrival_headers(None))
    source = open_recordings([recording], "matchwatch")
    items = [each for file in source.catalog for each in read_records(file, CATALOG)]
    return [Due(0, CATALOG, each.key, each.value, headers) for each in items] + [
        Due(at_ms, each.topic, each.key, each.value, headers) for at_ms, each in source.placed
    ]


@dataclass(frozen=True)
class Sent:
    """What the end of a load says, as a replay's summary does."""

    watermark_ms: int | None


class ScriptedFeed(Feed):
    """Sends a load at a pace, in the background.

    Args:
        load: in the order in which it is sent.
        settings: with the topics.
        speed: event seconds a second; 0 as fast as it goes.
        partitioner: of the producer.
        finish: end with control records whose watermark closes everything.
        last_ms: the largest event time that counts, where it is not that of the last record.
    """

    def __init__(
        self,
        load: Sequence[Due],
        settings: Settings,
        *,
        speed: float = SPEED,
        partitioner: str = MURMUR2,
        finish: bool = True,
        last_ms: int | None = None,
    ) -> None:
        threading.Thread.__init__(self, daemon=True)
        self._load, self._settings, self._speed, self._finish = load, settings, speed, finish
        self._searches = max(1, sum(each.topic == SEARCHES for each in load))
        self._last_ms = last_ms or max(each.at_ms for each in load)
        self._sent = 0
        self._failure = None
        self._summary = None
        self._refused: list[str] = []
        self._producer = Producer(
            {
                "bootstrap.servers": settings.kafka.brokers,
                "enable.idempotence": True,
                "partitioner": partitioner,
                "linger.ms": 20,
                "message.max.bytes": LARGEST_EVENT_BYTES,
                "log_level": 0,
            }
        )
        self.start()

    def run(self) -> None:
        try:
            pace = Pace(self._speed)
            for each in self._load:
                if each.topic in (SEARCHES, CLICKS) and each.at_ms:
                    pace.wait_for(each.at_ms)
                self._send(each)
                self._sent += each.topic == SEARCHES
            self._flush()
            watermark_ms = finish_watermark_ms(self._last_ms, self._settings.fold) if self._finish else None
            if watermark_ms is not None:
                self.end_with(watermark_ms)
            self._summary = Sent(watermark_ms)
        except BaseException as error:  # noqa: BLE001 - told to whoever waits for the end
            self._failure = error

    def end_with(self, watermark_ms: int) -> None:
        """Send the control records that say that nothing older will come."""
        headers = tuple(watermark_headers(watermark_ms))
        for topic in (SEARCHES, CLICKS):
            for partition in range(self._settings.kafka.partitions):
                self._send(Due(0, topic, None, None, headers, partition))
        self._flush()

    def _send(self, each: Due) -> None:
        topic = self._settings.kafka.topic_prefix + each.topic
        partition = -1 if each.partition is None else each.partition
        try:
            self._producer.produce(
                topic,
                each.value,
                each.key,
                partition=partition,
                headers=list(each.headers),
                on_delivery=self._delivered,
            )
        except KafkaException as error:
            if error.args[0].code() != KafkaError.MSG_SIZE_TOO_LARGE:
                raise
        self._producer.poll(0.05 if len(self._producer) > QUEUED else 0)
        if each.topic not in (SEARCHES, CLICKS, CATALOG):
            self._flush()  # a deployment is there before what comes after it

    def _flush(self) -> None:
        assert self._producer.flush(60) == 0, "the broker does not take the load"
        assert not self._refused, f"the broker refused records: {self._refused[:3]}"

    def _delivered(self, error: KafkaError | None, _: object) -> None:
        if error is not None and error.code() != KafkaError.MSG_SIZE_TOO_LARGE:
            self._refused.append(str(error))


def send_now(settings: Settings, records: Iterable[Due]) -> list[tuple[str, int, int]]:
    """Send records and wait for their acknowledgement; gives topic without prefix, partition and offset of each."""
    places: list[tuple[str, int, int]] = []
    producer = Producer(
        {
            "bootstrap.servers": settings.kafka.brokers,
            "partitioner": MURMUR2,
            "message.max.bytes": LARGEST_EVENT_BYTES,
        }
    )

    def delivered(error: KafkaError | None, message: object) -> None:
        assert error is None, f"not sent: {error}"
        topic = message.topic().removeprefix(settings.kafka.topic_prefix)
        places.append((topic, message.partition(), message.offset()))

    for each in records:
        producer.produce(
            settings.kafka.topic_prefix + each.topic,
            each.value,
            each.key,
            partition=-1 if each.partition is None else each.partition,
            headers=list(each.headers),
            on_delivery=delivered,
        )
    assert producer.flush(30) == 0
    return places


def now_ms() -> int:
    """Give the wall clock, epoch milliseconds."""
    return time.time_ns() // 1_000_000
