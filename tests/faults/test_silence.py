"""A partition that is never used, and a shop that is silent: cohorts close, absence shows, nothing is lost."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.rollup import RollupControl, decode_rollup
from streams.partitioner import partition_of
from tests.faults.conftest import FOLD, SceneMaker
from tests.faults.crew import wait_until
from tests.faults.scene import Scene
from tests.faults.script import CLICKS, SEARCHES, Due, ScriptedFeed, load_of

pytestmark = [pytest.mark.faults, pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(400)]
IDLE_TIMEOUT_S = 2
EMPTY = 2
"""The partition that gets nothing."""


def outside_of(load: list[Due], partition: int, partitions: int) -> Iterator[Due]:
    """Leave out the events of one partition, and those without a key, which could go to any."""
    for each in load:
        if each.topic not in (SEARCHES, CLICKS) or (each.key and partition_of(each.key, partitions) != partition):
            yield each


def controls(play: Scene) -> dict[int, RollupControl]:
    """Give the newest control of each partition."""
    decoded = (decode_rollup(each.value or b"") for each in play.read("rollups"))
    return {each.partition: each for each in decoded if isinstance(each, RollupControl)}


def all_idle(play: Scene) -> bool:
    found = controls(play)
    return len(found) == play.settings.kafka.partitions and all(each.idle for each in found.values())


def test_an_unused_partition_and_a_silence_longer_than_the_timeout_lose_nothing(
    make_scene: SceneMaker, recording: Path
) -> None:
    fold = {"idle_timeout_s": IDLE_TIMEOUT_S}
    with make_scene("one partition unused, silence with kill -9 of evaluate in it", fold=fold) as play:
        play.unused = {EMPTY}
        partitions = play.settings.kafka.partitions
        load = list(outside_of(load_of(recording), EMPTY, partitions))
        middle = next(place for place, each in enumerate(load) if each.at_ms > load[-1].at_ms - 300_000)
        play.begin(feed=lambda: ScriptedFeed(load[:middle], play.settings, finish=False))
        play.busy_moment("evaluate", 0.6)
        play.feed.result()
        wait_until(lambda: all_idle(play), lambda: f"not all partitions are idle: {controls(play)}")
        asleep = controls(play)
        play.moments.append(play.moment("evaluate"))
        horizon_s = FOLD["horizons_s"][0]
        lateness_ms, bucket_ms = play.settings.fold.lateness_s * 1000, play.settings.fold.bucket_s * 1000
        for number, control in asleep.items():
            # Nothing more is read, so searches alone tell the time; where nothing came there is none.
            reached_ms = control.largest_time_ms - lateness_ms - horizon_s * 1000
            wanted_ms = 0 if number == EMPTY else reached_ms // bucket_ms * bucket_ms
            assert max(0, control.closed_through_ms[horizon_s]) == wanted_ms, (number, control)
        shown = [json.loads(line) for line in play.command("rollups", "--json").splitlines()]
        assert shown, "an unused partition holds all cohorts back"
        play.crew.kill("evaluate")
        play.crew.start("evaluate")
        wait_until(
            lambda: (
                min(each.wall_ms for each in controls(play).values())
                > max(each.wall_ms for each in asleep.values()) + 1000 * IDLE_TIMEOUT_S
            ),
            "the successor does not say how the silence goes on",
        )
        assert controls(play)[0].closed_through_ms == asleep[0].closed_through_ms, "silence alone closed cohorts"
        play.go_on(ScriptedFeed(load[middle:], play.settings))
        play.judge()
