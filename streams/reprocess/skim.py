"""Where a partition has to be read from, so that a fold that begins there decides as one that read all before.

Late and repeated depend on what came before: on the largest time so far, and on the sightings of a query id for some
time. So the log is skimmed from its start, and what is found is a `LogMark`: a place, with what was known there.
"""

from collections import deque
from collections.abc import Sequence

import msgspec
import numpy as np

from detectors.checkpoint import LogMark
from detectors.evaluate import BEFORE_ALL
from detectors.fold_settings import FoldSettings
from detectors.score_columns import ColumnsMisfit, ScoreColumns
from schemas.scores import ScoreControl, decode_scores
from streams.stages.click_rows import read_clicks
from streams.transport import Record


class ScoresSkim:
    """Finds the place in a partition of match-scores.

    Args:
        settings: of the fold.
        from_ms: start of the first cohort.
    """

    def __init__(self, settings: FoldSettings, from_ms: int) -> None:
        self._settings = settings
        self._from_ms = from_ms
        self._largest_ms = BEFORE_ALL
        self._source_offset = -1
        self._marks: deque[tuple[int, LogMark]] = deque()
        """Blocks that may be the place, with the largest time behind each; one a bucket."""
        self.first_ms: int | None = None
        """Largest time of the first block."""
        self.start: LogMark | None = None
        """The place, once it is found: when a search is dated in the first cohort or later."""

    @property
    def largest_ms(self) -> int:
        """Largest time so far."""
        return self._largest_ms

    def take(self, records: Sequence[Record]) -> None:
        """Take the next records, until the place is found."""
        for record in records:
            if self.start is None:
                self._take(record)

    def _take(self, record: Record) -> None:
        try:
            scores = decode_scores(record.value or b"")
            columns = None if isinstance(scores, ScoreControl) else ScoreColumns.read(scores)
        except (msgspec.DecodeError, ColumnsMisfit):
            return  # the fold leaves it out as well
        mark = LogMark(record.offset, self._largest_ms, self._source_offset)
        if columns is None:
            told_ms = scores.watermark_ms if isinstance(scores, ScoreControl) else None
            if told_ms is None:
                return
            largest_ms = told_ms + self._settings.lateness_ms
        elif len(columns):
            largest_ms = int(columns.times_ms.max())
            self._source_offset = max(self._source_offset, int(columns.source_offsets[-1]))
            self.first_ms = largest_ms if self.first_ms is None else self.first_ms
        else:
            return
        if largest_ms > self._largest_ms:
            before_ms, self._largest_ms = self._largest_ms, largest_ms
            self._remember(mark, before_ms)

    def _remember(self, mark: LogMark, before_ms: int) -> None:
        bucket_ms = self._settings.bucket_ms
        # What lies before it can make no search of the first cohort late or a repeat.
        needed_ms = before_ms - self._settings.lateness_ms - self._settings.remember_ms - 2 * bucket_ms
        if not self._marks or self._largest_ms // bucket_ms > self._marks[-1][0] // bucket_ms:
            self._marks.append((self._largest_ms, mark))
        while len(self._marks) > 1 and self._marks[0][0] <= needed_ms:
            self._marks.popleft()
        if self._largest_ms >= self._from_ms:
            self.start = self._marks[0][1]


class ClicksSkim:
    """Finds the place in a partition of click-events; arguments as in `ScoresSkim`."""

    def __init__(self, settings: FoldSettings, from_ms: int, partitions: int, max_ahead_s: int) -> None:
        self._lateness_ms = settings.lateness_ms
        self._wanted_ms = from_ms - settings.lateness_ms
        self._partitions = partitions
        self._max_ahead_s = max_ahead_s
        self.largest_ms = BEFORE_ALL
        """Largest time so far."""
        self.first_ms: int | None = None
        """Largest time of the first records that held a valid click."""
        self.start: LogMark | None = None
        """The place, once it is found: before the first click that may belong to a search of the first cohort."""

    def take(self, records: Sequence[Record]) -> None:
        """Take the next records, until the place is found."""
        if self.start is not None or not records:
            return
        mark = LogMark(records[0].offset, self.largest_ms)
        for rows in read_clicks(records, self._partitions, self._max_ahead_s):
            if len(rows.columns):
                largest_ms = int(np.max(rows.columns.times_ms))
                self.first_ms = largest_ms if self.first_ms is None else self.first_ms
                self.largest_ms = max(self.largest_ms, largest_ms)
            if rows.watermark_ms is not None:
                self.largest_ms = max(self.largest_ms, rows.watermark_ms + self._lateness_ms)
        if self.largest_ms >= self._wanted_ms:
            self.start = mark
