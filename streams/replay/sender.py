"""Records to Kafka, all of them acknowledged or the failure said: what the shop and the replay send with."""

import time
from collections import Counter
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec  # exported by the package, but not to type checkers

from schemas.errors import DeliveryFailed, ServerUnavailable, TopicMismatch
from schemas.topics import LARGEST_EVENT_BYTES

_QUEUE_RECORDS: Final = 20_000
_QUEUE_KB: Final = 128 * 1024
_TIMEOUT_S: Final = 5.0
_NEW_TOPIC_S: Final = 3.0
"""A broker may need a moment until it knows a topic that was just made."""
_POLL_S: Final = 0.1
_DELIVERY_S: Final = 60.0


class Sender:
    """A producer with a bounded queue: a full queue makes `send` wait, nothing is lost unsaid."""

    def __init__(self, brokers: str) -> None:
        self._brokers = brokers
        self._producer = Producer({
            "bootstrap.servers": brokers,
            "acks": "all",
            "enable.idempotence": True,
            # librdkafka's own default hashes keys with CRC32: searches would not meet the clicks of other producers.
            "partitioner": "murmur2_random",
            "linger.ms": 20,
            "compression.type": "lz4",
            "message.max.bytes": LARGEST_EVENT_BYTES,
            "queue.buffering.max.messages": _QUEUE_RECORDS,
            "queue.buffering.max.kbytes": _QUEUE_KB,
            "delivery.timeout.ms": round(_DELIVERY_S * 1000),
            "log_level": 0,  # what goes wrong is raised; librdkafka would also write it to the terminal
        })  # fmt: skip
        self._failed = 0
        self._first_failure = ""
        self.refused: Counter[str] = Counter()
        """Records that are larger than the broker takes, by topic: they cannot be sent at all."""
        self.acknowledged: Counter[str] = Counter()
        """Records that the broker has acknowledged, by topic."""

    def partitions(self, topic: str) -> int:
        """How many partitions a topic has.

        Raises:
            ServerUnavailable: Kafka does not answer.
            TopicMismatch: there is no such topic.
        """
        deadline_s = time.monotonic() + _NEW_TOPIC_S
        while True:
            try:
                found = self._producer.list_topics(topic, timeout=_TIMEOUT_S).topics[topic]
            except KafkaException as error:
                raise ServerUnavailable(
                    f"Kafka at {self._brokers} does not answer; start it with `matchwatch up` or set kafka.brokers"
                ) from error
            if found.error is None and found.partitions:
                return len(found.partitions)
            if time.monotonic() > deadline_s:
                raise TopicMismatch(f"there is no topic {topic}; create it with `matchwatch topics --create`")
            time.sleep(_POLL_S)

    def holds_records(self, topic: str) -> bool:
        """Whether a topic has had any record.

        Raises:
            ServerUnavailable: Kafka does not answer.
        """
        admin = AdminClient({"bootstrap.servers": self._brokers, "log_level": 0})
        wanted = {TopicPartition(topic, number): OffsetSpec.latest() for number in range(self.partitions(topic))}
        try:
            return any(
                future.result(_TIMEOUT_S).offset > 0
                for future in admin.list_offsets(wanted, request_timeout=_TIMEOUT_S).values()
            )
        except KafkaException as error:
            raise ServerUnavailable(
                f"Kafka at {self._brokers} does not say where {topic} ends ({error.args[0].str()}); try again"
            ) from error

    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: list[tuple[str, bytes]],
        partition: int | None = None,
    ) -> None:
        """Queue one record; waits while the queue is full.

        Args:
            topic: full name, with the prefix.
            key: None for a record without one.
            value: None for a tombstone or a control record.
            headers: of the record.
            partition: None: murmur2 of the key, any partition without a key.

        Raises:
            DeliveryFailed: an earlier record was not acknowledged.
        """
        while True:
            try:
                self._producer.produce(
                    topic,
                    value=value,
                    key=key,
                    headers=headers,  # type: ignore[arg-type]
                    partition=-1 if partition is None else partition,
                    on_delivery=self._delivered,
                )
                break
            except BufferError:
                self._producer.poll(0.1)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.MSG_SIZE_TOO_LARGE:
                    raise DeliveryFailed(f"{topic}: {error.args[0].str()}") from error
                self.refused[topic] += 1
                break
        self._producer.poll(0)
        self._check()

    def flush(self) -> None:
        """Wait until every record sent so far is acknowledged.

        Raises:
            DeliveryFailed: some were not; the message says how many.
        """
        waiting = self._producer.flush(_DELIVERY_S + _TIMEOUT_S)
        if waiting:
            self._failed += waiting
            self._first_failure = self._first_failure or "no answer in time"
        self._check()

    def _check(self) -> None:
        if self._failed:
            total = self._failed + self.acknowledged.total()
            raise DeliveryFailed(
                f"{self._failed} of {total} records were not acknowledged by {self._brokers} ({self._first_failure}); "
                "look at the broker's log and send again"
            )

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        topic = message.topic() or ""
        if error is None:
            self.acknowledged[topic] += 1
        elif error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
            self.refused[topic] += 1
        else:
            self._failed += 1
            self._first_failure = self._first_failure or f"{topic}: {error.str()}"
