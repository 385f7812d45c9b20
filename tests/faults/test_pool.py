"""A pool that does not answer, and one that is slower than the load: nothing is dropped, and nothing piles up."""

import json
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from tests.faults.conftest import SceneMaker
from tests.faults.crew import wait_until
from tests.faults.feed import make_recording
from tests.faults.measures import Peaks, metric
from tests.faults.scene import Scene
from tests.faults.script import SEARCHES, Due, ScriptedFeed, load_of, now_ms, send_now
from tests.faults.slow_models import GOOD, NAME, add_slow_model

pytestmark = [pytest.mark.faults, pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(500)]
DEADLINE_S = 1
HANGS_S = 4.0
"""One batch; the pool has one thread, so while batches come it answers nothing in time."""
SLOW = "slow"
FLAGS, PASSED_UNSCORED = 9, 2
"""Where a block of `match-scores` has its flags, and the one that counts here."""
AWAY = "matchwatch_scoring_pool_away"
BLANKS = 16_000
"""At the end of a query: nothing to score, but 150 MB, were all of them read at once."""
GROWTH_MB = 90
UNSCORED = "matchwatch_unscored_searches_total"


def deploy(play: Scene, version: str) -> None:
    """Make a version of the match model live."""
    event = {
        "type": "deployment",
        "timestamp": now_ms(),
        "model": {"name": NAME, "version": version},
        "role": "live",
        "share": 1.0,
        "by": "test",
    }
    send_now(play.settings, [Due(0, "model-events", NAME.encode(), json.dumps(event).encode())])


def unscored_and_scored(play: Scene) -> tuple[int, int, bool]:
    """Count searches that are marked as unscored, all others, and whether the newest of a partition has scores."""
    without = scored = 0
    newest: dict[int, bool] = {}
    for record in play.read("match-scores"):
        block = msgspec.msgpack.decode(record.value or b"")
        if block[0] == "block":
            marks = [bool(flags & PASSED_UNSCORED) for flags in block[FLAGS]]
            without, scored = without + sum(marks), scored + len(marks) - sum(marks)
            newest[record.partition] = not marks[-1]
    return without, scored, any(newest.values())


def test_while_the_pool_does_not_answer_searches_pass_unscored_and_counted_and_scoring_comes_back(
    make_scene: SceneMaker, tmp_path: Path
) -> None:
    models = add_slow_model(tmp_path / "models", SLOW, HANGS_S)
    score = {"score_deadline_s": DEADLINE_S, "models_dir": str(models)}
    with make_scene("pool does not answer for a third of the load", score=score, speed=20.0) as play:
        play.begin()
        (scorer,) = play.crew.running("score")
        play.busy_moment("evaluate", 0.3)
        deploy(play, SLOW)
        wait_until(lambda: metric(scorer, AWAY) == 1, "no metric says that the pool is away")
        play.feed.reach(0.65)
        lag = play.lag("score")
        deploy(play, GOOD)
        wait_until(lambda: metric(scorer, AWAY) == 0, "scoring does not come back", 60.0)
        play.feed.result()
        wait_until(lambda: play.lag("score") == 0, "score does not come to the end")
        counted = metric(scorer, UNSCORED)
        without, scored, came_back = unscored_and_scored(play)
        play.title += f" (unscored {counted:,.0f}, scored {scored:,}, lag in the outage {lag:,})"
        play.judge()
        assert counted == without > 500, f"{counted} are counted, {without} passed without scores"
        assert came_back, "the newest searches have no scores"
        play.told("searches_unscored", "unscored_rate")
        assert lag < 2_000, f"in the outage {lag} searches were not passed on"


def with_queries_of_their_own(load: list[Due]) -> list[Due]:
    """Let every search ask something else, which no cache answers, and much, so that it shows where searches wait."""
    changed = []
    for number, each in enumerate(load):
        try:
            event = json.loads(each.value or b"") if each.topic == SEARCHES else None
            if event is not None and isinstance(event["user_query"], str):
                event["user_query"] += f" {number}" + " " * BLANKS
                each = replace(each, value=json.dumps(event, ensure_ascii=False).encode())  # noqa: PLW2901
        except (ValueError, TypeError, KeyError, RecursionError):
            pass  # dirt, which stays as it is
        changed.append(each)
    return changed


def test_a_pool_slower_than_the_load_slows_the_consumer_down_and_drops_nothing(
    make_scene: SceneMaker, tmp_path: Path
) -> None:
    models = add_slow_model(tmp_path / "models", SLOW, 0.3)
    recording = make_recording(tmp_path / "much", rate=20.0, minutes=8.0)
    load = with_queries_of_their_own(load_of(recording))
    with make_scene("pool slower than the load", score={"models_dir": str(models)}) as play:
        deploy(play, SLOW)
        play.begin(["evaluate", "detect"], feed=lambda: ScriptedFeed(load, play.settings, speed=0.0))
        play.feed.result()
        scorer = play.crew.start("score")
        play.crew.started("score")
        with Peaks(scorer) as peaks:
            play.busy_moment("score", 1.0)
            wait_until(lambda: play.lag("score") == 0, "score does not come to the end", 200.0)
        counted = metric(scorer, UNSCORED)
        play.title += f" (memory of score +{peaks.growth_mb:.0f} MB, unscored {counted:.0f})"
        play.judge()
        assert counted == 0, "a slow pool is no pool that does not answer"
        assert peaks.growth_mb < GROWTH_MB, f"score took {peaks.growth_mb:.0f} MB more"
