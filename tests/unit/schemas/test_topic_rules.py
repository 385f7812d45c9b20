"""Which settings of a topic matter, and how much."""

import pytest

from schemas.settings import FoldSettings
from schemas.topic_rules import differences
from schemas.topics import ALERTS, CATALOGUE, DEAD_LETTERS, MATCH_SCORES, SEARCH_EVENTS, Topic

KEEP_S = FoldSettings().keep_s


def found(topic: Topic, partitions: int = 4, **config: str) -> dict[str, bool]:
    told = {**topic.config(), **{name.replace("_", "."): value for name, value in config.items()}}
    wanted = topic.partitions(4)
    made = differences(topic, wanted_partitions=wanted, partitions=partitions, config=told, keep_s=KEEP_S)
    return {one.setting: one.refused for one in made}


@pytest.mark.parametrize("topic", CATALOGUE, ids=lambda topic: topic.name)
def test_a_topic_as_the_catalogue_makes_it_differs_in_nothing(topic: Topic) -> None:
    assert found(topic, topic.partitions(4)) == {}


def test_what_makes_counts_wrong_without_a_sign_is_refused() -> None:
    assert found(SEARCH_EVENTS, 8) == {"partitions": True}
    assert found(SEARCH_EVENTS, cleanup_policy="compact") == {"cleanup.policy": True}
    assert found(SEARCH_EVENTS, cleanup_policy="compact,delete") == {"cleanup.policy": True}


def test_what_shows_when_it_costs_something_is_only_warned_of() -> None:
    assert found(ALERTS, 1, cleanup_policy="delete") == {"cleanup.policy": False}
    assert found(SEARCH_EVENTS, message_timestamp_type="CreateTime") == {"message.timestamp.type": False}
    assert found(DEAD_LETTERS, max_message_bytes="100000") == {"max.message.bytes": False}
    assert found(MATCH_SCORES, retention_ms=str(KEEP_S * 1000 - 1)) == {"retention.ms": False}
    assert found(DEAD_LETTERS, retention_ms="1000") == {"retention.ms": False}
    assert found(MATCH_SCORES, retention_bytes="1000") == {"retention.bytes": False}


def test_a_retention_shorter_than_open_cohorts_need_says_so() -> None:
    for kept_ms, told in ((KEEP_S * 1000 - 1, "open cohorts need"), (KEEP_S * 1000, "a shorter outage loses records")):
        config = {**MATCH_SCORES.config(), "retention.ms": str(kept_ms)}
        (one,) = differences(MATCH_SCORES, wanted_partitions=4, partitions=4, config=config, keep_s=KEEP_S)
        assert told in one.told


def test_what_is_better_than_the_catalogue_is_no_difference() -> None:
    assert found(MATCH_SCORES, retention_ms="-1", retention_bytes="-1") == {}
    assert found(SEARCH_EVENTS, retention_ms=str(10**12), max_message_bytes=str(10**8)) == {}


def test_a_broker_that_tells_no_settings_is_believed() -> None:
    assert differences(SEARCH_EVENTS, wanted_partitions=4, partitions=4, config=None, keep_s=KEEP_S) == []
    assert differences(SEARCH_EVENTS, wanted_partitions=4, partitions=1, config=None)[0].told == (
        "1 partitions instead of 4"
    )


def test_open_cohorts_need_their_records_as_long_as_a_search_is_remembered() -> None:
    assert FoldSettings(bucket_s=10, horizons_s=(60, 1800), lateness_s=30).keep_s == 10 + 1800 + 90
