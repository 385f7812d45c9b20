"""Records put into topics as the stages put them, and commands called on them."""

from collections.abc import Iterable
from pathlib import Path

from click.testing import CliRunner, Result
from confluent_kafka import KafkaError, Producer

from schemas.rollup import Clicks, Rollup, RollupControl, encode_rollup
from schemas.scores import Series
from schemas.settings import Settings
from streams.cli.main import main

SEARCH = Series("shop-web", "search", "shop-rank", "3")
EVERY = SEARCH.all_versions()
PARTITIONS = 4


def write(settings: Settings, topic: str, values: Iterable[bytes | None], *, partition: int = 0) -> None:
    """Append records to one partition of a topic; all are acknowledged."""
    producer = Producer({"bootstrap.servers": settings.kafka.brokers, "linger.ms": 5})
    refused = []

    def note(error: KafkaError | None, _: object) -> None:
        if error is not None:
            refused.append(error)

    for value in values:
        # Compacted topics take no record without a key.
        producer.produce(settings.kafka.topic_prefix + topic, value, b"key", partition=partition, on_delivery=note)
    assert producer.flush(30) == 0
    assert not refused


def call(settings: Settings, home: Path, *arguments: str) -> Result:
    """Call `matchwatch` as the shell does, on the topics and keys of some settings."""
    variables = {
        "MATCHWATCH_HOME": str(home),
        "MATCHWATCH_KAFKA_BROKERS": settings.kafka.brokers,
        "MATCHWATCH_KAFKA_TOPIC_PREFIX": settings.kafka.topic_prefix,
        "MATCHWATCH_KAFKA_GROUP_PREFIX": settings.kafka.group_prefix,
        "MATCHWATCH_REDIS_URL": settings.redis.url,
    }
    return CliRunner(env=variables).invoke(main, arguments)


def rollup(
    partition: int, start_ms: int, searches: int, *, clicks: int = 0, horizon_s: int = 60, series: Series = SEARCH
) -> bytes:
    """Encode a rollup of one partition."""
    return encode_rollup(
        Rollup(
            series=series,
            cohort_start_ms=start_ms,
            bucket_s=10,
            horizon_s=horizon_s,
            partition=partition,
            searches=searches,
            impressions=10 * searches,
            labels=Clicks(clicks=clicks),
        )
    )


def control(partition: int, through_ms: int, *, idle: bool = False, wall_ms: int = 0) -> bytes:
    """Encode a control record that has closed both horizons up to a time."""
    return encode_rollup(
        RollupControl(
            partition=partition,
            partitions=PARTITIONS,
            closed_through_ms={0: through_ms, 60: through_ms, 1800: through_ms},
            watermark_ms=through_ms,
            largest_time_ms=through_ms,
            idle=idle,
            wall_ms=wall_ms,
        )
    )
