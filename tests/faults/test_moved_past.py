"""A worker that comes back to partitions which another one has taken further, also without reading anything more."""

import signal
from pathlib import Path

import pytest
from confluent_kafka import ConsumerGroupState

from tests.faults.conftest import FOLD, SceneMaker
from tests.faults.crew import wait_until
from tests.faults.outcome import Outcome, look_for_repeats
from tests.faults.scene import Scene
from tests.faults.script import CLICKS, ScriptedFeed, load_of
from tests.faults.test_silence import controls

pytestmark = [pytest.mark.faults, pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(400)]
IDLE_TIMEOUT_S = 6
SPEED = 30.0
STOP_MS, RESUME_MS = 400_000, 190_000
"""Between these times before the end there are searches alone: for longer than the first horizon and lateness."""


def group_of_two(play: Scene) -> bool:
    """Whether evaluate's group has two members that share the partitions."""
    name = f"{play.settings.kafka.group_prefix}-evaluate"
    group = play.admin.describe_consumer_groups([name])[name].result(10)
    shares = [len(each.assignment.topic_partitions) for each in group.members]
    return group.state == ConsumerGroupState.STABLE and len(shares) == 2 and min(shares) > 0


def test_a_worker_that_comes_back_does_not_go_on_from_state_that_another_has_moved_past(
    make_scene: SceneMaker, recording: Path
) -> None:
    """Clicks stop, the successor closes by searches alone, and then the clicks come: what is closed stays closed."""
    fold = {"idle_timeout_s": IDLE_TIMEOUT_S}
    with make_scene("SIGSTOP of evaluate while clicks stop, which come when it is back", fold=fold) as play:
        load = load_of(recording)
        stop_ms, resume_ms = load[-1].at_ms - STOP_MS, load[-1].at_ms - RESUME_MS
        before = [each for each in load if each.at_ms <= stop_ms]
        silent = [each for each in load if stop_ms < each.at_ms <= resume_ms]
        after = [each for each in load if each.at_ms > resume_ms]
        held = [each for each in silent if each.topic == CLICKS]
        play.begin(feed=lambda: ScriptedFeed(before, play.settings, speed=SPEED, finish=False))
        (first,) = play.crew.running("evaluate")
        play.busy_moment("evaluate", 0.9)
        play.feed.result()
        first.signal(signal.SIGSTOP)
        play.crew.start("evaluate")
        searches = [each for each in silent if each.topic != CLICKS]
        play.go_on(ScriptedFeed(searches, play.settings, speed=SPEED, finish=False))
        horizon_s = FOLD["horizons_s"][0]
        wait_until(
            lambda: min(each.closed_through_ms.get(horizon_s, 0) for each in controls(play).values()) > stop_ms,
            lambda: f"no cohort closes without clicks\n{play.crew.said()}",
        )
        first.signal(signal.SIGCONT)
        wait_until(lambda: group_of_two(play), lambda: f"the first worker does not come back\n{play.crew.said()}")
        play.go_on(ScriptedFeed([*held, *after], play.settings, speed=SPEED))
        play.ended()
        outcome = Outcome()
        look_for_repeats(outcome, [], play.read("rollups"))
        play.tell(
            f"{play.title} | {play.moments_told()} | {len(held):,} clicks held back | "
            f"written twice: rollups {outcome.written_again['rollups']:,} | {len(outcome.faults)} differ"
        )
        assert not outcome.faults, outcome.faults
