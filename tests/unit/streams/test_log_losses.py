"""What the logs do not hold any more."""

import logging

import pytest

from streams.log_losses import LogLosses
from streams.metrics import Metrics
from streams.transport import TP, Committed, RecordBatch

OURS, SHOPS = TP("match-scores", 0), TP("click-events", 0)


def value(metrics: Metrics, name: str) -> float:
    return sum(float(line.split()[-1]) for line in metrics.text().decode().splitlines() if line.startswith(name + "{"))


def batch(tp: TP, records: int, next_offset: int) -> RecordBatch:
    return RecordBatch(tp, [None] * records, next_offset, 1, 0)  # type: ignore[list-item]


def test_records_below_the_logs_start_are_lost_and_those_of_a_first_start_are_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    metrics = Metrics("evaluate")
    losses = LogLosses(metrics, frozenset())
    losses.assigned({OURS: Committed(10, "", 25, 90), SHOPS: Committed(None, "", 25, 90)}, {})
    assert value(metrics, "matchwatch_lost_records_total") == 15
    assert "match-scores[0] begins at 25 and was read up to 10: 15 records were deleted" in caplog.text
    losses.read(batch(OURS, 5, 30))
    assert value(metrics, "matchwatch_skipped_offsets_total") == 0


def test_gaps_between_records_are_counted_and_an_error_where_no_transaction_writes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    metrics = Metrics("evaluate")
    losses = LogLosses(metrics, frozenset({OURS.topic}))
    losses.assigned({OURS: Committed(10, "", 0, 90), SHOPS: Committed(10, "", 0, 90)}, {OURS: 4})
    for tp, begin in ((OURS, 4), (SHOPS, 10)):
        losses.read(batch(tp, 3, begin + 3))
        losses.read(batch(tp, 2, begin + 8))
    assert value(metrics, "matchwatch_skipped_offsets_total") == 6
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    (told,) = [record.getMessage() for record in errors]
    assert told.startswith("match-scores[0]: 3 offsets before 12 hold no record any more")


def test_a_loss_is_counted_once_however_often_the_partition_comes_back() -> None:
    metrics = Metrics("evaluate")
    losses = LogLosses(metrics, frozenset())
    losses.assigned({OURS: Committed(10, "", 25, 90)}, {OURS: 25})  # where the log begins: what lay before is gone
    losses.assigned({OURS: Committed(10, "", 25, 90)}, {OURS: 4})
    assert value(metrics, "matchwatch_lost_records_total") == 15
    losses.assigned({OURS: Committed(10, "", 30, 90)}, {OURS: 4})  # five more went, and nothing was committed yet
    assert value(metrics, "matchwatch_lost_records_total") == 20


def test_what_was_read_beyond_its_commit_is_not_lost() -> None:
    metrics = Metrics("evaluate")
    losses = LogLosses(metrics, frozenset())
    losses.assigned({OURS: Committed(10, "", 25, 90)}, {OURS: 60})  # it comes back with its state
    assert value(metrics, "matchwatch_lost_records_total") == 0
