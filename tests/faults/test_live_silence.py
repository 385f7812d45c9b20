"""Total silence of a live shop: an alert says so, and resolves when traffic has been back for a minute."""

import json
from pathlib import Path

import pytest

from streams.shop.recording import record
from streams.shop.settings import SimulationSettings
from tests.faults.conftest import SceneMaker
from tests.faults.crew import wait_until
from tests.faults.scene import Scene
from tests.faults.script import CLICKS, SEARCHES, Due, ScriptedFeed, load_of, now_ms

pytestmark = [pytest.mark.faults, pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(500)]
IDLE_TIMEOUT_S = 2
RATE, LIVE_MINUTES = 20.0, 1.0
"""Long enough that the shop's absence can mean something: twenty cohorts of two seconds, and a pace that was seen."""
BACK_MINUTES = 1.7
RESOLVES_S = 95.0
"""A minute of searches (`resolve_s` of the rule), their closing, and a slow machine; well below that minute and the
silence together, so that zeros which were counted beyond the silence would show."""
ABSENT = "searches_absent"


def alerts(play: Scene) -> list[tuple[str, str]]:
    """Give what was said about absent searches, in order."""
    found = [json.loads(each.value or b"{}") for each in play.read("alerts")]
    return [(each["type"].rpartition(".")[2], each["data"]["rule"]) for each in found if each["data"]["rule"] == ABSENT]


def live_load(folder: Path, minutes: float, seed: int) -> list[Due]:
    """Give some traffic of a shop from now on."""
    start_ms = now_ms()
    record(SimulationSettings(rate=RATE, minutes=minutes, seed=seed, start_ms=start_ms), folder)
    end_ms = start_ms + round(minutes * 60_000)
    load = [each for each in load_of(folder) if each.at_ms <= end_ms]
    prefix = f"run-{seed}-".encode()
    return [
        Due(
            each.at_ms,
            each.topic,
            each.key and prefix + each.key if each.topic in (SEARCHES, CLICKS) else each.key,
            each.value and each.value.replace(b'"query_id":"', b'"query_id":"' + prefix),
            each.headers,
        )
        for each in load
    ]


def test_total_silence_of_a_live_shop_is_an_alert_that_resolves_when_traffic_comes_again(
    make_scene: SceneMaker, tmp_path: Path
) -> None:
    fold = {"idle_timeout_s": IDLE_TIMEOUT_S, "bucket_s": 2, "lateness_s": 2, "horizons_s": [6, 10]}
    with make_scene("total silence of a live shop", fold=fold) as play:
        first = live_load(tmp_path / "first", LIVE_MINUTES, 1)
        play.begin(feed=lambda: ScriptedFeed(first, play.settings, speed=1.0, finish=False))
        play.feed.result()
        play.moments.append(play.moment("evaluate"))
        assert not alerts(play)
        silent_ms = now_ms()
        wait_until(lambda: ("firing", ABSENT) in alerts(play), "no alert says that searches are absent")
        play.title += f" (alert after {(now_ms() - silent_ms) / 1000:.0f} s"
        play.go_on(ScriptedFeed(live_load(tmp_path / "second", BACK_MINUTES, 2), play.settings, speed=1.0))
        back_ms = now_ms()
        wait_until(lambda: ("resolved", ABSENT) in alerts(play), "the alert does not resolve", RESOLVES_S)
        play.title += f", resolved {(now_ms() - back_ms) / 1000:.0f} s after traffic came back)"
        play.judge()
