"""The fold of evaluate: scored searches and clicks of one partition in, rollups out.

Late, repeated and closed are decided by each topic's own log alone, so that the state after given prefixes of the two
logs is the same under any interleaving, and a successor builds it again by reading from the marks of a `Checkpoint`.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from detectors.checkpoint import Checkpoint, LogMark
from detectors.click_join import ACTION_UNKNOWN, ClickColumns, ClickJoin
from detectors.closing import Closing
from detectors.cohort import Cohort
from detectors.event_totals import EventTotals
from detectors.first_of_id import FirstOfId
from detectors.fold_settings import FoldSettings
from detectors.open_searches import OpenSearches
from detectors.score_columns import ScoreColumns
from schemas.rollup import Rollup, RollupControl
from schemas.scores import ScoreBlock, ScoreControl

BEFORE_ALL: Final = -1
"""Largest accepted time before the first record."""


class EvaluateFold:
    """Joins, counts and closes the cohorts of one partition."""

    def __init__(
        self,
        settings: FoldSettings,
        partition: int,
        checkpoint: Checkpoint | None = None,
        *,
        from_next_cohort: bool = False,
    ) -> None:
        """Start empty, or at the marks of a checkpoint.

        Args:
            settings: the same as those of the checkpoint.
            partition: of match-scores and click-events.
            checkpoint: then records are to be applied from its marks on; those below the committed offsets are a
                replay, which `end_replay` ends: until then nothing is counted twice.
            from_next_cohort: records before the first one applied are missing, so the first cohorts are not whole:
                emit only those that begin after every search that may lie before it.
        """
        self._settings = settings
        self._partition = partition
        self._searches = OpenSearches()
        horizons_ms = tuple(horizon * 1000 for horizon in settings.horizons_s)
        self._clicks = ClickJoin(self._searches, horizons_ms, settings.lateness_ms)
        self._cohorts: dict[int, Cohort] = {}
        self._first_of_id = FirstOfId(
            self._searches, self._cohorts, self._cohort, settings.bucket_ms, settings.remember_ms
        )
        self._click_marks: dict[int, LogMark] = {}
        self._leave_out_first = from_next_cohort
        self._searches_to_ms = checkpoint.scores.largest_time_ms if checkpoint else BEFORE_ALL
        self._clicks_to_ms = checkpoint.clicks.largest_time_ms if checkpoint else BEFORE_ALL
        self._source_offset = checkpoint.scores.source_offset if checkpoint else -1
        self._largest_event_ms = 0
        self._closing = Closing(
            settings, partition, self._searches, self._cohorts, checkpoint.closed_through_ms if checkpoint else {}
        )
        self._tell_closed()
        self._totals = EventTotals(checkpoint.totals if checkpoint else None)
        self.source_idle = False
        """Score says that the shop's searches have stopped."""

    @property
    def searches_watermark_ms(self) -> int:
        """No timely search before this time will come; BEFORE_ALL before the first."""
        return self._watermark(self._searches_to_ms)

    @property
    def clicks_watermark_ms(self) -> int:
        """No timely click before this time will come; BEFORE_ALL before the first."""
        return self._watermark(self._clicks_to_ms)

    @property
    def totals(self) -> dict[str, int]:
        """Counters since the log began, by name."""
        return self._totals.by_name()

    @property
    def waiting_clicks(self) -> int:
        """Clicks that wait for their search."""
        return self._clicks.waiting

    @property
    def open_searches(self) -> int:
        """Searches whose last horizon has not passed."""
        closed_ms = self._closing.through_ms[self._settings.horizons_s[-1]]
        waiting = [cohort for start_ms, cohort in self._cohorts.items() if start_ms >= closed_ms]
        return sum(end - first for cohort in waiting for first, end in cohort.row_ranges)

    def nbytes(self) -> int:
        """Say how much memory the open searches take."""
        return self._searches.nbytes()

    def end_replay(self) -> None:
        """Say that every record below the committed offsets has been applied: from now on all is counted."""
        self._totals.end_replay()

    def apply_scores(self, record: ScoreBlock | ScoreControl, offset: int) -> None:
        """Apply one record of match-scores.

        Args:
            record: blocks that were applied before are skipped by their source offsets.
            offset: of the record.
        """
        if isinstance(record, ScoreControl):
            self._apply_control(record)
        else:
            self.apply_blocks([record], offset)

    def apply_blocks(self, blocks: Sequence[ScoreBlock], first_offset: int) -> None:
        """Apply blocks of match-scores that lie behind each other, with no control between: as if one by one.

        Args:
            blocks: what was applied before is skipped by its source offsets.
            first_offset: of the first block's record.

        Raises:
            ColumnsMisfit: one of them is not score's; nothing has been applied.
        """
        columns = ScoreColumns.read(*blocks)
        # A successor of score, or one that is thought dead, writes some searches again.
        reached = np.maximum.accumulate(np.concatenate([[self._source_offset], columns.source_offsets]))
        fresh = columns.source_offsets > reached[:-1]
        if not fresh.all():
            columns = columns.take(np.flatnonzero(fresh))
        if not len(columns):
            return
        self.source_idle = False
        mark = LogMark(first_offset, self._searches_to_ms, self._source_offset)
        self._source_offset = int(columns.source_offsets[-1])
        before = np.maximum.accumulate(np.concatenate([[self._searches_to_ms], columns.times_ms]))
        self._searches_to_ms = int(before[-1])
        self._largest_event_ms = max(self._largest_event_ms, int(columns.times_ms.max()))
        if self._leave_out_first:
            # The first block decides, whatever lies behind it in the same poll.
            first = int(np.count_nonzero(columns.scoring_index == columns.scoring_index[0]))
            self._leave_out_open_cohorts(int(before[first]))
        watermarks = before[:-1] - self._settings.lateness_ms
        late = columns.times_ms < watermarks
        accepted = self._first_of_id.accept(columns.query_ids, columns.times_ms, watermarks, ~late, mark)
        self._totals.count("late_searches", int(late.sum()))
        self._totals.count_flags("searches", columns.flags[~late])
        self._totals.count("repeated_searches", int((~late & ~accepted).sum()))
        self._totals.count("accepted_searches", int(accepted.sum()))
        self._open(columns.take(np.flatnonzero(accepted)) if not accepted.all() else columns, mark)
        self._retry_clicks()

    def apply_clicks(self, clicks: ClickColumns, first_offset: int) -> None:
        """Apply valid clicks that lie behind each other in click-events.

        Args:
            clicks: in the order of the log.
            first_offset: of the first record of the batch, valid or not.
        """
        if not len(clicks):
            return
        settings = self._settings
        mark = LogMark(first_offset, self._clicks_to_ms)
        before = np.maximum.accumulate(np.concatenate([[self._clicks_to_ms], clicks.times_ms]))
        self._clicks_to_ms = int(before[-1])
        late = clicks.times_ms < before[:-1] - settings.lateness_ms
        unknown = ~late & (clicks.actions == ACTION_UNKNOWN)
        timely = clicks.take(~late & ~unknown)
        for bucket in np.unique(timely.times_ms // settings.bucket_ms):
            self._click_marks.setdefault(int(bucket), mark)
        self._totals.count("late_clicks", int(late.sum()))
        self._totals.count_flags("clicks", clicks.flags[~late])
        self._totals.count("unknown_actions", int(unknown.sum()))
        self._totals.count("accepted_clicks", len(timely))
        self._count_joined(self._clicks.add(timely, self.searches_watermark_ms))

    def count(self, name: str, number: int = 1) -> None:
        """Count what the stage saw before the fold: invalid clicks, records that are not ours."""
        self._totals.count(name, number)

    def finish_clicks(self, watermark_ms: int) -> None:
        """Take the word of the clicks' producer that nothing before `watermark_ms` will come."""
        self._clicks_to_ms = max(self._clicks_to_ms, watermark_ms + self._settings.lateness_ms)

    def close(self, *, clicks_idle: bool = False) -> list[Rollup]:
        """Close every cohort that the watermarks have passed, and forget what nothing needs any more.

        Args:
            clicks_idle: nothing is left to read of click-events, for a while: searches alone tell the time.

        Returns:
            Rollups of the newly closed cohorts: label-free ones first, then by horizon, by cohort, by series.
        """
        searches_ms = self.searches_watermark_ms
        both_ms = searches_ms if clicks_idle else min(searches_ms, self.clicks_watermark_ms)
        if not self._closing.has_anything_passed(searches_ms, both_ms):
            return []
        closed = self._closing.close(searches_ms, both_ms)
        self._tell_closed()
        self._forget(both_ms)
        return closed

    def has_closed(self, through_ms: Mapping[int, int]) -> bool:
        """Whether every cohort that starts before `through_ms`, by horizon, has been emitted here as well."""
        return all(self._closing.through_ms.get(horizon_s, 0) >= end_ms for horizon_s, end_ms in through_ms.items())

    def control(self, partitions: int, wall_ms: int, *, idle: bool, lag_ms: int | None = None) -> RollupControl:
        """Say how far this partition is; to be sent when all rollups returned so far are acknowledged."""
        return RollupControl(
            partition=self._partition,
            partitions=partitions,
            closed_through_ms=dict(self._closing.through_ms),
            watermark_ms=min(self.searches_watermark_ms, self.clicks_watermark_ms),
            largest_time_ms=self._largest_event_ms,
            idle=idle,
            wall_ms=wall_ms,
            totals=self.totals,
            lag_ms=lag_ms,
        )

    def checkpoint(self, scores_offset: int, clicks_offset: int, settings: str) -> Checkpoint:
        """Give the metadata of a commit at the given offsets; all rollups returned so far must be acknowledged."""
        marks = [cohort.mark for cohort in self._cohorts.values()]
        scores = min(marks, default=LogMark(scores_offset, self._searches_to_ms, self._source_offset))
        clicks = min(self._click_marks.values(), default=LogMark(clicks_offset, self._clicks_to_ms))
        return Checkpoint(
            scores=scores,
            clicks=clicks,
            closed_through_ms=dict(self._closing.through_ms),
            totals=self.totals,
            settings=settings,
            source_offset=self._source_offset,
        )

    def _watermark(self, largest_ms: int) -> int:
        return BEFORE_ALL if largest_ms == BEFORE_ALL else largest_ms - self._settings.lateness_ms

    def _leave_out_open_cohorts(self, largest_ms: int) -> None:
        bucket_ms = self._settings.bucket_ms
        first_whole_ms = ((largest_ms + self._settings.lateness_ms) // bucket_ms + 1) * bucket_ms
        self._closing.leave_out(first_whole_ms)
        self._tell_closed()
        self._leave_out_first = False

    def _tell_closed(self) -> None:
        self._clicks.closed_ms = np.array(
            [self._closing.through_ms[horizon_s] for horizon_s in self._settings.horizons_s]
        )

    def _apply_control(self, control: ScoreControl) -> None:
        self.source_idle = control.idle
        self._totals.hear(control.totals)
        if control.watermark_ms is not None:
            self._searches_to_ms = max(self._searches_to_ms, control.watermark_ms + self._settings.lateness_ms)
            self._retry_clicks()

    def _retry_clicks(self) -> None:
        self._count_joined(self._clicks.retry(self.searches_watermark_ms))

    def _count_joined(self, unmatched: int) -> None:
        self._totals.count("unmatched_clicks", unmatched)
        for name, number in self._clicks.take_counts().items():
            self._totals.count(name, number)

    def _cohort(self, start_ms: int, mark: LogMark) -> Cohort:
        cohort = self._cohorts.get(start_ms)
        if cohort is None:
            cohort = self._cohorts[start_ms] = Cohort(start_ms, mark, self._settings.dimensions)
        return cohort

    def _open(self, columns: ScoreColumns, mark: LogMark) -> None:
        if not len(columns):
            return
        starts = columns.times_ms // self._settings.bucket_ms * self._settings.bucket_ms
        distinct = np.unique(starts)
        for start_ms in distinct:
            part = columns if distinct.size == 1 else columns.take(np.flatnonzero(starts == start_ms))
            cohort = self._cohort(int(start_ms), mark)
            series, combinations = cohort.number_rows(part)
            first_row = self._searches.next_row
            self._searches.add(
                query_ids=part.query_ids,
                times_ms=part.times_ms,
                series=series,
                segments=combinations,
                item_counts=part.item_counts,
                item_ids=part.item_ids,
                positions=part.positions,
                scores=part.scores,
            )
            cohort.add_rows(part, (series, combinations), first_row)
        self._searches.forget_expected()

    def _forget(self, both_ms: int) -> None:
        settings = self._settings
        remembered_ms = both_ms - settings.bucket_ms - settings.remember_ms
        for start_ms in [start for start in self._cohorts if start <= remembered_ms]:
            del self._cohorts[start_ms]
        self._first_of_id.forget()
        rows = [start for cohort in self._cohorts.values() for start, _ in cohort.row_ranges[:1]]
        self._searches.drop_below(min(rows, default=self._searches.next_row))
        oldest_ms = min([*self._cohorts, self.searches_watermark_ms]) - settings.lateness_ms
        for bucket in [bucket for bucket in self._click_marks if (bucket + 1) * settings.bucket_ms <= oldest_ms]:
            del self._click_marks[bucket]
