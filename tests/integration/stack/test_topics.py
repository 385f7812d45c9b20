"""Topics on a real broker, as the catalogue says."""

from collections.abc import Callable

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import NewTopic

from schemas.errors import ServerUnavailable, TopicMismatch
from schemas.settings import KafkaSettings, Settings
from schemas.topics import ALERTS, CATALOGUE, ROLLUPS, SEARCH_EVENTS
from streams.kafka_admin import connect, ensure_topics, full_name, topic_states

pytestmark = pytest.mark.kafka


def test_all_topics_of_the_catalogue_are_made_once_and_are_as_it_says(fresh_settings: Callable[..., Settings]) -> None:
    kafka = fresh_settings(kafka={"partitions": 3}).kafka
    client = connect(kafka)
    assert ensure_topics(client, kafka) == sorted(full_name(topic, kafka) for topic in CATALOGUE)
    assert ensure_topics(client, kafka) == []
    states = {state.name: state for state in topic_states(client, kafka)}
    assert all(state.exists and not state.differences and state.records == 0 for state in states.values())
    assert len(states[full_name(SEARCH_EVENTS, kafka)].end_offsets) == 3
    assert len(states[full_name(ROLLUPS, kafka)].end_offsets) == 1


def test_the_offsets_of_a_topic_count_its_records(settings: Settings) -> None:
    name = full_name(SEARCH_EVENTS, settings.kafka)
    producer = Producer({"bootstrap.servers": settings.kafka.brokers})
    for _ in range(7):
        producer.produce(name, b"{}", partition=2)
    assert producer.flush(20) == 0
    (state,) = topic_states(connect(settings.kafka), settings.kafka, [SEARCH_EVENTS])
    assert state.end_offsets == (0, 0, 7, 0)
    assert state.records == 7


def test_a_topic_that_differs_is_named_with_every_difference_and_left_alone(
    fresh_settings: Callable[..., Settings],
) -> None:
    kafka = fresh_settings().kafka
    client = connect(kafka)
    name = full_name(ALERTS, kafka)
    client.create_topics([NewTopic(name, 2, 1, config={"cleanup.policy": "delete"})])[name].result(timeout=20)
    with pytest.raises(TopicMismatch) as raised:
        ensure_topics(client, kafka)
    assert f"{name}: 2 partitions instead of 1" in str(raised.value)
    (state,) = topic_states(client, kafka, [ALERTS])
    told = "; ".join(map(str, state.differences))
    assert "cleanup.policy is delete instead of compact" in told
    assert "message.timestamp.type is CreateTime instead of LogAppendTime" in told
    assert len(state.end_offsets) == 2


def test_a_missing_topic_is_said_to_be_missing(fresh_settings: Callable[..., Settings]) -> None:
    kafka = fresh_settings().kafka
    (state,) = topic_states(connect(kafka), kafka, [ALERTS])
    assert not state.exists


def test_an_absent_broker_is_one_line_with_the_cure() -> None:
    with pytest.raises(ServerUnavailable, match=r"no Kafka answers at 127\.0\.0\.1:1: start one with `matchwatch up`"):
        connect(KafkaSettings(brokers="127.0.0.1:1"))
