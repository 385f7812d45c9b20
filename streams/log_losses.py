"""What is missing from the logs that a stage reads: records that retention took first, and gaps between records."""

import logging
from collections.abc import Mapping

from streams.metrics import Metrics
from streams.transport import TP, Committed, RecordBatch

_log = logging.getLogger(__name__)


class LogLosses:
    """Counts and says what a stage will never see.

    Args:
        metrics: where it is counted.
        written_by_us: full names of topics whose offsets all hold a record, as no transaction writes there.
    """

    def __init__(self, metrics: Metrics, written_by_us: frozenset[str]) -> None:
        self._metrics = metrics
        self._written_by_us = written_by_us
        self._next: dict[TP, int] = {}
        self._lost_to: dict[TP, int] = {}
        """Up to where losses have been counted: a partition may come back before its commit has moved."""
        self._gap_said: set[str] = set()

    def assigned(self, committed: Mapping[TP, Committed], seeks: Mapping[TP, int]) -> None:
        """See whether the logs still hold what was not read yet.

        Args:
            committed: what the group committed, and where the logs begin.
            seeks: where the stage reads on, for those that it does not read on from their commits.
        """
        self._next = {}
        for tp, state in committed.items():
            begin = seeks.get(tp, state.log_start if state.offset is None else state.offset)
            self._next[tp] = max(begin, state.log_start)
            if state.offset is None:
                continue
            if seeks.get(tp, 0) > state.log_start:
                continue  # it comes back with its state, and was read beyond its commit
            lost = state.log_start - max(state.offset, self._lost_to.get(tp, 0))
            if lost > 0:
                self._lost_to[tp] = state.log_start
                self._metrics.lost_records.labels(tp.topic).inc(lost)
                _log.error(
                    "%s[%d] begins at %d and was read up to %d: %d records were deleted before they were read; keep "
                    "them longer (retention.ms), or let workers catch up sooner",
                    *(*tp, state.log_start, state.offset, lost),
                )

    def read(self, batch: RecordBatch) -> None:
        """Count the offsets of a batch that hold no record."""
        skipped = batch.next_offset - self._next.get(batch.tp, batch.next_offset) - len(batch.records)
        self._next[batch.tp] = batch.next_offset
        if skipped <= 0:
            return
        topic = batch.tp.topic
        self._metrics.skipped_offsets.labels(topic).inc(skipped)
        if topic in self._written_by_us and topic not in self._gap_said:
            self._gap_said.add(topic)
            _log.error(
                "%s[%d]: %d offsets before %d hold no record any more, and nobody deletes one there: was the topic "
                "compacted? Counts of that time may be too small; `matchwatch topics` shows its settings",
                *(*batch.tp, skipped, batch.next_offset),
            )
