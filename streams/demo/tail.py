"""Everything that the pipeline tells, read from its topics as it comes."""

from types import TracebackType
from typing import Final, NamedTuple

from confluent_kafka import Consumer, KafkaError, TopicPartition

from schemas.errors import ServerUnavailable
from schemas.settings import KafkaSettings
from schemas.topics import ALERTS, MODEL_EVENTS, ROLLUPS, SIGNALS

TOPICS: Final = (ROLLUPS.name, SIGNALS.name, ALERTS.name, MODEL_EVENTS.name)
"""Topics of one partition, read from their beginning."""
_MOST_RECORDS: Final = 2000


class Told(NamedTuple):
    """One record: the topic's catalogue name, and its value."""

    topic: str
    value: bytes


class Tail:
    """Reads the topics outside every group."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._prefix = kafka.topic_prefix
        self._consumer = Consumer({
            "bootstrap.servers": kafka.brokers,
            "group.id": f"{kafka.group_prefix}-demo",  # asked for, and never joined
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 100,
            "log_level": 0,
        })  # fmt: skip
        self._consumer.assign([TopicPartition(self._prefix + topic, 0, 0) for topic in TOPICS])

    def poll(self, timeout_s: float) -> list[Told]:
        """Give what has come, at most for so long.

        Raises:
            ServerUnavailable: the broker refuses.
        """
        told = []
        for message in self._consumer.consume(_MOST_RECORDS, timeout_s):
            error, value, topic = message.error(), message.value(), message.topic()
            if error is not None:
                if error.fatal() or error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise ServerUnavailable(f"{topic} cannot be read: {error.str()}")
                continue  # librdkafka connects again by itself
            if value is not None and topic is not None:
                told.append(Told(topic.removeprefix(self._prefix), value))
        return told

    def __enter__(self) -> "Tail":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()
