"""Many faults in a row, at random, for minutes: `make test-faults LONG=1`, longer with `--soak-minutes`."""

import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.faults.conftest import SceneMaker
from tests.faults.feed import make_recording
from tests.faults.moments import SeededMoments
from tests.faults.scene import ROLES, Scene

pytestmark = [
    pytest.mark.faults,
    pytest.mark.kafka,
    pytest.mark.redis,
    pytest.mark.slow,
    pytest.mark.soak,
    pytest.mark.timeout(0),
]
SPEED = 8.0
FAULTS = ("kill", "terminate", "freeze", "second worker", "empty Redis")
REST_S = (3.0, 12.0)
FROZEN_S = 9.0


def strikes(play: Scene, rng: SeededMoments) -> Iterator[str]:
    """Do one random fault after the other; gives what was done."""
    while play.feed.share < 0.97:
        kind, role = rng.choice(list(FAULTS)), rng.choice(list(ROLES))
        workers = play.crew.running(role)
        if kind == "kill":
            play.crew.kill(role)
            play.crew.start(role)
        elif kind == "terminate":
            play.crew.terminate(role)
            play.crew.start(role)
        elif kind == "freeze":
            workers[0].signal(signal.SIGSTOP)
            play.crew.start(role)
            time.sleep(FROZEN_S)  # longer than the session: the fault itself
            workers[0].signal(signal.SIGCONT)
        elif kind == "second worker":
            if len(workers) > 1:
                play.crew.terminate_one(workers[0])
            else:
                play.crew.start(role)
        else:
            with redis.Redis.from_url(play.settings.redis.url) as client:
                for key in client.scan_iter(f"{play.settings.kafka.group_prefix}:*"):
                    client.delete(key)
        yield kind if kind == "empty Redis" else f"{kind} {role}"
        play.crew.started()
        time.sleep(rng.between(*REST_S))  # so that faults also meet workers that have caught up


def test_random_faults_for_minutes_change_nothing(
    make_scene: SceneMaker,
    rng: SeededMoments,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    minutes = request.config.getoption("--soak-minutes")
    recording = make_recording(tmp_path / "long", minutes=minutes * SPEED, seed=rng.seed)
    with make_scene(f"soak of {minutes:g} minutes ({rng.name})", speed=SPEED, recording=recording) as play:
        play.begin()
        play.busy_moment("evaluate", 0.03)
        done = Counter(strikes(play, rng))
        play.title += ": " + ", ".join(f"{count} × {what}" for what, count in sorted(done.items()))
        play.judge(deadline_s=300.0)
