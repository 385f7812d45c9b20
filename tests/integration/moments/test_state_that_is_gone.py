"""Commits and states that cannot be gone on from, and logs that have lost what was not read."""

import signal
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from schemas.settings import Settings
from streams.kafka_admin import connect, ensure_topics
from tests.integration.moments.shop import Shop, Watched
from tests.integration.pipeline.harness import Pipeline

pytestmark = pytest.mark.kafka
ACCEPTED = 'matchwatch_fold_events{outcome="accepted_searches"'


@pytest.fixture
def shop(fresh_settings: Callable[..., Settings], redis_url: str) -> Shop:
    settings = fresh_settings(redis={"url": redis_url}, kafka={"partitions": 2})
    ensure_topics(connect(settings.kafka), settings.kafka)
    return Shop(settings)


def test_what_retention_took_is_counted_and_cohorts_that_are_not_whole_are_left_out(shop: Shop, tmp_path: Path) -> None:
    with Pipeline(shop.settings, tmp_path) as pipeline:
        Watched(pipeline, "score", tmp_path)
        evaluate = Watched(pipeline, "evaluate", tmp_path)
        shop.send(600)
        evaluate.shows(ACCEPTED, 600, "the first searches")
        shop.committed("evaluate")
        evaluate.process.send_signal(signal.SIGSTOP)
        shop.send(400)
        shop.delete_records("click-events")
        evaluate.process.send_signal(signal.SIGCONT)
        evaluate.ends(1, "the log holds nothing there any more, it was deleted before it was read")
        successor = Watched(pipeline, "evaluate", tmp_path)
        lost = f'matchwatch_lost_records_total{{topic="{shop.name("click-events")}"}}'
        successor.shows(lost, 1, "the loss")
        assert successor.value(lost) <= 400
        successor.shows('matchwatch_state_not_restored_total{reason="log_start",stage="evaluate"}', 1, "a new start")
        successor.says("behind what open cohorts need")


def test_commits_of_another_tool_are_refused_and_begun_anew_on_demand(shop: Shop, tmp_path: Path) -> None:
    foreign = [(topic, partition, 0, "") for topic in ("match-scores", "click-events") for partition in (0, 1)]
    shop.commit("evaluate", foreign)
    shop.commit("score", [("search-events", 0, 0, '{"verdicts": 3}')])
    with Pipeline(shop.settings, tmp_path) as pipeline:
        Watched(pipeline, "evaluate", tmp_path).ends(
            1, "the commit has no metadata, so its offsets were set by another"
        )
        anew = Watched(pipeline, "evaluate", tmp_path, "--from-next-cohort")
        not_restored = "matchwatch_state_not_restored_total"
        anew.shows(f'{not_restored}{{reason="commit_unreadable",stage="evaluate"}}', 2, "a new start of both")
        score = Watched(pipeline, "score", tmp_path)
        score.shows(f'{not_restored}{{reason="commit_unreadable",stage="score"}}', 1, "counters that begin anew")
        score.says("is not score's: its counters begin anew")
        shop.send(300)
        anew.shows(ACCEPTED, 300, "searches all the same")


def test_strange_records_in_our_own_topics_and_a_state_of_another_version_stop_nothing(
    shop: Shop, tmp_path: Path
) -> None:
    state = msgspec.msgpack.encode({"offset": 7, "part": {"version": 1, "parts": []}})
    for _ in range(3):
        shop.produce("detector-state", state, 0, b"a/fold")
        shop.produce("detector-state", b"\xc1", 0, b"b/fold")
        shop.produce("alerts", b"{", 0, b"who")
        shop.produce("rollups", b"\xc1 not ours", 0)
        shop.produce("match-scores", b"\xc1 not ours", 1)
    shop.flush()
    shop.commit("detect", [("rollups", 0, 2, "")])
    with Pipeline(shop.settings, tmp_path) as pipeline:
        Watched(pipeline, "score", tmp_path)
        evaluate = Watched(pipeline, "evaluate", tmp_path)
        detect = Watched(pipeline, "detect", tmp_path)
        unreadable = "matchwatch_unreadable_records_total"
        for topic in ("detector-state", "alerts", "rollups"):
            detect.shows(f'{unreadable}{{topic="{shop.name(topic)}"}}', 3, f"what is not ours in {topic}")
        evaluate.shows(f'{unreadable}{{topic="{shop.name("match-scores")}"}}', 3, "what is not ours in match-scores")
        not_restored = "matchwatch_state_not_restored_total"
        detect.shows(f'{not_restored}{{reason="detector_state",stage="detect"}}', 1, "the state of another version")
        detect.shows(f'{not_restored}{{reason="no_state",stage="detect"}}', 1, "a start without any")
        detect.says("detector state is of version 1, this program reads")
        detect.says("rollups were decided about up to 2 and no detector state can be used")
        shop.send(1200)
        detect.shows('matchwatch_detect_events{name="cohorts_total"}', 1, "cohorts all the same")


def test_rollups_that_were_deleted_before_detect_read_them_are_counted(shop: Shop, tmp_path: Path) -> None:
    for _ in range(9):
        shop.produce("rollups", b"\xc1 not ours", 0)
    shop.flush()
    shop.commit("detect", [("rollups", 0, 2, "")])
    shop.delete_records("rollups")
    with Pipeline(shop.settings, tmp_path) as pipeline:
        detect = Watched(pipeline, "detect", tmp_path)
        detect.shows(f'matchwatch_lost_records_total{{topic="{shop.name("rollups")}"}}', 7, "the loss")
        detect.says("7 records were deleted before they were read")
