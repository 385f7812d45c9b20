"""kill -9 and SIGSTOP: what a worker leaves behind, its successor takes up, and nothing counts twice."""

import signal

import pytest

from tests.faults.conftest import SceneMaker
from tests.faults.moments import SeededMoments
from tests.faults.scene import ROLES

pytestmark = [pytest.mark.faults, pytest.mark.kafka, pytest.mark.redis, pytest.mark.timeout(400)]


def test_kill_9_of_every_stage_in_one_load_changes_nothing(make_scene: SceneMaker, rng: SeededMoments) -> None:
    with make_scene(f"kill -9 of every stage ({rng.name})") as play:
        play.begin()
        for role, share in zip(("evaluate", "score", "detect"), rng.shares(3), strict=True):
            play.busy_moment(role, share)
            play.crew.kill(role)
            play.crew.start(role)
        play.judge()


@pytest.mark.slow
@pytest.mark.parametrize("role", ROLES)
def test_kill_9_of_a_stage_changes_nothing(make_scene: SceneMaker, rng: SeededMoments, role: str) -> None:
    with make_scene(f"kill -9 of {role} ({rng.name})") as play:
        play.begin()
        play.busy_moment(role, rng.share(0.5, 0.7))
        play.crew.kill(role)
        play.crew.start(role)
        play.judge()


@pytest.mark.parametrize(
    "role", ["evaluate", pytest.param("score", marks=pytest.mark.slow), pytest.param("detect", marks=pytest.mark.slow)]
)
def test_a_zombie_that_wakes_after_its_successor_took_over_changes_nothing(
    make_scene: SceneMaker, rng: SeededMoments, role: str
) -> None:
    """SIGSTOP for longer than the session timeout, then SIGCONT: it goes on with what it had in hand."""
    with make_scene(f"SIGSTOP of {role} beyond its session ({rng.name})", speed=20.0) as play:
        play.begin()
        play.busy_moment(role, rng.share(0.3, 0.5))
        (zombie,) = play.crew.running(role)
        zombie.signal(signal.SIGSTOP)
        play.crew.start(role)
        play.taken_over(role)
        zombie.signal(signal.SIGCONT)
        play.judge()
