import socket
from collections import Counter
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import msgspec
import pytest
from confluent_kafka import Producer

from schemas.errors import ServerUnavailable, TopicMismatch
from schemas.settings import Settings
from schemas.topics import DEAD_LETTERS, SIGNALS
from streams.readers.topic_reader import TopicReader
from tests.integration.readers.topic_writing import call, write

pytestmark = pytest.mark.kafka


def test_all_partitions_are_read_each_in_order_up_to_where_they_ended(settings: Settings) -> None:
    for partition in range(3):
        write(settings, "dead-letters", [b"%d" % number for number in range(1500)], partition=partition)
    with TopicReader(settings.kafka, DEAD_LETTERS) as reader:
        write(settings, "dead-letters", [b"later"], partition=0)
        records = list(reader.to_end())
    assert Counter(record.partition for record in records if record.value != b"later") == {0: 1500, 1: 1500, 2: 1500}
    for partition in range(3):
        values = [int(one.value) for one in records if one.partition == partition and one.value != b"later"]
        assert values == sorted(values)


def test_reading_again_gives_the_same_because_nothing_is_committed(settings: Settings) -> None:
    write(settings, "signals", [b"1", b"2"])
    for _ in range(2):
        with TopicReader(settings.kafka, SIGNALS) as reader:
            assert [record.value for record in reader.to_end()] == [b"1", b"2"]


def test_after_the_end_it_goes_on_as_the_topic_grows(settings: Settings) -> None:
    write(settings, "signals", [b"1"])
    with TopicReader(settings.kafka, SIGNALS) as reader:
        assert [record.value for record in reader.to_end()] == [b"1"]
        write(settings, "signals", [b"2", None, b"3"])
        came = (record.value for record in reader.tail() if record is not None)
        assert list(islice(came, 2)) == [b"2", b"3"]


def test_an_empty_topic_ends_at_once_and_what_was_aborted_is_not_read(settings: Settings) -> None:
    with TopicReader(settings.kafka, SIGNALS) as reader:
        assert list(reader.to_end()) == []
    producer = Producer(
        {"bootstrap.servers": settings.kafka.brokers, "transactional.id": settings.kafka.group_prefix + "-aborted"}
    )
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(settings.kafka.topic_prefix + "signals", b"aborted", partition=0)
    producer.flush(30)
    producer.abort_transaction(30)
    with TopicReader(settings.kafka, SIGNALS) as reader:
        assert list(reader.to_end()) == []


def test_a_missing_topic_is_named_with_its_cure(fresh_settings: Callable[..., Settings]) -> None:
    with pytest.raises(TopicMismatch, match="signals: make it with `matchwatch topics --create`"):
        TopicReader(fresh_settings().kafka, SIGNALS)


def test_an_absent_broker_is_named(settings: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        brokers = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ServerUnavailable, match=brokers):
            TopicReader(msgspec.structs.replace(settings.kafka, brokers=brokers), SIGNALS)


@pytest.mark.parametrize("name", ["rollups", "signals", "alerts", "dead-letters", "counters"])
def test_every_reading_command_says_in_one_line_that_its_server_is_absent(
    name: str, settings: Settings, tmp_path: Path
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        absent = msgspec.structs.replace(
            settings,
            kafka=msgspec.structs.replace(settings.kafka, brokers=place),
            redis=msgspec.structs.replace(settings.redis, url=f"redis://{place}/0"),
        )
        result = call(absent, tmp_path, name, "--json")
    assert result.exit_code == 1
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert place in line
    assert "`matchwatch up`" in line


@pytest.mark.parametrize("name", ["rollups", "signals", "alerts", "dead-letters", "counters"])
def test_every_reading_command_shows_an_example_in_its_help(name: str, settings: Settings, tmp_path: Path) -> None:
    result = call(settings, tmp_path, name, "--help")
    assert f"matchwatch {name}" in result.stdout.split("Examples:")[1]
