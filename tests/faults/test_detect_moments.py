"""Detect killed between alert, signal and offset: no alert is lost, none gets a second id, none is sent twice."""

import signal

import pytest

from tests.faults.conftest import SceneMaker
from tests.faults.crew import Worker, wait_until
from tests.faults.proxy import OFFSET_COMMIT, Proxy, Request, pass_all

pytestmark = [pytest.mark.faults, pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(400)]


class KilledAt:
    """A rule that kills detect at one step of publishing an alert.

    Args:
        worker: the detect to kill.
        prefix: of the topics.
        moment: which step.
    """

    def __init__(self, worker: Worker, prefix: str, moment: str) -> None:
        self._worker, self._prefix, self._moment = worker, prefix, moment
        self._alert_passed = False
        self.struck = False

    async def __call__(self, request: Request) -> bool:
        if self.struck or request.client_id != "matchwatch-detect":
            return True
        alert = request.writes_to(self._prefix + "alerts")
        strikes = {
            "before the alert": alert,
            "after the alert, before its answer": alert,
            "between alert and signals": self._alert_passed and request.writes_to(self._prefix + "signals"),
            "between signals and offset": self._alert_passed and request.api == OFFSET_COMMIT,
        }[self._moment]
        self._alert_passed |= alert
        if strikes:
            self.struck = True
            self._worker.signal(signal.SIGKILL)
            return self._moment == "after the alert, before its answer"
        return True


@pytest.mark.parametrize(
    "moment",
    [
        "before the alert",
        "after the alert, before its answer",
        "between alert and signals",
        "between signals and offset",
    ],
)
def test_detect_killed_while_it_publishes_an_alert(make_scene: SceneMaker, proxied: Proxy, moment: str) -> None:
    with make_scene(f"detect killed {moment}", brokers=proxied.address) as play:
        play.begin()
        (detect,) = play.crew.running("detect")
        detect.wanted = False
        play.busy_moment("detect", 0.4)
        rule = KilledAt(detect, play.settings.kafka.topic_prefix, moment)
        proxied.rule = rule
        try:
            wait_until(lambda: rule.struck, "no alert came")
            detect.process.wait(10)
        finally:
            proxied.rule = pass_all
        play.crew.start("detect")
        outcome = play.judge()
        assert not outcome.written_again["alerts"], "an alert was sent twice"
