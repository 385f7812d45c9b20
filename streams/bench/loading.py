"""A workload into Kafka, for one run, in topics of its own."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec

from schemas.settings import Settings
from schemas.topics import CATALOGUE, CLICK_EVENTS, SEARCH_EVENTS
from streams.bench.workload import Event, Workload
from streams.kafka_admin import connect, ensure_topics
from streams.partitioner import partition_of
from streams.replay.replay import finish_watermark_ms, send_watermark
from streams.replay.sender import Sender


@contextmanager
def own_topics(settings: Settings, prefix: str) -> Iterator[Settings]:
    """Settings with a topic and group prefix of their own; the topics are made, and deleted at the end."""
    kafka = msgspec.structs.replace(settings.kafka, topic_prefix=f"{prefix}.", group_prefix=prefix)
    client = connect(kafka)
    ensure_topics(client, kafka)
    try:
        yield msgspec.structs.replace(settings, kafka=kafka)
    finally:
        for answer in client.delete_topics([kafka.topic_prefix + topic.name for topic in CATALOGUE]).values():
            answer.result(timeout=30)


def load_warm(settings: Settings, workload: Workload) -> None:
    """Send the part that is not measured."""
    _send(settings, workload.warm_searches, workload.warm_clicks, finish_ms=None)


def load_measured(settings: Settings, workload: Workload) -> None:
    """Send the measured part, and control records that close every cohort."""
    finish_ms = finish_watermark_ms(workload.last_search_ms, settings.fold)
    _send(settings, workload.searches, workload.clicks, finish_ms=finish_ms)


def _send(settings: Settings, searches: Sequence[Event], clicks: Sequence[Event], finish_ms: int | None) -> None:
    kafka = settings.kafka
    sender = Sender(kafka.brokers)
    for topic, events in ((SEARCH_EVENTS.name, searches), (CLICK_EVENTS.name, clicks)):
        for event in events:
            partition = partition_of(event.key, kafka.partitions)
            sender.send(kafka.topic_prefix + topic, event.key, event.value, [], partition)
    sender.flush()
    if finish_ms is not None:
        partitions = dict.fromkeys((SEARCH_EVENTS.name, CLICK_EVENTS.name), kafka.partitions)
        send_watermark(sender, kafka.topic_prefix, finish_ms, partitions)
