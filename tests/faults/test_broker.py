"""The broker restarted, killed, frozen and refused its disk: workers wait or start again, and nothing counts twice."""

import time

import pytest

from tests.faults.broker import Broker
from tests.faults.conftest import SceneMaker
from tests.faults.moments import SeededMoments

pytestmark = [pytest.mark.faults, pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(500)]
FROZEN_S = 20.0
"""Longer than the session timeout, so that every group loses its members; shorter than producers try."""


@pytest.mark.parametrize("how", ["terminate", "kill"])
def test_a_broker_that_restarts_delays_everything_and_changes_nothing(
    make_scene: SceneMaker, own_broker: Broker, rng: SeededMoments, how: str
) -> None:
    with make_scene(f"broker: {how}, start again ({rng.name})", brokers=own_broker.address, keep=True) as play:
        play.begin()
        play.busy_moment("evaluate", rng.share(0.3, 0.6))
        getattr(own_broker, how)()
        own_broker.start()
        play.judge()


def test_a_broker_that_answers_nobody_for_longer_than_sessions_last_changes_nothing(
    make_scene: SceneMaker, own_broker: Broker, rng: SeededMoments
) -> None:
    with make_scene(f"broker frozen for {FROZEN_S:.0f} s ({rng.name})", brokers=own_broker.address, keep=True) as play:
        play.begin()
        play.busy_moment("evaluate", rng.share(0.3, 0.6))
        own_broker.freeze()
        time.sleep(FROZEN_S)  # the fault itself: so long nobody is answered
        own_broker.thaw()
        play.judge()


def test_a_broker_whose_disk_takes_nothing_more_ends_and_all_goes_on_when_it_is_cured(
    make_scene: SceneMaker, own_broker: Broker, rng: SeededMoments
) -> None:
    with make_scene(f"broker's disk full ({rng.name})", brokers=own_broker.address, keep=True) as play:
        play.begin()
        play.busy_moment("evaluate", rng.share(0.3, 0.6))
        own_broker.refuse_disk()
        play.title += ", the broker ended by itself" if own_broker.ended(10.0) else ", the broker stayed"
        own_broker.kill()
        own_broker.start()
        play.judge()
