"""Detect's state where it is needed: the log no longer holds what a successor would have to decide again."""

from typing import Any

import msgspec
import pytest

from tests.faults.conftest import SceneMaker
from tests.faults.moments import SeededMoments
from tests.faults.scene import Scene
from tests.faults.topic_logs import committed_of

pytestmark = [pytest.mark.faults, pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(400)]


def covered(play: Scene) -> int:
    """Give the rollup behind the last one that both the newest state and the commit cover."""
    parts: list[dict[str, Any]] = [msgspec.msgpack.decode(each.value or b"") for each in play.read("detector-state")]
    assert parts, "detect has written no state yet"
    kafka = play.settings.kafka
    committed = committed_of(play.admin, f"{kafka.group_prefix}-detect")[kafka.topic_prefix + "rollups", 0]
    return min(committed, 1 + max(part["offset"] for part in parts))


def test_detect_goes_on_from_its_state_where_the_rollups_before_it_are_gone(
    make_scene: SceneMaker, rng: SeededMoments
) -> None:
    with make_scene(f"detect killed, and all rollups that its state covers deleted ({rng.name})") as play:
        play.begin()
        play.busy_moment("detect", rng.share(0.45, 0.55))  # the bad ranker is live, and its alerts are not fired yet
        play.crew.kill("detect")
        deleted = play.lose("rollups", covered(play))
        play.title += f", {deleted:,} of them"
        play.crew.start("detect")
        play.judge()
