"""What a scene's topics hold at its end, held against the oracle's, number by number."""

import base64
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from schemas.rollup import Rollup, RollupControl, decode_rollup
from streams.readers.merged_rollups import MergedRollups
from tests.faults.log_oracle import ExpectedOfLogs, Place
from tests.faults.refusals import names_of
from tests.faults.topic_logs import LogRecord
from tests.oracle.compare import differences
from tests.oracle.scores import searches_of


@dataclass
class Outcome:
    """How much was compared, and all that differs."""

    integers: int = 0
    letters: int = 0
    alerts: int = 0
    signals: int = 0
    rollups: int = 0
    """Records of `rollups`, controls and repeats included."""
    written_again: Counter[str] = field(default_factory=Counter)
    """Records that were written twice, by topic: a fault's trace, which readers must see through."""
    counters: Counter[str] = field(default_factory=Counter)
    """What the oracle counted."""
    faults: list[str] = field(default_factory=list)
    """Everything that is not as it must be."""


def compare_rollups(outcome: Outcome, expected: ExpectedOfLogs, rows: list[dict[str, Any]]) -> None:
    """Hold what `rollups --json --all` printed against the oracle's lines."""
    outcome.integers += expected.integers
    outcome.faults += [f"rollups: {each}" for each in differences(expected.counts, rows)]
    if not any(row["clicks"] and row["pairs"]["concordant"] for row in rows):
        outcome.faults.append("rollups: no clicks and no pairs, so nothing was shown")


def counters_of(totals: Mapping[str, int]) -> dict[str, int]:
    """Give the product's counters by the oracle's names."""

    def all_of(prefix: str) -> int:
        return sum(number for name, number in totals.items() if name.startswith(prefix))

    return {
        "late search-events": totals.get("late_searches", 0),
        "late click-events": totals.get("late_clicks", 0),
        "repeated searches": totals.get("repeated_searches", 0),
        "unmatched clicks": totals.get("unmatched_clicks", 0),
        "unknown actions": totals.get("unknown_actions", 0),
        "misrouted": all_of("misrouted_"),
        "invalid search-events": all_of("source_invalid_"),
        "invalid click-events": all_of("invalid_clicks_"),
    }


def compare_counters(outcome: Outcome, expected: ExpectedOfLogs, totals: Mapping[str, int], where: str) -> None:
    """Hold counters against the oracle's."""
    for name, found in counters_of(totals).items():
        outcome.integers += 1
        if found != expected.counts.counters[name]:
            outcome.faults.append(f"{where}: {name} is {found}, expected {expected.counts.counters[name]}")


def compare_letters(outcome: Outcome, expected: ExpectedOfLogs, log: list[LogRecord], prefix: str) -> None:
    """Hold `dead-letters`, deduplicated by origin, against what the oracle refuses."""
    found: dict[Place, dict[str, Any]] = {}
    for record in log:
        letter = json.loads(record.value or b"")
        origin = letter["origin"]
        place = (origin["topic"].removeprefix(prefix), origin["partition"], origin["offset"])
        outcome.written_again["dead-letters"] += place in found
        found.setdefault(place, letter)
    outcome.letters = len(expected.refused)
    for place, refusal in expected.refused.items():
        if place not in found:
            outcome.faults.append(f"dead-letters: {place} is missing, it is refused for {refusal!r}")
        elif found[place]["reason"] not in names_of(refusal):
            outcome.faults.append(f"dead-letters: {place} names {found[place]['reason']}, expected {refusal!r}")
    outcome.faults += [f"dead-letters: {place} is valid" for place in found.keys() - expected.refused.keys()]


def compare_originals(outcome: Outcome, letters: list[LogRecord], sources: Mapping[str, list[LogRecord]]) -> None:
    """See that each dead letter holds the bytes of the record that it names."""
    values = {(topic, r.partition, r.offset): r.value for topic, log in sources.items() for r in log}
    for record in letters:
        letter = json.loads(record.value or b"")
        origin = letter["origin"]
        original = values.get((origin["topic"], origin["partition"], origin["offset"])) or b""
        kept = base64.b64decode(letter["original_base64"])
        if letter["original_bytes"] != len(original) or not original.startswith(kept):
            outcome.faults.append(f"dead-letters: {origin} does not hold the record's bytes")


def look_for_repeats(outcome: Outcome, scores: list[LogRecord], rollups: list[LogRecord]) -> dict[str, int]:
    """Count what was written twice, and give evaluate's totals; a repeated rollup must equal its first."""
    last: dict[int, int] = {}
    closed_ms: dict[tuple[int, int], int] = {}
    behind = 0
    for record in scores:
        block = msgspec.msgpack.decode(record.value or b"")
        if block[0] == "block":
            for offset, _, _ in searches_of(block):
                outcome.written_again["match-scores"] += offset <= last.get(record.partition, -1)
                last[record.partition] = max(offset, last.get(record.partition, -1))
    totals: dict[int, dict[str, int]] = {}
    merged = MergedRollups(segments=True)
    for rollup, is_first in told_apart(rollups):
        if isinstance(rollup, RollupControl):
            totals[rollup.partition] = rollup.totals
            for horizon_s, through_ms in rollup.closed_through_ms.items():
                closed = rollup.partition, horizon_s
                closed_ms[closed] = max(through_ms, closed_ms.get(closed, 0))
        else:
            merged.take(rollup)
            if is_first and rollup.cohort_start_ms < closed_ms.get((rollup.partition, rollup.horizon_s), 0):
                behind += 1
    outcome.rollups += len(rollups)
    outcome.written_again["rollups"] += merged.repeats + merged.differing
    if merged.differing:
        outcome.faults.append(f"rollups: {merged.differing} repeats differ from their first")
    if behind:
        outcome.faults.append(f"rollups: {behind} lie behind the control that says that all of their cohort are there")
    sums: Counter[str] = Counter()
    for each in totals.values():
        sums.update(each)
    return dict(sums)


def told_apart(rollups: list[LogRecord]) -> Iterator[tuple[Rollup | RollupControl, bool]]:
    """Give the records of `rollups`, and of each whether none of its kind came before it."""
    seen: set[tuple[object, ...]] = set()
    for record in rollups:
        rollup = decode_rollup(record.value or b"")
        if isinstance(rollup, RollupControl):
            yield rollup, True
            continue
        name = rollup.series, rollup.cohort_start_ms, rollup.horizon_s, rollup.partition
        yield rollup, name not in seen
        seen.add(name)


def compare_alerts(outcome: Outcome, log: list[LogRecord], undisturbed: list[LogRecord]) -> None:
    """Hold the alerts against those of a detect that read the same rollups undisturbed."""
    found, expected = _by_id(log), _by_id(undisturbed)
    outcome.alerts = len(expected)
    outcome.written_again["alerts"] += len(log) - len(found)
    outcome.faults += [f"alerts: lost {each}" for key, each in expected.items() if key not in found]
    outcome.faults += [
        f"alerts: {each} is not of this story, or has a second id" for key, each in found.items() if key not in expected
    ]
    outcome.faults += [
        f"alerts: {found[key]} instead of {expected[key]}"
        for key in found.keys() & expected.keys()
        if found[key] != expected[key]
    ]
    if not any("firing" in each for each in expected.values()):
        outcome.faults.append("alerts: none fired, so nothing was shown")


def compare_signals(outcome: Outcome, log: list[LogRecord], undisturbed: list[LogRecord]) -> None:
    """Hold the signals against the undisturbed ones, to the last digit; repeats count once."""
    found, expected = ({(record.key, record.value) for record in each} for each in (log, undisturbed))
    outcome.signals = len(expected)
    outcome.written_again["signals"] += len(log) - len(found)
    for what, names in (("lost", expected - found), ("not of this story", found - expected)):
        if names:
            outcome.faults.append(
                f"signals: {len(names)} {what}, such as {min(value or b'' for _, value in names)[:200]!r}"
            )


def _by_id(log: list[LogRecord]) -> dict[str, str]:
    alerts = [json.loads(record.value) for record in log if record.value]
    return {
        alert["id"]: " ".join(
            [
                alert["type"].rpartition(".")[2],
                alert["data"]["rule"],
                alert["subject"],
                alert["data"]["detected_at"],
                # One that is marked so pages nobody: an alert that was never sent must not come like that.
                "replayed" if alert["data"].get("replayed") else "paging",
            ]
        )
        for alert in alerts
    }
