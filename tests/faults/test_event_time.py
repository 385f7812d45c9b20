"""Events out of order, late and repeated in quantity, and a producer whose clock is fast."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import msgspec
import pytest
import xxhash

from tests.faults.conftest import SceneMaker
from tests.faults.moments import SeededMoments
from tests.faults.scene import Scene
from tests.faults.script import CLICKS, SEARCHES, Due, ScriptedFeed, load_of
from tests.faults.topic_logs import committed_of
from tests.oracle.scores import searches_of

pytestmark = [pytest.mark.faults, pytest.mark.kafka, pytest.mark.redis, pytest.mark.timeout(400)]
SHUFFLED_MS = (1_000, 25_000)
"""Within the lateness of 30 s: all of these count."""
LATE_MS = (35_000, 90_000)
AGAIN_MS = (100, 200_000)
"""From beside the first copy to long after its cohort is closed, within the time for which ids are remembered."""


def disordered(load: Iterable[Due], rng: Random) -> list[Due]:
    """Send every seventh event later than its time, some of them too late, and every eighth once more."""
    placed: list[tuple[int, Due]] = []
    for each in load:
        moved = each.at_ms
        if each.topic in (SEARCHES, CLICKS) and each.at_ms:
            draw = rng.random()
            if draw < 0.10:
                moved += rng.randrange(*SHUFFLED_MS)
            elif draw < 0.14:
                moved += rng.randrange(*LATE_MS)
            elif draw < 0.26:
                again_ms = each.at_ms + rng.randrange(*AGAIN_MS)
                placed.append((again_ms, dated(each, again_ms) if each.topic == SEARCHES else each))
        placed.append((moved, each))
    return [replace(each, at_ms=at_ms) for at_ms, each in sorted(placed, key=lambda one: one[0])]


def dated(each: Due, time_ms: int) -> Due:
    """Give an event with another time; what is no event stays as it is."""
    try:
        event = json.loads(each.value or b"")
        event["timestamp"] = time_ms
    except (ValueError, TypeError, RecursionError):
        return each
    return replace(each, value=json.dumps(event, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def test_much_disorder_and_repeats_of_searches_from_before_a_kill_count_once(
    make_scene: SceneMaker, rng: SeededMoments, recording: Path
) -> None:
    load = disordered(load_of(recording), Random(rng.seed))
    with make_scene(f"disorder and kill -9 of evaluate ({rng.name})") as play:
        play.begin(feed=lambda: ScriptedFeed(load, play.settings))
        play.busy_moment("evaluate", rng.share(0.5, 0.6))
        play.crew.kill("evaluate")
        across = Across(play)
        play.crew.start("evaluate")
        play.shown = ("late search-events", "late click-events", "repeated searches")
        play.feed.reach(1.0)
        play.title += f", {across.repeats()} repeats whose first copy lies before the commit"
        outcome = play.judge()
        assert across.repeats() > 50
        assert outcome.counters["late search-events"] > 100
        assert outcome.counters["repeated searches"] > 500


class Across:
    """Counts the repeats behind a commit whose first copies lie before it."""

    def __init__(self, play: Scene) -> None:
        self._play = play
        group = f"{play.settings.kafka.group_prefix}-evaluate"
        committed = committed_of(play.admin, group)
        self._to = {partition: offset for (topic, partition), offset in committed.items() if "match-scores" in topic}

    def repeats(self) -> int:
        """Count them; `match-scores` has a hash of each id in the order of the log."""
        before: set[int] = set()
        behind: list[int] = []
        for record in self._play.read("match-scores"):
            block = msgspec.msgpack.decode(record.value or b"")
            if block[0] == "block":
                ids = [query_id for _, query_id, _ in searches_of(block)]
                if record.offset < self._to.get(record.partition, 0):
                    before.update(ids)
                else:
                    behind += ids
        return sum(query_id in before for query_id in behind)


# One of twenty hosts of the shop has a wrong clock.
HOSTS = 20
BEYOND_MS, WITHIN_MS = 3_600_000, 240_000
"""Ahead of the arrival: more than `max_ahead_s` (300) allows, and less."""


def on_the_fast_host(each: Due) -> bool:
    return each.key is not None and xxhash.xxh3_64_intdigest(each.key) % HOSTS == 0


def with_a_fast_clock(load: list[Due]) -> Iterator[Due]:
    """Let one host be an hour ahead for a while, and four minutes ahead near the end."""
    times = [each.at_ms for each in load if each.topic == SEARCHES and each.at_ms]
    first_ms, last_ms = min(times), max(times)
    for each in load:
        due = each.arriving() if each.topic in (SEARCHES, CLICKS) else each
        share = (each.at_ms - first_ms) / (last_ms - first_ms)
        if each.topic in (SEARCHES, CLICKS) and on_the_fast_host(each):
            if 0.3 < share < 0.6:
                due = dated(due, each.at_ms + BEYOND_MS)
            elif share > 0.8:
                due = dated(due, each.at_ms + WITHIN_MS)
        yield due


@pytest.mark.slow
def test_a_fast_clock_is_refused_beyond_the_guard_and_makes_others_late_within_it(
    make_scene: SceneMaker, rng: SeededMoments, recording: Path
) -> None:
    load = list(with_a_fast_clock(load_of(recording)))
    last_ms = max(each.at_ms for each in load) + WITHIN_MS
    with make_scene(f"one host's clock an hour ahead, then four minutes ({rng.name})") as play:
        play.begin(feed=lambda: ScriptedFeed(load, play.settings, last_ms=last_ms))
        play.busy_moment("evaluate", 0.85)
        play.shown = ("invalid search-events", "late search-events", "late click-events")
        outcome = play.judge()
        reasons = [json.loads(letter.value)["reason"] for letter in play.read("dead-letters")]
        assert reasons.count("too_far_ahead") > 50
        assert outcome.counters["late search-events"] > 500
