"""The alerts and signals that must be there: those of a detect that reads the same rollups and is left in peace."""

import uuid
from pathlib import Path

import msgspec
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from schemas.settings import Settings
from streams.kafka_admin import connect, ensure_topics
from tests.faults.crew import Crew, wait_until
from tests.faults.topic_logs import LogRecord, committed_of, read_log

READ_BY_DETECT = ("model-events", "search-events", "rollups")
QUEUED = 50_000


def outputs_of(
    settings: Settings,
    environment: dict[str, str],
    logs: dict[str, list[LogRecord]],
    folder: Path,
) -> dict[str, list[LogRecord]]:
    """Copy what detect reads to topics of another prefix, run a detect over them, and give its alerts and signals.

    Args:
        settings: of the scene.
        environment: that makes a command use them.
        logs: of all that detect reads: rollups without repeats, deployments, and searches, which alerts show.
        folder: for logs.
    """
    name = uuid.uuid4().hex[:10]
    kafka = msgspec.structs.replace(settings.kafka, topic_prefix=f"u{name}-", group_prefix=f"u{name}")
    client: AdminClient = connect(kafka)
    ensure_topics(client, kafka)
    producer = Producer({"bootstrap.servers": kafka.brokers, "enable.idempotence": True, "message.max.bytes": 8 << 20})
    for topic in READ_BY_DETECT:
        for record in logs[topic]:
            producer.produce(
                kafka.topic_prefix + topic,
                record.value,
                record.key,
                partition=record.partition,
                headers=record.headers,
            )
            producer.poll(0.01 if len(producer) > QUEUED else 0)
        assert producer.flush(30) == 0
    environment = {
        **environment,
        "MATCHWATCH_KAFKA_TOPIC_PREFIX": kafka.topic_prefix,
        "MATCHWATCH_KAFKA_GROUP_PREFIX": kafka.group_prefix,
    }
    with Crew(environment, folder) as crew:
        crew.start("detect")
        group, end = f"{kafka.group_prefix}-detect", len(logs["rollups"])
        wait_until(
            lambda: committed_of(client, group).get((kafka.topic_prefix + "rollups", 0), 0) >= end,
            lambda: f"the undisturbed detect does not come to the end\n{crew.said()}",
        )
    return {topic: read_log(kafka.brokers, kafka.topic_prefix + topic) for topic in ("alerts", "signals")}
