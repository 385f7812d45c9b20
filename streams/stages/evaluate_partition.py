"""One partition of evaluate: its fold, how far it has read each topic, and the replay that builds it again."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from detectors.checkpoint import Checkpoint
from detectors.evaluate import EvaluateFold
from detectors.fold_settings import FoldSettings
from detectors.score_columns import ColumnsMisfit
from schemas.scores import ScoreBlock, ScoreControl, decode_scores
from streams.stages.click_rows import ClickRows, read_clicks
from streams.stages.idle_clock import IdleClock
from streams.stages.unreadable_records import UnreadableRecords
from streams.transport import TP, Record, Source

JOINED_BYTES: Final = 512 * 1024
"""Blocks that are applied together: more would leave the processor's cache."""
AT_END_S: Final = 3.0
SCORE_SPEAKS_S: Final = 10.0
"""Score's word that searches have stopped lapses when nothing has come from it for so long: it may be dead."""


@dataclass(slots=True)
class Part:
    """One topic's partition as seen by the fold."""

    tp: TP
    position: int
    """Every record before it has been applied."""
    replay_to: int
    """Where the replay of this topic ends: the committed offset."""
    held: list[Record] = field(default_factory=list)
    """Read beyond `replay_to` while the other topic still replays."""
    held_to: int = 0
    arrived_ms: int = 0
    """When the latest record that was read had arrived."""

    @property
    def replaying(self) -> bool:
        """Whether records below the commit are still to come."""
        return self.position < self.replay_to


class EvaluatePartition:
    """The fold of one partition number, fed from match-scores and click-events."""

    def __init__(
        self,
        settings: FoldSettings,
        *,
        number: int,
        partitions: int,
        max_ahead_s: int,
        idle_timeout_s: float,
        scores: Part,
        clicks: Part,
        checkpoint: Checkpoint | None,
        from_next_cohort: bool,
        unreadable: UnreadableRecords,
    ) -> None:
        self._unreadable = unreadable
        self.number = number
        self.scores = scores
        self.clicks = clicks
        self.fold = EvaluateFold(settings, number, checkpoint, from_next_cohort=from_next_cohort)
        self.clicks_idle = IdleClock(idle_timeout_s)
        self._sources_stand = False
        self._scores_at_end_s = -math.inf
        self._score_spoke_s = -math.inf
        self._scores_position = -1
        self._score_lag_ms: int | None = None
        self.committed: tuple[tuple[int, int], dict[int, int]] | None = None
        """Offsets and closings of the last commit."""
        self._partitions = partitions
        self._max_ahead_s = max_ahead_s
        self._end_replay()

    @property
    def replaying(self) -> bool:
        """Whether the state is still being built again."""
        return self.scores.replaying or self.clicks.replaying

    @property
    def idle(self) -> bool:
        """Whether the shop has been silent here: no search for a while, and no click that could be joined.

        The first search ends it at once, not at the next look: a control that carries its time must not call it idle.
        """
        return self._sources_stand and self.fold.source_idle

    def look(self, source: Source, now_s: float) -> None:
        """See whether the sources stand still; to be called about every second.

        That searches have stopped is score's word, in its controls: they never stop while it lives. Clicks that are
        held because they are ahead of the searches keep nothing waiting.

        Args:
            source: knows the logs' ends.
            now_s: a monotonic clock.
        """
        self.clicks_idle.look(now_s, at_end=source.at_end(self.clicks.tp), position=self.clicks.position)
        if self.scores.position != self._scores_position:
            self._scores_position, self._score_spoke_s = self.scores.position, now_s
        # A control is on its way at some looks: the end within the last few counts.
        if source.at_end(self.scores.tp):
            self._scores_at_end_s = now_s
        scores_stand = now_s - self._scores_at_end_s <= AT_END_S and now_s - self._score_spoke_s <= SCORE_SPEAKS_S
        clicks_stand = self.clicks_idle.idle or self.clicks.tp in source.paused()
        self._sources_stand = scores_stand and clicks_stand

    def lag_ms(self, source: Source, wall_ms: int) -> int | None:
        """Say how long events wait until they are counted: at score, by its own word, and here; None before its word.

        Clicks that are held because they are ahead of the searches wait for those, and not for this worker.
        """
        if self._score_lag_ms is None:
            return None
        waiting = [part for part in (self.scores, self.clicks) if not source.at_end(part.tp)]
        since = [part.arrived_ms for part in waiting if part.arrived_ms and part.tp not in source.paused()]
        return self._score_lag_ms + max(0, wall_ms - min(since, default=wall_ms))

    def apply(self, tp: TP, records: list[Record], next_offset: int) -> list[ClickRows]:
        """Apply records of one of the two topics.

        Args:
            tp: which topic.
            records: behind those applied before; older ones are ignored.
            next_offset: the position behind them.

        Returns:
            What was read of clicks: dead letters and counts.
        """
        part = self.scores if tp == self.scores.tp else self.clicks
        part.held += [record for record in records if record.offset >= part.position]
        part.held_to = max(next_offset, part.held_to)
        if records:
            part.arrived_ms = max(part.arrived_ms, records[-1].timestamp)
        return self._advance()

    def _advance(self) -> list[ClickRows]:
        read: list[ClickRows] = []
        for part in (self.scores, self.clicks):
            if part.replaying:
                below = [record for record in part.held if record.offset < part.replay_to]
                part.held = part.held[len(below) :]
                self._feed(part, below, min(max(part.held_to, part.position), part.replay_to))
        if not self.replaying:
            self._end_replay()
            for part in (self.scores, self.clicks):
                if part.held_to > part.position:
                    records, part.held = part.held, []
                    read += self._feed(part, records, part.held_to)
        return read

    def _feed(self, part: Part, records: list[Record], until: int) -> list[ClickRows]:
        read: list[ClickRows] = []
        if part is self.scores:
            self._apply_scores(records)
        elif records:
            read = read_clicks(records, self._partitions, self._max_ahead_s)
            for rows in read:
                self.fold.apply_clicks(rows.columns, records[0].offset)
                for reason, number in rows.invalid.items():
                    self.fold.count(f"invalid_clicks_{reason}", number)
                if rows.watermark_ms is not None:
                    self.fold.finish_clicks(rows.watermark_ms)
        part.position = max(part.position, until)
        return read

    def _apply_scores(self, records: Sequence[Record]) -> None:
        """Apply records in order, blocks that lie behind each other together.

        A control without a watermark changes nothing that a block could see, so it does not part them: of totals the
        largest count, and whether the source is idle the last record says.
        """
        run: list[tuple[Record, ScoreBlock]] = []
        run_bytes = 0
        behind: list[tuple[Record, ScoreControl]] = []
        for record in records:
            raw = record.value or b""
            try:
                decoded = decode_scores(raw)
            except msgspec.DecodeError as error:
                self._leave_out(record, error)
                continue
            if isinstance(decoded, ScoreBlock):
                self._apply_controls(behind)
                behind = []
                if run_bytes + len(raw) > JOINED_BYTES:
                    self._apply_blocks(run)
                    run, run_bytes = [], 0
                run.append((record, decoded))
                run_bytes += len(raw)
                continue
            if decoded.watermark_ms is not None:
                self._apply_blocks(run)
                run, run_bytes = [], 0
            behind.append((record, decoded))
        self._apply_blocks(run)
        self._apply_controls(behind)

    def _apply_controls(self, controls: Sequence[tuple[Record, ScoreControl]]) -> None:
        for record, control in controls:
            self.fold.apply_scores(control, record.offset)
            self._score_lag_ms = control.lag_ms

    def _apply_blocks(self, run: Sequence[tuple[Record, ScoreBlock]]) -> None:
        if not run:
            return
        try:
            self.fold.apply_blocks([block for _, block in run], run[0][0].offset)
        except ColumnsMisfit as error:
            if len(run) == 1:
                self._leave_out(run[0][0], error)
            else:
                for one in run:
                    self._apply_blocks([one])

    def _leave_out(self, record: Record, error: Exception) -> None:
        self._unreadable.leave_out(record, error)
        self.fold.count("unreadable_score_records")

    def _end_replay(self) -> None:
        if not self.replaying:
            self.fold.end_replay()
