"""Reads a topic outside the groups, from its oldest record to its end, and on as it grows."""

import sys
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Final, NamedTuple, Self, TypeVar

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas.errors import ServerUnavailable, TopicMismatch
from schemas.settings import KafkaSettings
from schemas.topics import Topic
from streams.kafka_admin import connect, full_name

BATCH_RECORDS: Final = 500
BUFFER_KBYTES: Final = 16_384
"""What the client fetches ahead, so that a slow reader of a long topic stays small."""
POLL_S: Final = 0.25
STALL_S: Final = 30.0
"""A broker that sends nothing for so long, although more is there, has gone."""
_TIMEOUT_S: Final = 10.0

_Decoded = TypeVar("_Decoded")


class StoredRecord(NamedTuple):
    """One record as it lies in its topic."""

    partition: int
    offset: int
    value: bytes
    key: bytes | None = None
    appended_ms: int = 0
    """When the broker took it, epoch milliseconds."""
    null: bool = False
    """It has no value; `value` is then empty."""


class TopicReader:
    """One topic, read once; a context manager.

    Partitions come mixed, each in its own order. Records without a value are left out, unless they are asked for.

    Args:
        kafka: brokers and topic prefix.
        topic: of the catalogue.
        wait_s: how long to try again while no broker answers; 0 asks once.
        poll_s: how long a look waits for a batch.
        nulls: also give records without a value.
        newest: of each partition only so many of the newest offsets; None: all.

    Raises:
        ServerUnavailable: no broker answers.
        TopicMismatch: the topic is missing.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        topic: Topic,
        wait_s: float = 0.0,
        *,
        poll_s: float = POLL_S,
        nulls: bool = False,
        newest: int | None = None,
    ) -> None:
        self._nulls = nulls
        self._poll_s = poll_s
        self._brokers = kafka.brokers
        self._name = full_name(topic, kafka)
        self.client = connect(kafka, wait_s)
        """Of the same broker, for questions about other topics."""
        found = self._partitions()
        self._consumer = Consumer(
            {
                "bootstrap.servers": kafka.brokers,
                "group.id": f"{kafka.group_prefix}-reader",  # librdkafka wants one; nothing joins or commits
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
                "enable.partition.eof": True,
                "queued.max.messages.kbytes": BUFFER_KBYTES,
                "log_level": 0,
            }
        )
        try:
            self._left = {
                number: (start if newest is None else max(start, end - newest), end)
                for number, (start, end) in self._ends(found).items()
            }
        except BaseException:
            self._consumer.close()
            raise
        self._consumer.assign([TopicPartition(self._name, number, start) for number, (start, _) in self._left.items()])

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect."""
        self._consumer.close()

    def to_end(self) -> Iterator[StoredRecord]:
        """Give every record up to the ends that the partitions had when the reader was made.

        Raises:
            ServerUnavailable: the broker stopped answering.
        """
        left = {number: end for number, (start, end) in self._left.items() if start < end}
        heard_s = time.monotonic()
        while left:
            came = False
            for record, number, next_offset in self._poll():
                came = True
                if record is not None:
                    yield record
                if next_offset >= left.get(number, next_offset + 1):
                    del left[number]
            if came:
                heard_s = time.monotonic()
            elif time.monotonic() - heard_s > STALL_S:
                raise ServerUnavailable(
                    f"Kafka at {self._brokers} stopped sending {self._name}: see that it runs, then try again"
                )

    def tail(self) -> Iterator[StoredRecord | None]:
        """Give what comes after `to_end`, for ever; None after each look, so that a caller can do what is due."""
        while True:
            for record, _, _ in self._poll():
                if record is not None:
                    yield record
            yield None

    def decode(self, record: StoredRecord, decoder: Callable[[bytes], _Decoded]) -> _Decoded | None:
        """Decode a record; one that is not ours is left out with a line on stderr, and gives None."""
        try:
            return decoder(record.value)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            place = f"{self._name}[{record.partition}] at {record.offset}"
            sys.stderr.write(f"matchwatch: a record of {place} is not ours and is left out: {error}\n")
            return None

    def _poll(self) -> Iterator[tuple[StoredRecord | None, int, int]]:
        """Give what came: a record if it has a value, its partition, and the offset behind it."""
        for message in self._consumer.consume(BATCH_RECORDS, self._poll_s):
            number, offset = message.partition(), message.offset()
            error = message.error()
            if error is not None and error.code() == KafkaError._PARTITION_EOF and number is not None:  # noqa: SLF001
                yield None, number, offset if offset is not None and offset >= 0 else 0
            elif error is not None:
                if error.retriable() or error.code() in _PASSING:
                    continue
                raise ServerUnavailable(f"Kafka does not send {self._name}: {error.str()}")
            elif number is not None and offset is not None:
                yield self._stored(message, number, offset), number, offset + 1

    def _stored(self, message: Message, number: int, offset: int) -> StoredRecord | None:
        value, key = message.value(), message.key()
        if value is None and not self._nulls:
            return None
        return StoredRecord(number, offset, value or b"", key, message.timestamp()[1], null=value is None)

    def _partitions(self) -> list[int]:
        try:
            found = self.client.list_topics(timeout=_TIMEOUT_S).topics.get(self._name)
        except KafkaException as error:
            raise ServerUnavailable(
                f"Kafka at {self._brokers} does not list its topics: {error.args[0].str()}"
            ) from None
        if found is None or found.error is not None:
            raise TopicMismatch(f"there is no topic {self._name}: make it with `matchwatch topics --create`")
        return sorted(found.partitions)

    def _ends(self, numbers: list[int]) -> dict[int, tuple[int, int]]:
        try:
            return {
                number: self._consumer.get_watermark_offsets(
                    TopicPartition(self._name, number), timeout=_TIMEOUT_S, cached=False
                )
                for number in numbers
            }
        except KafkaException as error:
            raise ServerUnavailable(
                f"Kafka at {self._brokers} does not tell the offsets of {self._name}: {error.args[0].str()}"
            ) from None


_PASSING: Final = frozenset(
    {
        KafkaError._TRANSPORT,  # noqa: SLF001 - librdkafka's own codes begin with an underscore
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001
        KafkaError._TIMED_OUT,  # noqa: SLF001
        KafkaError._RESOLVE,  # noqa: SLF001
    }
)
"""Errors after which the client connects again by itself; `STALL_S` ends it where that does not help."""
