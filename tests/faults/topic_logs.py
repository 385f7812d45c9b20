"""What lies in topics, partition by partition, read by plain librdkafka; nothing of the product is imported."""

from collections.abc import Iterator
from dataclasses import dataclass

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

TIMEOUT_S = 10.0


@dataclass(frozen=True)
class LogRecord:
    """One record where it lies."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
    appended_ms: int


def read_log(brokers: str, topic: str) -> list[LogRecord]:
    """Read all that a topic holds now: partition after partition, each in the order of its log."""
    consumer = Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": "reader-of-logs",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
        }
    )
    try:
        partitions = sorted(consumer.list_topics(topic, timeout=TIMEOUT_S).topics[topic].partitions)
        ends = {p: consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=TIMEOUT_S)[1] for p in partitions}
        return sorted(_until(consumer, topic, ends), key=lambda record: (record.partition, record.offset))
    finally:
        consumer.close()


def _until(consumer: Consumer, topic: str, ends: dict[int, int]) -> Iterator[LogRecord]:
    left = {partition: end for partition, end in ends.items() if end}
    consumer.assign([TopicPartition(topic, partition, 0) for partition in left])
    while left:
        for message in consumer.consume(2000, timeout=0.5):
            error, partition = message.error(), message.partition()
            if error is not None:
                if error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own name
                    raise KafkaException(error)
                left.pop(partition, None)
            elif partition in left and message.offset() < left[partition]:
                yield LogRecord(
                    partition,
                    message.offset(),
                    message.key(),
                    message.value(),
                    message.headers() or [],
                    message.timestamp()[1],
                )


def ends_of(client: AdminClient, brokers: str, topic: str) -> dict[int, int]:
    """Give the end offset of each partition."""
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "reader-of-logs"})
    try:
        partitions = client.list_topics(topic, timeout=TIMEOUT_S).topics[topic].partitions
        return {p: consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=TIMEOUT_S)[1] for p in partitions}
    finally:
        consumer.close()


def committed_of(client: AdminClient, group: str) -> dict[tuple[str, int], int]:
    """Give what a group has committed, by topic and partition; a group that is not there has nothing."""
    (answer,) = client.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)]).values()
    try:
        found = answer.result(timeout=TIMEOUT_S).topic_partitions
    except KafkaException as error:
        if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
            return {}
        raise
    return {(each.topic, each.partition): each.offset for each in found if each.offset >= 0}
