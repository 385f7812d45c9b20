"""Topics that are not as they should be, at the start and under a running worker."""

from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka.admin import NewTopic

from schemas.errors import TopicMismatch
from schemas.settings import Settings
from streams.kafka_admin import connect, ensure_topics, topic_states
from streams.preflight import check_servers
from streams.topic_repair import repair_topics
from tests.integration.moments.shop import Shop, Watched
from tests.integration.pipeline.harness import Pipeline, wait_until

pytestmark = pytest.mark.kafka
ACCEPTED = 'matchwatch_fold_events{outcome="accepted_searches"'


@pytest.fixture
def shop(fresh_settings: Callable[..., Settings], redis_url: str) -> Shop:
    settings = fresh_settings(redis={"url": redis_url}, kafka={"partitions": 2})
    ensure_topics(connect(settings.kafka), settings.kafka)
    return Shop(settings)


def test_topics_that_disagree_among_themselves_stop_a_worker_with_the_cure(
    fresh_settings: Callable[..., Settings], redis_url: str, tmp_path: Path
) -> None:
    settings = fresh_settings(redis={"url": redis_url}, kafka={"partitions": 2})
    client = connect(settings.kafka)
    name = settings.kafka.topic_prefix + "match-scores"
    config = {"message.timestamp.type": "LogAppendTime"}
    client.create_topics([NewTopic(name, 3, 1, config=config)])[name].result(20)
    with Pipeline(settings, tmp_path) as pipeline:
        worker = Watched(pipeline, "evaluate", tmp_path)
        worker.ends(2, f"{name}: 3 partitions instead of 2: set kafka.partitions to what all topics")
    assert len(worker.log().splitlines()) == 1


def test_a_topic_compacted_by_mistake_is_refused_until_it_is_repaired(shop: Shop) -> None:
    kafka = shop.settings.kafka
    shop.alter("click-events", "cleanup.policy", "compact")
    shop.alter("catalog-items", "cleanup.policy", "delete")
    shop.alter("rollups", "retention.ms", "60000")
    with pytest.raises(TopicMismatch) as raised:
        check_servers(shop.settings)
    told = str(raised.value)
    assert f"{shop.name('click-events')}: cleanup.policy is compact instead of delete" in told
    assert shop.name("catalog-items") not in told
    assert "`matchwatch topics --repair`" in told
    keep_s = shop.settings.fold.keep_s
    repaired = repair_topics(shop.admin, kafka, keep_s=keep_s)
    assert repaired == [
        f"{shop.name('click-events')}: cleanup.policy",
        f"{shop.name('catalog-items')}: cleanup.policy",
        f"{shop.name('rollups')}: retention.ms",
    ]
    wait_until(
        lambda: not any(state.differences for state in topic_states(shop.admin, kafka, keep_s=keep_s)),
        "repaired topics",
    )
    check_servers(shop.settings)


def test_settings_better_than_the_catalogues_are_no_difference_and_worse_ones_only_a_warning(shop: Shop) -> None:
    shop.alter("search-events", "retention.ms", "-1")
    shop.alter("click-events", "max.message.bytes", "20000000")
    shop.alter("match-scores", "retention.ms", "86400000")
    check_servers(shop.settings)
    states = topic_states(shop.admin, shop.settings.kafka, keep_s=shop.settings.fold.keep_s)
    found = {(state.name, one.setting, one.refused) for state in states for one in state.differences}
    assert found == {(shop.name("match-scores"), "retention.ms", False)}


def test_a_deleted_topic_stops_a_running_worker_and_its_successor_says_what_is_missing(
    shop: Shop, tmp_path: Path
) -> None:
    with Pipeline(shop.settings, tmp_path) as pipeline:
        score = Watched(pipeline, "score", tmp_path)
        evaluate = Watched(pipeline, "evaluate", tmp_path)
        shop.send(600)
        evaluate.shows(ACCEPTED, 600, "the searches")
        shop.committed("evaluate")
        score.stop()
        shop.alter("search-events", "cleanup.policy", "compact")
        misconfigured = (
            f'matchwatch_topic_misconfigured{{setting="cleanup.policy",topic="{shop.name("search-events")}"}}'
        )
        evaluate.shows(misconfigured, 1, "the compaction")
        evaluate.says(f"{shop.name('search-events')}: cleanup.policy is compact instead of delete")
        shop.delete("match-scores")
        evaluate.ends(1, f"{shop.name('match-scores')} does not exist any more: it was deleted while this worker ran")
        repair_topics(shop.admin, shop.settings.kafka)
        successor = Watched(pipeline, "evaluate", tmp_path)
        successor.ends(1, "there is no commit of match-scores: it was deleted and made anew")
        assert f"made topics that were missing: {shop.name('match-scores')}" in successor.log()


def test_partitions_added_while_a_worker_runs_stop_it_until_all_topics_have_as_many(
    shop: Shop, fresh_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    with Pipeline(shop.settings, tmp_path) as pipeline:
        worker = Watched(pipeline, "evaluate", tmp_path)
        worker.shows("matchwatch_worker_info", 1, "a start")
        shop.add_partitions("click-events", 4)
        # It is told what it sees first: the topic as it is now, or a new partition that its group gives it.
        worker.ends(
            1,
            f"{shop.name('click-events')} has 4 partitions instead of 2: partitions were added while",
            f"{shop.name('click-events')} has a partition 2, and kafka.partitions is 2: partitions were added",
            f"{shop.name('click-events')} has a partition 3, and kafka.partitions is 2: partitions were added",
        )
        Watched(pipeline, "evaluate", tmp_path).ends(2, "4 partitions instead of 2: set kafka.partitions")
    for topic in ("search-events", "catalog-items", "match-scores", "dead-letters"):
        shop.add_partitions(topic, 4)
    kafka = shop.settings.kafka
    names = {"topic_prefix": kafka.topic_prefix, "group_prefix": kafka.group_prefix, "partitions": 4}
    grown = Shop(fresh_settings(redis={"url": shop.settings.redis.url}, kafka=names))
    with Pipeline(grown.settings, tmp_path) as pipeline:
        Watched(pipeline, "score", tmp_path)
        evaluate = Watched(pipeline, "evaluate", tmp_path)
        detect = Watched(pipeline, "detect", tmp_path)
        grown.send(1200)
        evaluate.shows(ACCEPTED, 1200, "searches of all partitions")
        detect.shows('matchwatch_detect_events{name="cohorts_total"}', 1, "cohorts of all partitions")


def test_a_source_that_was_made_anew_between_two_runs_is_not_taken_for_the_old_one(shop: Shop, tmp_path: Path) -> None:
    with Pipeline(shop.settings, tmp_path) as pipeline:
        score = Watched(pipeline, "score", tmp_path)
        evaluate = Watched(pipeline, "evaluate", tmp_path)
        shop.send(600)
        evaluate.shows(ACCEPTED, 600, "the searches")
        score.stop()
        evaluate.stop()
        shop.delete("search-events")
        wait_until(
            lambda: not all(state.exists for state in topic_states(shop.admin, shop.settings.kafka)), "no search-events"
        )
        ensure_topics(shop.admin, shop.settings.kafka)
        successor = Watched(pipeline, "evaluate", tmp_path)
        successor.ends(1, "search-events were counted up to ")
        assert "it was deleted and made anew; start with --from-next-cohort" in successor.log()
        Watched(pipeline, "score", tmp_path)
        anew = Watched(pipeline, "evaluate", tmp_path, "--from-next-cohort")
        anew.shows('matchwatch_state_not_restored_total{reason="source_renewed",stage="evaluate"}', 2, "a new start")
        shop.send(300)
        anew.shows(ACCEPTED, 300, "searches of the new topic")
