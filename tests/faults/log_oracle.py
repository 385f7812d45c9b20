"""What must come out of what lies in the topics: a second opinion on counts and dead letters, from the logs alone.

Nothing of the product is imported. Contracts and fold are the oracle's (`tests/oracle`); here are the rules that only
a log has: control records, arrival times, null values.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.faults.refusals import NO_VALUE, TOO_FAR_AHEAD
from tests.faults.topic_logs import LogRecord
from tests.oracle.contracts import InvalidRecord, read_catalog_item, read_click, read_search
from tests.oracle.oracle import CATALOG, CLICKS, SEARCHES, Expected, OracleSettings, PartitionFold, rows_of
from tests.oracle.scores import ScoredSearches
from tests.oracle.strict_json import parse_object

MODEL_EVENTS = "model-events"
ARRIVAL, WATERMARK = "matchwatch-arrival", "matchwatch-watermark"
MAX_AHEAD_S = 300

Place = tuple[str, int, int]
"""Topic without its prefix, partition, offset."""


@dataclass
class ExpectedOfLogs:
    """What must be printed, counted and refused."""

    counts: Expected
    refused: dict[Place, str] = field(default_factory=dict)
    """The oracle's words for each record that must be in `dead-letters`."""

    @property
    def integers(self) -> int:
        """How many whole numbers of the rollups are compared: eleven counts and two quantile counts a line."""
        return sum(7 + (6 if row["pairs"] is not None else 0) for row in self.counts.rows)


def expect_of_logs(
    logs: dict[str, list[LogRecord]],
    settings: OracleSettings,
    scores: Iterable[LogRecord] | None,
    max_ahead_s: int = MAX_AHEAD_S,
) -> ExpectedOfLogs:
    """Say what must come of the shop's topics.

    Args:
        logs: by topic without its prefix; topics that are left out are empty.
        settings: of the fold.
        scores: records of `match-scores`, of which only the scores are taken; None leaves pairs uncounted.
        max_ahead_s: how far ahead of its arrival an event may be dated.
    """
    counters: Counter[str] = Counter()
    found = ExpectedOfLogs(Expected([], counters, []))
    scored = None if scores is None else ScoredSearches((r.partition, r.value) for r in scores if r.value)
    folds = [PartitionFold(number, settings, counters) for number in range(settings.partitions)]
    for record in logs.get(SEARCHES, []):
        fold, watermark_ms = folds[record.partition], _watermark_ms(record)
        if watermark_ms is not None:
            fold.searches_finished(watermark_ms)
        elif (search := _read(SEARCHES, record, read_search, found, max_ahead_s)) is not None:
            fold.add_search(search, scored)
    for record in logs.get(CLICKS, []):
        fold, watermark_ms = folds[record.partition], _watermark_ms(record)
        if watermark_ms is not None:
            fold.clicks_finished(watermark_ms)
        elif (click := _read(CLICKS, record, read_click, found, max_ahead_s)) is not None:
            fold.add_click(click)
    for record in logs.get(CATALOG, []):
        if record.value is not None or not record.key:  # a null value withdraws the item its key names
            _read(CATALOG, record, read_catalog_item, found, None)
    for record in logs.get(MODEL_EVENTS, []):
        _read(MODEL_EVENTS, record, parse_object, found, None)
    counts = found.counts
    counts.score_faults += [fault for fold in folds for fault in fold.score_faults]
    counts.score_faults += [] if scored is None else scored.leftovers()
    counted = (each for fold in folds for each in fold.open.values())
    counts.rows += rows_of(counted, settings, scored=scored is not None, all_versions=True)
    return found


def _read(
    topic: str, record: LogRecord, read: Callable[[bytes], Any], found: ExpectedOfLogs, max_ahead_s: int | None
) -> Any:
    """Give the event, or None where it must be refused."""
    refusal = NO_VALUE
    if record.value is not None:
        try:
            event = read(record.value)
        except InvalidRecord as error:
            refusal = str(error)
        else:
            arrival_ms = None if max_ahead_s is None else _arrival_ms(record)
            if arrival_ms is None or max_ahead_s is None or event.time_ms <= arrival_ms + max_ahead_s * 1000:
                return event
            refusal = TOO_FAR_AHEAD
    found.refused[topic, record.partition, record.offset] = refusal
    found.counts.counters[f"invalid {topic}"] += 1
    return None


def _watermark_ms(record: LogRecord) -> int | None:
    """Read a control record: no key, no value, a time in ASCII digits in its header."""
    if record.key is not None or record.value is not None:
        return None
    return next((int(value) for name, value in record.headers if name == WATERMARK and _is_time(value)), None)


def _arrival_ms(record: LogRecord) -> int | None:
    for name, value in record.headers:
        if name == ARRIVAL and value == b"none":
            return None
        if name == ARRIVAL and _is_time(value):
            return int(value)
    return record.appended_ms


def _is_time(value: bytes | None) -> bool:
    return value is not None and len(value) <= 13 and value.isdigit()
