"""The frame itself: without a fault everything agrees, and it sees what is missing."""

import pytest

from tests.faults.conftest import SceneMaker

pytestmark = [pytest.mark.faults, pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(300)]


def test_without_a_fault_everything_agrees(make_scene: SceneMaker) -> None:
    with make_scene("no fault") as play:
        play.begin()
        play.busy_moment("evaluate", 0.5)
        play.judge()
