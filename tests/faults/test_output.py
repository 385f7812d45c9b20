"""Outputs that are refused, late or lost on their way: offsets stay where they are until all is acknowledged."""

import asyncio
import time
from collections.abc import Callable

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


def held(play: Scene, role: str, release: asyncio.Event) -> Callable[[Request], object]:
    """Make a rule that keeps what a role writes to its output until the event comes, and then lets it through."""
    topic = play.settings.kafka.topic_prefix + OUTPUT[role]

    async def rule(request: Request) -> bool:
        if request.client_id == f"matchwatch-{role}" and request.writes_to(topic):
            await release.wait()
        return True

    return rule


@pytest.mark.parametrize("role", ROLES)
def test_batches_that_expire_and_arrive_after_all_change_nothing(
    make_scene: SceneMaker, proxied: Proxy, rng: SeededMoments, role: str
) -> None:
    """The network keeps a batch longer than it is tried; its worker gives up; then the batch arrives."""
    with make_scene(
        f"{OUTPUT[role]}: batches expire, then arrive ({rng.name})", brokers=proxied.address, keep=True
    ) as play:
        play.begin()
        play.busy_moment(role, rng.share(0.3, 0.5))
        release = asyncio.Event()
        proxied.rule = held(play, role, release)
        try:
            wait_until(lambda: play.crew.restarts, lambda: f"no batch expired\n{play.crew.said()}", 120.0)
        finally:
            proxied.rule = pass_all
            proxied.let_go(release)
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
