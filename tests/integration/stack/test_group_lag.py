"""How far a group is behind, asked of a real broker."""

import json
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from schemas.settings import Settings
from schemas.topics import CLICK_EVENTS, SEARCH_EVENTS
from streams.group_lag import GroupLag, at_a_stand, group_lags
from streams.kafka_admin import connect, full_name, topic_states
from streams.stack.home import Server, Stack, Worker, write_stack
from streams.stack.lifeline import Lifeline
from streams.stack.process import spawn, stop
from tests.integration.readers.topic_writing import call, write

pytestmark = pytest.mark.kafka


def test_the_lag_of_a_group_is_what_lies_behind_its_commits(settings: Settings, tmp_path: Path) -> None:
    kafka = settings.kafka
    client = connect(kafka)
    assert group_lags(client, kafka, topic_states(client, kafka)) == []
    write(settings, SEARCH_EVENTS.name, [b"{}"] * 7, partition=1)
    write(settings, SEARCH_EVENTS.name, [b"{}"] * 4, partition=2)
    group, topic = f"{kafka.group_prefix}-score", full_name(SEARCH_EVENTS, kafka)
    consumer = Consumer({"bootstrap.servers": kafka.brokers, "group.id": group})
    consumer.commit(offsets=[TopicPartition(topic, 1, 5)], asynchronous=False)
    consumer.close()

    assert group_lags(client, kafka, topic_states(client, kafka)) == [GroupLag(group, topic, 5, 6)]
    states = {
        state["name"]: state
        for state in map(json.loads, call(settings, tmp_path, "topics", "--json").stdout.splitlines())
    }
    assert states[topic]["lag"] == {group: 6}
    assert states[full_name(CLICK_EVENTS, kafka)]["lag"] == {}
    assert "│ score: 6 " in call(settings, tmp_path, "topics").stdout


def test_the_doctor_names_a_group_that_has_work_and_stands_while_workers_run(
    settings: Settings, tmp_path: Path, lifeline: Lifeline
) -> None:
    sleeper = spawn(["sleep", "600"], tmp_path / "log")
    lifeline.tie(sleeper)
    server = Server("server", "127.0.0.1:1", sleeper)
    worker = Worker("worker-score", "http://127.0.0.1:1", sleeper, settings.kafka.brokers, settings.redis.shown_url)
    write_stack(tmp_path, Stack("kafka", server, server, (worker,)))
    group, topic = f"{settings.kafka.group_prefix}-score", full_name(SEARCH_EVENTS, settings.kafka)
    write(settings, SEARCH_EVENTS.name, [b"{}"] * 7, partition=1)
    consumer = Consumer({"bootstrap.servers": settings.kafka.brokers, "group.id": group})

    def found(committed: int) -> list[tuple[str, str]]:
        consumer.commit(offsets=[TopicPartition(topic, 1, committed)], asynchronous=False)
        lines = map(json.loads, call(settings, tmp_path, "doctor", "--json").stdout.splitlines())
        return [(one["verdict"], one["found"]) for one in lines if one["name"] == f"group {group}"]

    try:
        assert found(5) == [("warn", f"2 records of {topic} are left to read, and none was read in 3 s")]
        assert found(7) == []
    finally:
        consumer.close()
        stop(sleeper, grace_s=0)


def test_a_group_stands_only_if_it_has_work_at_both_looks_and_commits_nothing() -> None:
    def at(committed: int, lag: int) -> list[GroupLag]:
        return [GroupLag("g", "t", committed, lag)]

    assert at_a_stand(at(5, 6), at(5, 9)) == at(5, 9)
    assert at_a_stand(at(5, 6), at(6, 8)) == []
    assert at_a_stand(at(5, 0), at(5, 1)) == []
    assert at_a_stand(at(5, 6), at(11, 0)) == []
    assert at_a_stand([], at(5, 6)) == []
