"""A worker killed with output on the way that never arrives: its offsets have not moved past what is lost."""

import asyncio
import signal

import pytest

from tests.faults.conftest import SceneMaker
from tests.faults.crew import Worker, wait_until
from tests.faults.moments import SeededMoments
from tests.faults.proxy import OFFSET_COMMIT, Proxy, Request, pass_all

pytestmark = [pytest.mark.faults, pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(400)]
COMMITS = 3
"""So many commits are let through while the output hangs: whoever commits too early has done it by then."""
PATIENCE_S = 4.0
"""A worker that rightly commits nothing meanwhile is killed after this."""


class Hanging:
    """A rule that keeps what a worker writes to a topic for ever, beginning right behind one of its commits.

    Whoever sends and then commits has everything before the lost output committed, and nothing of it.
    """

    def __init__(self, worker: Worker, topic: str, *, after_commit: bool) -> None:
        self._client_id, self._topic = f"matchwatch-{worker.role}", topic
        self._ready = not after_commit
        self.released = asyncio.Event()
        self.holds = 0
        self.commits_since = 0

    async def __call__(self, request: Request) -> bool:
        if request.client_id != self._client_id:
            return True
        if request.api == OFFSET_COMMIT:
            self._ready = True
            self.commits_since += self.holds > 0
        if self._ready and request.writes_to(self._topic):
            self.holds += 1
            await self.released.wait()
            return False
        return True


@pytest.mark.parametrize(
    ("role", "topic"),
    [
        ("score", "match-scores"),
        ("score", "dead-letters"),
        ("evaluate", "rollups"),
        ("evaluate", "dead-letters"),
        ("detect", "alerts"),
        ("detect", "signals"),
    ],
)
def test_output_that_never_arrives_is_written_by_the_successor(
    make_scene: SceneMaker, proxied: Proxy, rng: SeededMoments, role: str, topic: str
) -> None:
    with make_scene(f"{role} killed, what it wrote to {topic} is lost ({rng.name})", brokers=proxied.address) as play:
        play.begin()
        (worker,) = play.crew.running(role)
        play.busy_moment(role, rng.share(0.3, 0.45))
        rule = Hanging(worker, play.settings.kafka.topic_prefix + topic, after_commit=role == "evaluate")
        proxied.rule = rule
        try:
            wait_until(lambda: rule.holds, f"{role} writes nothing to {topic}")
            try:
                wait_until(lambda: rule.commits_since >= COMMITS, "", PATIENCE_S)
            except AssertionError:
                assert worker.process.poll() is None, worker.log.read_text()[-2000:]
            worker.wanted = False
            worker.signal(signal.SIGKILL)
            worker.process.wait(10)
        finally:
            proxied.rule = pass_all
            proxied.let_go(rule.released)
        play.crew.start(role)
        play.judge()
