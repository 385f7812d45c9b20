"""Outputs that are refused, late or lost on their way: offsets stay where they are until all is acknowledged."""

import asyncio
import time

import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from tests.faults.conftest import SceneMaker
from tests.faults.crew import wait_until
from tests.faults.moments import SeededMoments
from tests.faults.proxy import Proxy, Request, pass_all
from tests.faults.scene import ROLES, Scene

pytestmark = [pytest.mark.faults, pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(500)]
OUTPUT = {"score": "match-scores", "evaluate": "rollups", "detect": "signals"}
REFUSED_S = 5.0
SLOW_S = 1.5
EXPIRED_S = 70.0
"""Longer than a producer waits for the answer to a batch."""


def alter(client: AdminClient, topic: str, name: str, value: str | None) -> None:
    """Set a topic's setting; None takes it back."""
    how = AlterConfigOpType.DELETE if value is None else AlterConfigOpType.SET
    entry = ConfigEntry(name, value or "", incremental_operation=how)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    (answer,) = client.incremental_alter_configs([resource]).values()
    answer.result(10)


@pytest.mark.parametrize("role", ROLES)
def test_an_output_topic_without_enough_replicas_delays_and_changes_nothing(
    make_scene: SceneMaker, rng: SeededMoments, role: str
) -> None:
    with make_scene(f"{OUTPUT[role]} lacks replicas for {REFUSED_S:.0f} s ({rng.name})", keep=True) as play:
        play.begin()
        topic = play.settings.kafka.topic_prefix + OUTPUT[role]
        play.busy_moment(role, rng.share(0.3, 0.6))
        alter(play.admin, topic, "min.insync.replicas", "2")
        time.sleep(REFUSED_S)  # the fault itself
        alter(play.admin, topic, "min.insync.replicas", None)
        play.judge()


@pytest.mark.parametrize("role", ROLES)
def test_an_output_topic_that_refuses_records_stops_the_worker_before_its_offsets_move(
    make_scene: SceneMaker, rng: SeededMoments, role: str
) -> None:
    with make_scene(f"{OUTPUT[role]} refuses all records ({rng.name})", keep=True) as play:
        play.begin()
        topic = play.settings.kafka.topic_prefix + OUTPUT[role]
        play.busy_moment(role, rng.share(0.3, 0.5))
        alter(play.admin, topic, "max.message.bytes", "64")
        wait_until(lambda: len(play.crew.restarts) >= 2, lambda: f"nobody was stopped by it\n{play.crew.said()}")
        alter(play.admin, topic, "max.message.bytes", None)
        play.title += f", {len(play.crew.restarts)} restarts"
        play.judge()


class KeptBatches:
    """A rule that keeps what a role writes to its output until the event comes, and then lets all of it through."""

    def __init__(self, play: Scene, role: str) -> None:
        self._client_id, self._topic = f"matchwatch-{role}", play.settings.kafka.topic_prefix + OUTPUT[role]
        self.release = asyncio.Event()
        self.kept = 0

    async def __call__(self, request: Request) -> bool:
        if not self.release.is_set() and request.client_id == self._client_id and request.writes_to(self._topic):
            self.kept += 1
            await self.release.wait()
        return True


@pytest.mark.parametrize("role", ROLES)
def test_batches_that_are_sent_again_after_a_minute_and_then_all_arrive_change_nothing(
    make_scene: SceneMaker, proxied: Proxy, rng: SeededMoments, role: str
) -> None:
    """The network keeps a batch longer than its worker waits for the answer; it is sent again; then both arrive."""
    with make_scene(
        f"{OUTPUT[role]}: batches expire, are sent again, all arrive ({rng.name})", brokers=proxied.address, keep=True
    ) as play:
        play.begin()
        play.busy_moment(role, rng.share(0.3, 0.5))
        rule = KeptBatches(play, role)
        proxied.rule = rule
        try:
            # Of score's four partitions the batches may lie in one request or in four.
            wait_until(lambda: rule.kept >= 1, f"{role} writes nothing")
            time.sleep(EXPIRED_S)  # the fault itself
            assert rule.kept >= 2, f"no batch was sent again\n{play.crew.said()}"
        finally:
            proxied.rule = pass_all
            proxied.let_go(rule.release)
        play.title += f", {rule.kept} requests kept"
        play.judge()


def test_slow_answers_of_the_broker_change_nothing(make_scene: SceneMaker, proxied: Proxy, rng: SeededMoments) -> None:
    with make_scene(f"every answer {SLOW_S} s late ({rng.name})", brokers=proxied.address, keep=True) as play:
        play.begin()
        play.busy_moment("evaluate", rng.share(0.3, 0.5))
        proxied.answers_wait_s = SLOW_S
        try:
            play.feed.reach(0.9)
        finally:
            proxied.answers_wait_s = 0.0
        play.judge()
