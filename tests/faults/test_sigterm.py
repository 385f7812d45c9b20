"""SIGTERM: what is under way is finished and committed, and the successor writes nothing again."""

import signal
import time

import pytest

from tests.faults.conftest import SceneMaker
from tests.faults.crew import Worker, wait_until
from tests.faults.moments import SeededMoments
from tests.faults.proxy import OFFSET_COMMIT, Proxy, Request, pass_all

pytestmark = [pytest.mark.faults, pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(400)]
OUTPUT = {"score": "match-scores", "evaluate": "rollups", "detect": "signals"}
SOON_S = 0.75
"""Stages commit every second: so soon behind a commit, what they write is not followed by the next one."""


class TerminatedBeforeItsCommit:
    """A rule that sends SIGTERM when a worker has written what none of its commits covers yet.

    Args:
        worker: the worker.
        topic: that it writes to.
        writes: how many requests since the last commit it takes.
    """

    def __init__(self, worker: Worker, topic: str, writes: int) -> None:
        self._worker, self._topic, self._writes = worker, topic, writes
        self._since = 0
        self._committed_s = float("inf")
        self.struck = False

    async def __call__(self, request: Request) -> bool:
        if self.struck or request.client_id != f"matchwatch-{self._worker.role}":
            return True
        if request.api == OFFSET_COMMIT:
            self._committed_s, self._since = time.monotonic(), 0
        elif request.writes_to(self._topic):
            self._since += 1
            if self._since >= self._writes and time.monotonic() - self._committed_s < SOON_S:
                self.struck = True
                self._worker.wanted = False
                self._worker.signal(signal.SIGTERM)
        return True


@pytest.mark.parametrize(
    ("role", "writes"),
    # Score writes a control to each of its partitions right behind a commit: only what comes then is searches.
    [("score", 6), ("evaluate", 1), ("detect", 1)],
    ids=["score", "evaluate", "detect"],
)
def test_sigterm_of_a_stage_leaves_nothing_to_be_written_twice(
    make_scene: SceneMaker, proxied: Proxy, rng: SeededMoments, role: str, writes: int
) -> None:
    with make_scene(f"SIGTERM of {role} before a commit ({rng.name})", brokers=proxied.address) as play:
        topic = OUTPUT[role]
        play.begin()
        (worker,) = play.crew.running(role)
        play.busy_moment(role, rng.share(0.4, 0.7))
        rule = TerminatedBeforeItsCommit(worker, play.settings.kafka.topic_prefix + topic, writes)
        proxied.rule = rule
        try:
            wait_until(lambda: rule.struck, f"{role} writes nothing to {topic} behind a commit")
            assert worker.process.wait(30) == 0, worker.log.read_text()[-2000:]
        finally:
            proxied.rule = pass_all
        play.crew.start(role)
        outcome = play.judge()
        # A score that starts reads the whole catalogue, and refuses its broken items again.
        again = {name: count for name, count in outcome.written_again.items() if name != "dead-letters"}
        assert not any(again.values()), f"was written twice: {again}"
