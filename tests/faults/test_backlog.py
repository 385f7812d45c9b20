"""Clicks that run far ahead of their searches in a backlog: they wait in the log, not in memory."""

import json
from pathlib import Path

import pytest

from tests.faults.conftest import SceneMaker
from tests.faults.crew import wait_until
from tests.faults.feed import make_recording
from tests.faults.measures import Peaks
from tests.faults.script import CLICKS, SEARCHES, Due, ScriptedFeed, load_of
from tests.faults.topic_logs import ends_of

pytestmark = [pytest.mark.faults, pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(500)]
EAGER = 12
"""Clicks on each page."""
POLLED = 2_000
"""Records of one batch of the transport: so many are taken before a pause takes effect."""
WAITING, OPEN = "matchwatch_waiting_clicks", "matchwatch_open_searches"
GROWTH_MB = 60


def with_many_clicks(load: list[Due]) -> list[Due]:
    """Let everybody click, again and again: a second after the page and on."""
    placed = []
    for each in load:
        placed.append(each)
        try:
            event = json.loads(each.value or b"") if each.topic == SEARCHES and each.key else None
            results = event["results"] if event else []
            for number in range(EAGER if results else 0):
                click = {
                    "query_id": event["query_id"],
                    "object_id": results[number % len(results)]["object_id"],
                    "action_name": "click",
                    "client_id": "eager",
                    "timestamp": each.at_ms + 1_000 * (number + 1),
                }
                at_ms = each.at_ms + 1_000 * (number + 1)
                placed.append(Due(at_ms, CLICKS, each.key, json.dumps(click).encode(), each.headers))
        except (ValueError, TypeError, KeyError, RecursionError):
            continue  # dirt, which nobody clicks
    return sorted(placed, key=lambda each: each.at_ms)


def test_clicks_far_ahead_of_their_searches_wait_in_the_log(make_scene: SceneMaker, tmp_path: Path) -> None:
    load = with_many_clicks(load_of(make_recording(tmp_path / "eager", rate=12.0, minutes=10.0)))
    with make_scene("clicks far ahead in a backlog") as play:
        play.begin(["detect"], feed=lambda: ScriptedFeed(load, play.settings, speed=0.0))
        play.feed.result()
        clicks = sum(
            ends_of(play.admin, play.settings.kafka.brokers, play.settings.kafka.topic_prefix + CLICKS).values()
        )
        evaluate = play.crew.start("evaluate")
        play.crew.started("evaluate")
        with Peaks(evaluate, WAITING, OPEN) as peaks:
            wait_until(lambda: peaks.of[WAITING] > 0, "no click waits for its search")
            play.crew.start("score")  # only now are there searches
            play.busy_moment("evaluate", 1.0)
            wait_until(lambda: play.lag("score") == 0 and play.lag("evaluate") < 100, "the backlog is not read")
        waiting, most_open = peaks.of[WAITING], peaks.of[OPEN]
        play.title += (
            f" ({clicks:,} clicks, most waiting {waiting:,.0f}, most open {most_open:,.0f}, +{peaks.growth_mb:.0f} MB)"
        )
        play.judge()
        fold, partitions = play.settings.fold, play.settings.kafka.partitions
        a_second = clicks / 600
        bound = partitions * POLLED + (fold.align_s + 2 * fold.lateness_s) * a_second
        assert clicks > 3 * bound, "too few clicks to show anything"
        assert waiting < bound, f"{waiting:,.0f} clicks waited in memory, {bound:,.0f} are allowed"
        assert peaks.growth_mb < GROWTH_MB, f"evaluate took {peaks.growth_mb:.0f} MB more"
