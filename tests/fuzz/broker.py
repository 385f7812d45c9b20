"""Fuzz the stages as people run them: processes on a real broker, accounted for by what they leave on its topics."""

import json
import subprocess
from pathlib import Path
from typing import Final

from confluent_kafka import Producer

from schemas.settings import Settings
from tests.fuzz.ledger import Ledger
from tests.fuzz.run import Report, accounts, compare
from tests.fuzz.shop import ARRIVAL, FuzzedShop, Sent
from tests.fuzz.stages import fuzz_settings
from tests.integration.pipeline.harness import Closing, Pipeline, Topic, wait_until

SMALL_TOPIC_BYTES: Final = 900_000
"""model-events takes what Kafka takes by default."""
_CONFIG: Final = """\
[fold]
bucket_s = {0.bucket_s}
horizons_s = {1}
lateness_s = {0.lateness_s}
max_ahead_s = {0.max_ahead_s}
"""


def fuzz_broker(records: int, seed: int, settings: Settings, folder: Path) -> Report:
    """Send records to running stages, and hold dead letters and counters against the ledger.

    Args:
        records: how many.
        seed: of all that is drawn.
        settings: of a broker whose topics are made and empty.
        folder: for logs.
    """
    fold = fuzz_settings().fold
    config = folder / "fuzz.toml"
    config.write_text(_CONFIG.format(fold, list(fold.horizons_s)), encoding="ascii")
    ledger = Ledger(
        bucket_s=fold.bucket_s,
        horizon_s=fold.horizons_s[-1],
        lateness_s=fold.lateness_s,
        max_ahead_s=fold.max_ahead_s,
    )
    report, shop = Report(seed, records), FuzzedShop(seed)
    with Pipeline(settings, folder) as pipeline, Topic(settings, "rollups", 1) as rollups:
        workers = [pipeline.start(role, "--config", str(config)) for role in ("score", "evaluate", "detect")]
        sent = _send(settings, [_dated(shop.next()) for _ in range(records)], shop.now_ms + 3_600_000)
        closing = Closing(rollups)
        partitions = settings.kafka.partitions
        try:
            wait_until(lambda: closing.reached(shop.now_ms + 3_000_000, partitions), "not everything is closed")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{pipeline.logs()}") from None
        report.disagreements += _ended(workers, pipeline)
        refused = _dead_letters(settings, partitions)
    for one in sent:
        compare(one, refused.pop((one.topic, one.partition, one.offset), ""), ledger, report)
    report.disagreements += [f"{place} was refused and never sent" for place in refused if place[0] != "model-events"]
    ledger.settle(everything=True)
    report.outcomes = dict(sorted(ledger.outcomes.items()))
    for totals in closing.totals.values():
        for name, number in totals.items():
            # What score says of its own comes through evaluate.
            told = name.replace("source_", "searches ")
            report.counters[told] = report.counters.get(told, 0) + number
    report.disagreements += accounts(report)
    return report


def _dated(sent: Sent) -> Sent:
    """Let a record say when it arrived: the broker's clock is another one than the shop's."""
    if sent.headers != ((ARRIVAL, b"none"),):
        sent.headers = ((ARRIVAL, b"%d" % sent.timestamp),)
    if sent.topic == "model-events" and len(sent.value or b"") > SMALL_TOPIC_BYTES:
        sent.value = b"{}"
    return sent


def _send(settings: Settings, records: list[Sent], watermark_ms: int) -> list[Sent]:
    prefix = settings.kafka.topic_prefix
    producer = Producer(
        {"bootstrap.servers": settings.kafka.brokers, "enable.idempotence": True, "message.max.bytes": 4_000_000}
    )
    for one in records:
        producer.produce(prefix + one.topic, one.value, one.key, one.partition, headers=list(one.headers))
        producer.poll(0)
    for topic in ("search-events", "click-events"):
        for partition in range(settings.kafka.partitions):
            headers: list[tuple[str, str | bytes | None]] = [("matchwatch-watermark", b"%d" % watermark_ms)]
            producer.produce(prefix + topic, None, None, partition, headers=headers)
    assert producer.flush(60) == 0
    return records


def _ended(workers: "list[subprocess.Popen[bytes]]", pipeline: Pipeline) -> list[str]:
    return [f"a stage ended\n{pipeline.logs()}" for worker in workers if worker.poll() is not None]


def _dead_letters(settings: Settings, partitions: int) -> dict[tuple[str, int, int], str]:
    with Topic(settings, "dead-letters", partitions) as topic:
        letters = [json.loads(value) for _, value in topic.everything()]
    return {
        (one["origin"]["topic"], one["origin"]["partition"], one["origin"]["offset"]): one["reason"] for one in letters
    }
