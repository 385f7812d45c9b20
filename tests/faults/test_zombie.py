"""A worker that is stopped with its output on the way: it arrives when the successor has written long ago."""

import asyncio
import signal

import pytest

from tests.faults.conftest import SceneMaker
from tests.faults.crew import Worker, wait_until
from tests.faults.moments import SeededMoments
from tests.faults.proxy import Proxy, Request, pass_all
from tests.faults.scene import ROLES

pytestmark = [pytest.mark.faults, pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(400)]
OUTPUT = {"score": "match-scores", "evaluate": "rollups", "detect": "signals"}


class StoppedWithOutput:
    """A rule that stops a worker when it writes to a topic, and keeps what it wrote until it is let go."""

    def __init__(self, worker: Worker, topic: str) -> None:
        self._worker, self._topic = worker, topic
        self.release = asyncio.Event()
        self.holds = 0

    async def __call__(self, request: Request) -> bool:
        if not self.holds and request.client_id == f"matchwatch-{self._worker.role}" and request.writes_to(self._topic):
            self._worker.signal(signal.SIGSTOP)
            self.holds = len(request.body)
            await self.release.wait()
        return True


@pytest.mark.parametrize("role", ROLES)
def test_output_of_a_zombie_that_arrives_after_its_successors_changes_nothing(
    make_scene: SceneMaker, proxied: Proxy, rng: SeededMoments, role: str
) -> None:
    title = f"zombie {role}, its output arrives late ({rng.name})"
    with make_scene(title, brokers=proxied.address, speed=20.0) as play:
        play.begin()
        (zombie,) = play.crew.running(role)
        play.busy_moment(role, rng.share(0.3, 0.45))
        rule = StoppedWithOutput(zombie, play.settings.kafka.topic_prefix + OUTPUT[role])
        proxied.rule = rule
        try:
            wait_until(lambda: rule.holds, f"{role} writes nothing")
            play.crew.start(role)
            play.taken_over(role)
        finally:
            proxied.rule = pass_all
            proxied.let_go(rule.release)
        zombie.signal(signal.SIGCONT)
        play.title += f", {rule.holds:,} bytes"
        play.judge(again=[] if role == "detect" else [OUTPUT[role]])
