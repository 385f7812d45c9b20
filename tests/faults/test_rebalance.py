"""Workers that come and go: partitions change hands in the middle of everything."""

import re

import pytest

from tests.faults.conftest import SceneMaker
from tests.faults.crew import Worker
from tests.faults.scene import Scene

pytestmark = [
    pytest.mark.faults,
    pytest.mark.kafka,
    pytest.mark.redis,
    pytest.mark.slow,
    pytest.mark.timeout(500),
]
LEAST_SHARE = 0.3


def handled(worker: Worker) -> int:
    """How many records of its source a worker has read."""
    text = worker.get("/metrics") or ""
    return round(sum(float(n) for n in re.findall(r"^matchwatch_records_total\{.*\} (\S+)$", text, re.MULTILINE)))


class Seat:
    """A place for one worker of a role, which is left and taken again."""

    def __init__(self, play: Scene, role: str) -> None:
        self._play, self._role, self.handled = play, role, 0
        self.worker = play.crew.start(role)

    def change(self) -> None:
        """Let the worker leave, and another one join when it is gone."""
        self.leave()
        self.worker = self._play.crew.start(self._role)

    def leave(self) -> None:
        """Let the worker leave."""
        self.handled += handled(self.worker)
        self._play.crew.terminate_one(self.worker)


@pytest.mark.parametrize("role", ["score", "evaluate"])
def test_two_workers_that_leave_and_join_again_and_again_share_the_work_and_change_nothing(
    make_scene: SceneMaker, role: str
) -> None:
    with make_scene(f"two workers of {role} leave and join", speed=12.0) as play:
        seats = [Seat(play, role), Seat(play, role)]
        play.begin([each for each in ("score", "evaluate", "detect") if each != role])
        for turn, share in enumerate((0.2, 0.4, 0.6, 0.8)):
            play.busy_moment(role, share)
            seats[turn % 2].change()
        play.feed.reach(1.0)
        totals = [seat.handled + handled(seat.worker) for seat in seats]
        shares = [total / sum(totals) for total in totals]
        play.title += f" (handled {shares[0]:.0%} and {shares[1]:.0%})"
        play.judge()
        assert min(shares) >= LEAST_SHARE, f"the work was not shared: {totals}"
