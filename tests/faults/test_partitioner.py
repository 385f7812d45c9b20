"""A producer with librdkafka's own partitioner: counted where its events lie, and `doctor` names the setting."""

import json
from pathlib import Path

import pytest

from tests.faults.conftest import SceneMaker
from tests.faults.moments import SeededMoments
from tests.faults.script import LIBRDKAFKAS_OWN, ScriptedFeed, load_of

pytestmark = [pytest.mark.faults, pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(400)]


def test_events_in_wrong_partitions_count_where_they_lie_and_the_doctor_names_the_setting(
    make_scene: SceneMaker, rng: SeededMoments, recording: Path
) -> None:
    with make_scene(f"librdkafka's own partitioner, kill -9 of evaluate ({rng.name})") as play:
        play.begin(feed=lambda: ScriptedFeed(load_of(recording), play.settings, partitioner=LIBRDKAFKAS_OWN))
        play.busy_moment("evaluate", rng.share())
        play.crew.kill("evaluate")
        play.crew.start("evaluate")
        play.shown = ("misrouted", "unmatched clicks")
        play.feed.result()
        play.crew.started()
        findings = {each["name"]: each for each in map(json.loads, play.findings().splitlines())}
        assert "partitioner=murmur2_random" in findings["producers"]["cure"], findings["producers"]
        outcome = play.judge()
        assert outcome.counters["misrouted"] > 1000
        play.told("events_misrouted", "misrouted_rate")
