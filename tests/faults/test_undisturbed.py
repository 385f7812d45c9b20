"""The frame itself: without a fault everything agrees, and it sees what is missing."""

import pytest

pytestmark = [pytest.mark.faults, pytest.mark.kafka, pytest.mark.timeout(300)]


def test_without_a_fault_everything_agrees(scene) -> None:
    with scene("no fault") as play:
        play.begin()
        play.busy_moment("evaluate", 0.5)
        play.judge()
