import gzip
import json
import socket
import uuid
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from aiokafka.partitioner import murmur2
from confluent_kafka import Consumer, KafkaError, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from schemas.config import parse_settings
from schemas.errors import ServerUnavailable, TopicMismatch
from schemas.settings import Settings
from schemas.topics import CATALOG_ITEMS, CLICK_EVENTS, MODEL_EVENTS, SEARCH_EVENTS
from streams.control import read_arrival, read_watermark
from streams.replay.replay import replay
from streams.replay.ubi import SAMPLE_LOG
from streams.shop.faults import Fault, FaultName
from streams.shop.live import send_live
from streams.shop.outbox import Emitted
from streams.shop.recording import record
from streams.shop.settings import SimulationSettings
from streams.shop.simulation import simulate

pytestmark = pytest.mark.kafka

PARTITIONS = 3
TOPICS = (CATALOG_ITEMS, MODEL_EVENTS, SEARCH_EVENTS, CLICK_EVENTS)
RUN = SimulationSettings(
    rate=6.0, minutes=3.0, seed=11, items=500, queries=200, faults=(Fault(FaultName.BAD_RANKER, 1.0),)
)
DIRTY = [b"not json", b'{"query_id":"q-dirty","timestamp":', b'{"x":1}', b"\xff\xfe", b'{"query_id":""}']

Found = dict[str, list[list[tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]]]]


@pytest.fixture
def settings(kafka: str) -> Iterator[Settings]:
    """Settings with topics of this test's own."""
    made = parse_settings({"kafka": {"brokers": kafka, "topic_prefix": f"t{uuid.uuid4().hex[:8]}."}}, {})
    admin = AdminClient({"bootstrap.servers": kafka, "log_level": 0})
    names = [made.kafka.topic_prefix + topic.name for topic in TOPICS]
    wanted = [
        NewTopic(name, topic.partitions(PARTITIONS), 1, config=topic.config())
        for name, topic in zip(names, TOPICS, strict=True)
    ]
    for future in admin.create_topics(wanted).values():
        future.result(timeout=30)
    yield made
    for future in admin.delete_topics(names).values():
        future.result(timeout=30)


def _read(settings: Settings) -> Found:
    """All records of the four topics, by topic and partition."""
    consumer = Consumer({
        "bootstrap.servers": settings.kafka.brokers,
        "group.id": "unused",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "log_level": 0,
    })  # fmt: skip
    try:
        prefix = settings.kafka.topic_prefix
        found: Found = {topic.name: [[] for _ in range(topic.partitions(PARTITIONS))] for topic in TOPICS}
        waiting = {(prefix + topic, number) for topic, parts in found.items() for number in range(len(parts))}
        consumer.assign([TopicPartition(topic, number, 0) for topic, number in waiting])
        while waiting:
            message = consumer.poll(30)
            assert message is not None, f"no end of {waiting} within 30 s"
            place = (message.topic() or "", message.partition() or 0)
            error = message.error()
            if error is not None:
                assert error.code() == KafkaError._PARTITION_EOF  # noqa: SLF001 (that is how the client calls it)
                waiting.discard(place)
                continue
            headers = [(name, value) for name, value in message.headers() or [] if isinstance(value, bytes)]
            found[place[0].removeprefix(prefix)][place[1]].append((message.key(), message.value(), headers))
        return found
    finally:
        consumer.close()


def _assert_co_partitioned(found: Found) -> None:
    for topic in (SEARCH_EVENTS.name, CLICK_EVENTS.name, CATALOG_ITEMS.name):
        for number, records in enumerate(found[topic]):
            for key, _, _ in records:
                if key is not None:
                    assert (murmur2(key) & 0x7FFFFFFF) % PARTITIONS == number


def test_a_recording_is_sent_whole_in_order_and_finished(settings: Settings, tmp_path: Path) -> None:
    record(RUN, tmp_path)
    searches = tmp_path / "search-events.ndjson"
    lines = searches.read_bytes().splitlines()
    lines[100:100] = DIRTY
    searches.write_bytes(b"\n".join(lines) + b"\n")
    with (tmp_path / "catalog-items.ndjson").open("ab") as items:
        items.write(b'{"object_id":"sku-1","withdrawn":true}\n')

    summary = replay([tmp_path], settings, speed=600, finish=True)  # three minutes in 0.3 s

    found = _read(settings)
    _assert_co_partitioned(found)
    for topic in (SEARCH_EVENTS.name, CLICK_EVENTS.name):
        sent = [r for records in found[topic] for r in records if read_watermark(*r) is None]
        file = (tmp_path / f"{topic}.ndjson").read_bytes().splitlines()
        assert Counter(value for _, value, _ in sent) == Counter(file)
        order = {line: number for number, line in reversed(list(enumerate(file)))}
        for records in found[topic]:
            numbers = [order[value] for _, value, _ in records if value is not None]
            repeats = len(numbers) - len(set(numbers))
            inversions = sum(first > second for first, second in pairwise(numbers))
            assert inversions <= repeats  # a repeated line was given the number of its first
            assert all(read_arrival(headers, 5) is None for key, _, headers in records[:-1])
            assert records[-1][:2] == (None, None)
            assert read_watermark(*records[-1]) == summary.watermark_ms
    assert found[CATALOG_ITEMS.name][(murmur2(b"sku-1") & 0x7FFFFFFF) % PARTITIONS][-1][:2] == (b"sku-1", None)
    assert summary.first_ms is not None
    assert RUN.start_ms <= summary.first_ms < RUN.start_ms + 60_000
    assert summary.last_ms is not None
    assert summary.watermark_ms == summary.last_ms + 1_830_000
    assert summary.without_key == {"search-events": 3}
    assert summary.sent == {topic: sum(map(len, parts)) for topic, parts in found.items()}


def test_a_live_run_sends_what_the_simulation_says_with_its_arrivals(settings: Settings) -> None:
    seen: list[Emitted] = []

    summary = send_live(RUN, settings, speed=0, finish=True, progress=seen.append)

    assert seen == list(simulate(RUN))
    found = _read(settings)
    _assert_co_partitioned(found)
    for topic, partitions in found.items():
        sent = Counter(
            (key, value, read_arrival(headers, 5))
            for records in partitions
            for key, value, headers in records
            if read_watermark(key, value, headers) is None
        )
        assert sent == Counter((e.key, e.value, e.arrival_ms) for e in seen if e.topic == topic)
    controls = [r for topic in ("search-events", "click-events") for records in found[topic] for r in records[-1:]]
    assert {read_watermark(*control) for control in controls} == {summary.watermark_ms}
    assert summary.watermark_ms == seen[-1].arrival_ms + 1_830_000


def test_the_ubi_sample_is_sent_as_searches_and_clicks(settings: Settings) -> None:
    summary = replay([SAMPLE_LOG], settings, format="ubi")
    found = _read(settings)
    _assert_co_partitioned(found)
    values = [json.loads(value or b"") for records in found["search-events"] for _, value, _ in records]
    assert len(values) == 262
    assert sum(len(value["results"]) for value in values) == 1999
    assert sum(map(len, found["click-events"])) == 599
    assert summary.sent == {"search-events": 262, "click-events": 599}
    lines = len(gzip.decompress(SAMPLE_LOG.read_bytes()).splitlines())
    assert sum(summary.lines.values()) + sum(summary.dropped.values()) == lines


def test_a_line_larger_than_the_broker_takes_is_counted_and_stops_nothing(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "search-events.ndjson"
    file.write_bytes(b'{"query_id":"big","x":"' + b"x" * 9_000_000 + b'"}\n{"query_id":"small"}\n')
    summary = replay([file], settings)
    assert summary.refused == {"search-events": 1}
    assert summary.sent == {"search-events": 1}


def test_missing_topics_and_a_broker_that_is_not_there_are_said_with_the_cure(kafka: str, tmp_path: Path) -> None:
    (tmp_path / "search-events.ndjson").write_bytes(b"{}\n")
    other = parse_settings({"kafka": {"brokers": kafka, "topic_prefix": "nobody-made-this."}}, {})
    with pytest.raises(TopicMismatch, match="matchwatch topics"):
        replay([tmp_path], other)
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # bound but not listening: nobody else can take the port
        absent = parse_settings({"kafka": {"brokers": f"127.0.0.1:{reserved.getsockname()[1]}"}}, {})
        with pytest.raises(ServerUnavailable, match="does not answer"):
            replay([tmp_path], absent)
