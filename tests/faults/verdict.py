"""What a scene has left behind, held against the oracle: topic by topic, and what they are read for."""

import contextlib
import json
from typing import TYPE_CHECKING

from streams.readers.counter_store import CounterStore
from tests.faults.crew import wait_until
from tests.faults.log_oracle import ExpectedOfLogs, expect_of_logs
from tests.faults.outcome import (
    Outcome,
    compare_alerts,
    compare_counters,
    compare_letters,
    compare_originals,
    compare_rollups,
    compare_signals,
    counters_of,
    look_for_repeats,
    told_apart,
)
from tests.faults.topic_logs import committed_of
from tests.faults.undisturbed import outputs_of
from tests.oracle.oracle import OracleSettings

if TYPE_CHECKING:
    from tests.faults.scene import Scene

SHOP_TOPICS = ("search-events", "click-events", "catalog-items", "model-events")


def verdict_of(play: "Scene") -> Outcome:
    """Compare everything that a scene has left behind with the oracle's; ends its workers."""
    kafka, fold = play.settings.kafka, play.settings.fold
    outcome = Outcome()
    logs = {topic: play.read(topic) for topic in SHOP_TOPICS}
    scores = play.read("match-scores")
    oracle = OracleSettings(fold.bucket_s, tuple(fold.horizons_s), fold.lateness_s, kafka.partitions)
    expected = expect_of_logs(logs, oracle, scores, fold.max_ahead_s)
    outcome.counters = expected.counts.counters
    if "rollups" not in play.lost:
        rows = [json.loads(line) for line in play.command("rollups", "--json", "--all").splitlines()]
        compare_rollups(outcome, expected, rows)
    _compare_live_counters(play, outcome, expected)
    # Nothing more is written once these have ended: what detect must read has an end.
    play.crew.terminate("score", "evaluate")
    rollups = play.read("rollups")
    totals = look_for_repeats(outcome, scores, rollups)
    compare_counters(outcome, expected, totals, "controls")
    letters = play.read("dead-letters")
    compare_letters(outcome, expected, letters, kafka.topic_prefix)
    compare_originals(outcome, letters, logs)
    if outcome.faults:  # alerts are made of rollups: where these differ, nothing more can be said
        play.crew.terminate("detect")
        return outcome
    _wait_for_detect(play, rollups[-1].offset + 1)
    firsts = [record for record, (_, is_first) in zip(rollups, told_apart(rollups), strict=True) if is_first]
    read_by_detect = {**logs, "rollups": firsts}
    undisturbed = outputs_of(play.settings, play.crew.environment, read_by_detect, play.folder / "undisturbed")
    compare_alerts(outcome, play.read("alerts"), undisturbed["alerts"])
    compare_signals(outcome, play.read("signals"), undisturbed["signals"])
    return outcome


def _compare_live_counters(play: "Scene", outcome: Outcome, expected: ExpectedOfLogs) -> None:
    """Redis is rewritten every second: it is right within seconds, whatever was there before."""
    wanted = {name: expected.counts.counters[name] for name in counters_of({})}
    with CounterStore(play.settings) as store, contextlib.suppress(AssertionError):
        wait_until(lambda: counters_of(store.read(5.0).counters) == wanted, "Redis", 10.0)
    with CounterStore(play.settings) as store:
        compare_counters(outcome, expected, store.read(5.0).counters, "Redis")


def _wait_for_detect(play: "Scene", end: int) -> None:
    kafka = play.settings.kafka
    wait_until(
        lambda: (
            committed_of(play.admin, f"{kafka.group_prefix}-detect").get((f"{kafka.topic_prefix}rollups", 0), 0) >= end
        ),
        lambda: f"detect does not come to the end of rollups\n{play.crew.said()}",
    )
    play.crew.terminate("detect")
