"""Other fold settings with --from-next-cohort: it begins with a whole cohort, and those before stay as they were."""

import json
from collections import Counter
from dataclasses import dataclass

import msgspec
import pytest

from schemas.rollup import LABEL_FREE, Rollup, RollupControl, decode_rollup
from tests.faults.conftest import FOLD, SceneMaker
from tests.faults.crew import wait_until
from tests.faults.log_oracle import expect_of_logs
from tests.faults.moments import SeededMoments
from tests.faults.scene import Scene
from tests.faults.test_settings import OTHER, refused
from tests.faults.topic_logs import LogRecord, committed_of
from tests.faults.verdict import SHOP_TOPICS
from tests.oracle.compare import differences
from tests.oracle.oracle import Expected, OracleSettings, rfc3339
from tests.oracle.scores import searches_of

pytestmark = [pytest.mark.faults, pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(400)]
OTHER_HORIZONS_S = (30, 180)
"""As `OTHER` says; the longest stays, and with it the time for which ids are remembered."""
SECOND = len("2026-01-05T10:03:20")


@dataclass
class Cut:
    """Where one run ended and the next, with other settings, began."""

    committed: dict[tuple[str, int], int]
    closed_ms: dict[int, int]
    """By horizon: every partition had closed what starts before it."""
    rollups: int
    """How many records the first run left."""


def cut(play: Scene) -> Cut:
    """Take down what the run that has just ended committed and closed."""
    prefix = play.settings.kafka.topic_prefix
    committed = committed_of(play.admin, f"{play.settings.kafka.group_prefix}-evaluate")
    closed: dict[int, dict[int, int]] = {}
    rollups = play.read("rollups")
    for record in rollups:
        control = decode_rollup(record.value or b"")
        if isinstance(control, RollupControl):
            closed[control.partition] = control.closed_through_ms
    assert len(closed) == play.settings.kafka.partitions
    return Cut(
        {(topic.removeprefix(prefix), number): offset for (topic, number), offset in committed.items()},
        {horizon_s: min(each[horizon_s] for each in closed.values()) for horizon_s in FOLD["horizons_s"]},
        len(rollups),
    )


def behind(log: list[LogRecord], topic: str, at: Cut) -> list[LogRecord]:
    """Give what the second run has read of a topic."""
    return [each for each in log if each.offset >= at.committed.get((topic, each.partition), 0)]


def read_again(play: Scene, at: Cut) -> dict[str, list[LogRecord]]:
    """Give the shop's events that the second run has seen."""
    logs = {topic: play.read(topic) for topic in SHOP_TOPICS}
    first: dict[int, int] = {}
    for record in behind(play.read("match-scores"), "match-scores", at):
        block = msgspec.msgpack.decode(record.value or b"")
        for offset, _, _ in searches_of(block) if block[0] == "block" else ():
            first[record.partition] = min(offset, first.get(record.partition, offset))
    return {
        "search-events": [each for each in logs["search-events"] if each.offset >= first[each.partition]],
        "click-events": behind(logs["click-events"], "click-events", at),
    }


def first_whole_ms(play: Scene, at: Cut) -> int:
    """Give the first cohort that the second run has emitted of every partition."""
    starts: dict[int, int] = {}
    for record in play.read("rollups")[at.rollups :]:
        rollup = decode_rollup(record.value or b"")
        if isinstance(rollup, Rollup) and rollup.horizon_s != LABEL_FREE:
            starts[rollup.partition] = min(rollup.cohort_start_ms, starts.get(rollup.partition, 1 << 62))
    return max(starts.values())


def first_whole_by_log_ms(scores: list[LogRecord], bucket_ms: int, lateness_ms: int) -> int:
    """Give the first cohort that can hold no search from before what the second run has read, of every partition."""
    largest: dict[int, int] = {}
    for record in scores:
        block = msgspec.msgpack.decode(record.value or b"")
        if block[0] == "block" and record.partition not in largest:
            largest[record.partition] = max(search.time_ms for _, _, search in searches_of(block))
    return (max(largest.values()) + lateness_ms) // bucket_ms * bucket_ms + bucket_ms


def second_of(row: dict) -> str:
    """Give a cohort's start without its fraction, which not everybody writes."""
    return row["cohort_start"][:SECOND]


def only(rows: list[dict], *, before_ms: dict[int, int] | None = None, from_ms: int = 0) -> list[dict]:
    """Give the rows of cohorts that start in a stretch of time, by horizon where it has an end."""
    return [
        row
        for row in rows
        if second_of(row) >= rfc3339(from_ms)[:SECOND]
        and (before_ms is None or second_of(row) < rfc3339(before_ms.get(row["horizon_s"], 0))[:SECOND])
    ]


def not_whole(found: list[dict], wanted: list[dict]) -> list[str]:
    """Give the cohorts with fewer searches than the whole log has of them.

    There may be more: who begins anew knows no older id, so it does not see that some come again.
    """
    searches = {name_of(row): row["searches"] for row in found}
    names = [(name_of(row), row["searches"]) for row in wanted]
    return [f"{name}: {searches.get(name, 0)} of {number}" for name, number in names if searches.get(name, 0) < number]


def name_of(row: dict) -> str:
    """Name a row by series, cohort and horizon."""
    return " ".join([*row["series"].values(), second_of(row), str(row["horizon_s"])])


def test_from_next_cohort_begins_with_a_whole_cohort_and_those_before_stay_as_they_were(
    make_scene: SceneMaker, rng: SeededMoments
) -> None:
    with make_scene(f"other fold settings with --from-next-cohort ({rng.name})") as play:
        play.begin()
        play.busy_moment("evaluate", rng.share(0.5, 0.6))
        play.crew.terminate("evaluate")
        at = cut(play)
        assert "FoldSettingsChanged" in refused(play)
        play.crew.start("evaluate", "--from-next-cohort", **OTHER)
        watermark_ms = play.feed.result().watermark_ms
        everywhere = set(range(play.settings.kafka.partitions))
        wait_until(lambda: play.is_closed(watermark_ms, everywhere), lambda: f"not closed\n{play.crew.said()}")
        rows = [json.loads(line) for line in play.command("rollups", "--json", "--all").splitlines()]
        scores = play.read("match-scores")
        fold, partitions = play.settings.fold, play.settings.kafka.partitions
        old = OracleSettings(fold.bucket_s, tuple(FOLD["horizons_s"]), fold.lateness_s, partitions)
        new = OracleSettings(fold.bucket_s, OTHER_HORIZONS_S, fold.lateness_s, partitions)
        logs = {topic: play.read(topic) for topic in SHOP_TOPICS}
        before = expect_of_logs(logs, old, scores).counts
        after = expect_of_logs(read_again(play, at), new, behind(scores, "match-scores", at)).counts
        whole_ms = first_whole_ms(play, at)
        by_log_ms = first_whole_by_log_ms(
            behind(scores, "match-scores", at), fold.bucket_s * 1000, fold.lateness_s * 1000
        )
        assert whole_ms == by_log_ms, f"cohorts are not whole from {whole_ms} on, but from {by_log_ms}"
        told = []
        for name, expected, stretch in (
            ("before", before, {"before_ms": at.closed_ms}),
            ("after", after, {"from_ms": whole_ms}),
        ):
            wanted = Expected(only(expected.rows, **stretch), Counter(), [])
            assert len(wanted.rows) > 50, f"{len(wanted.rows)} rows {name} show nothing"
            found = only(rows, **stretch)
            differ = differences(wanted, found)
            told.append(f"{len(wanted.rows):,} rows {name}, {len(differ)} differ")
            assert not differ, f"{name}: {differ[:5]}"
        part = not_whole(rows, only(expect_of_logs(logs, new, scores).counts.rows, from_ms=whole_ms))
        assert not part, f"cohorts are not whole: {part[:3]}"
        left_out_s = (whole_ms - at.closed_ms[60]) / 1000
        play.tell(f"{play.title} | {play.moments_told()} | {'; '.join(told)}; {left_out_s:.0f} s of cohorts left out")
        # Open cohorts: the horizon, the lateness before and behind, what came while nobody read, and whole cohorts.
        assert 0 < left_out_s < 60 + 2 * fold.lateness_s + 240
