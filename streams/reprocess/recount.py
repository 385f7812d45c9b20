"""From records of the log to rollups, signals and alerts: the folds of the live stages, driven by whoever reads.

    match-scores[p], click-events[p] ─► fold of p ─► order of event time ─► fold of detect ─► outputs

Pure: no clock, no Kafka. Records may come from topics or from files.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from detectors.checkpoint import Checkpoint, LogMark
from detectors.detect_fold import DetectFold
from detectors.evaluate import BEFORE_ALL
from detectors.fold_settings import FoldSettings
from detectors.outputs import Output
from detectors.rule_settings import rules_of
from schemas.events import Deployment
from schemas.rollup import LABEL_FREE, Rollup, RollupControl
from schemas.scores import ScoreControl
from schemas.settings import Settings
from schemas.silences import Silence
from schemas.topics import CLICK_EVENTS, MATCH_SCORES
from streams.metrics import Metrics
from streams.reprocess.decision_order import DecisionOrder, Step
from streams.reprocess.latest_event import LatestEvent
from streams.reprocess.span import Span
from streams.stages.detect_records import apply_deployment, detect_fold_settings
from streams.stages.evaluate_partition import EvaluatePartition, Part
from streams.stages.unreadable_records import UnreadableRecords
from streams.transport import TP, Record

_KEPT_OUT: Final = 1 << 62
"""Closed through the end of time: holds nothing back."""


class Start(msgspec.Struct, frozen=True):
    """Where the two topics of one partition are read from."""

    scores: LogMark
    clicks: LogMark


class Decided(NamedTuple):
    """What comes out at once: records of `rollups`, and what detect made of them."""

    records: list[Rollup | RollupControl]
    outputs: list[Output]


class Recount:
    """Recomputes a span.

    Feed it the records of all partitions from their starts on, each partition's topic in order, in any interleaving;
    `behind` names the one to read next so that little has to be kept. The result does not depend on it.

    Args:
        settings: today's.
        span: which cohorts.
        starts: by partition.
        deployments: all that are known.
        silences: likewise.
    """

    def __init__(
        self,
        settings: Settings,
        span: Span,
        starts: Mapping[int, Start],
        deployments: Iterable[Deployment],
        silences: Iterable[Silence] = (),
    ) -> None:
        fold = FoldSettings.of(settings.fold)
        self._span = span
        self._horizons_s = (LABEL_FREE, *fold.horizons_s)
        unreadable = UnreadableRecords(Metrics("reprocess"))
        self._partitions = {number: _partition(settings, span, number, starts, unreadable) for number in starts}
        self._ended: dict[TP, bool] = {}
        """Sources that are read out, and whether they stand still."""
        self._latest = LatestEvent(fold.bucket_ms)
        self._order = DecisionOrder(fold, span, len(starts), self._latest.at)
        self._detect = DetectFold(detect_fold_settings(settings), rules_of(settings.rules))
        for deployment in deployments:
            apply_deployment(self._detect, deployment)
        for silence in silences:
            self._detect.apply_silence(silence.id, silence)
        self._records = 0

    def behind(self) -> TP | None:
        """Give the source that is furthest behind in event time; None when nothing more needs to be read."""
        waiting = [
            (watermark_ms, tp)
            for partition in self._partitions.values()
            if not self._is_done(partition)
            for tp, watermark_ms in (
                (partition.scores.tp, partition.fold.searches_watermark_ms),
                (partition.clicks.tp, partition.fold.clicks_watermark_ms),
            )
            if tp not in self._ended
        ]
        return min(waiting)[1] if waiting else None

    def positions(self) -> dict[TP, int]:
        """Give where each source is to be read on."""
        parts = [part for one in self._partitions.values() for part in (one.scores, one.clicks)]
        return {part.tp: part.position for part in parts}

    def apply(self, tp: TP, records: Sequence[Record], next_offset: int) -> list[Decided]:
        """Take the next records of a source.

        Args:
            tp: the source.
            records: in order.
            next_offset: the position behind them.
        """
        partition = self._partitions[tp.partition]
        if tp == partition.scores.tp:
            for record in records:
                partition.apply(tp, [record], record.offset + 1)
                self._latest.note(tp.partition, partition.fold)
        partition.apply(tp, [] if tp == partition.scores.tp else list(records), next_offset)
        self._close(partition)
        return self._decide()

    def end(self, tp: TP, *, standing: bool) -> list[Decided]:
        """Say that a source has no more records.

        Args:
            tp: the source.
            standing: of clicks: none has come for `idle_timeout_s`, so they hold no cohort back, as live. Of searches
                that is score's word, in the log itself.
        """
        self._ended[tp] = standing
        self._close(self._partitions[tp.partition])
        return self._decide()

    def finish(self) -> list[Decided]:
        """Close what can be closed when all sources have ended; what stays open waits for events that may come."""
        busy: list[EvaluatePartition] = []
        standing: list[EvaluatePartition] = []
        for partition in self._partitions.values():
            if partition.fold.searches_watermark_ms != BEFORE_ALL:
                (standing if partition.fold.source_idle else busy).append(partition)
        # Who stands still goes with those that do not; where all stand, with the furthest.
        times_ms = [partition.fold.searches_watermark_ms for partition in busy or standing]
        for partition in standing:
            to_ms = min(times_ms) if busy else max(times_ms)
            if to_ms > partition.fold.searches_watermark_ms:
                word = ScoreControl(partition.number, 0, {}, idle=True, wall_ms=0, watermark_ms=to_ms)
                partition.fold.apply_scores(word, partition.scores.position)
                self._latest.note(partition.number, partition.fold)
            self._close(partition)
        return self._decide()

    def totals(self) -> dict[str, int]:
        """Give the counters of the folds, from the first record that was read on.

        Clicks on searches before the span are `clicks_before_span`: to the fold their cohorts are closed, as to a live
        one those of `overtaken_clicks`, but here nothing came too late.
        """
        totals: Counter[str] = Counter()
        for partition in self._partitions.values():
            totals.update(partition.fold.totals)
        before = totals.pop("overtaken_clicks", 0)
        if before:
            totals["clicks_before_span"] = before
        return dict(sorted(totals.items()))

    def complete_through_ms(self) -> dict[int, int]:
        """Give, by horizon, the time before which every cohort has come out."""
        return self._order.closed_through_ms()

    @property
    def open_cohorts(self) -> int:
        """Cohorts that some partition has closed and another has not: they do not come out."""
        return self._order.waiting

    def _is_done(self, partition: EvaluatePartition) -> bool:
        return partition.fold.has_closed(dict.fromkeys(self._horizons_s, self._span.to_ms))

    def _close(self, partition: EvaluatePartition) -> None:
        self._order.take(partition.fold.close(clicks_idle=self._ended.get(partition.clicks.tp, False)))

    def _decide(self) -> list[Decided]:
        through_ms = [self._through_ms(partition) for partition in self._partitions.values()]
        least_ms = {horizon_s: min(one[horizon_s] for one in through_ms) for horizon_s in self._horizons_s}
        if all(end_ms == _KEPT_OUT for end_ms in least_ms.values()):
            return []  # no partition has anything to say
        return [self._decided(step) for step in self._order.steps(least_ms)]

    def _through_ms(self, partition: EvaluatePartition) -> dict[int, int]:
        if partition.scores.tp in self._ended and partition.fold.searches_watermark_ms == BEFORE_ALL:
            return dict.fromkeys(self._horizons_s, _KEPT_OUT)
        return partition.fold.control(len(self._partitions), 0, idle=False).closed_through_ms

    def _decided(self, step: Step) -> Decided:
        records: list[Rollup | RollupControl] = [*step.rollups, *step.controls]
        outputs: list[Output] = []
        for record in records:
            outputs += self._detect.apply(record, self._records)
            self._records += 1
        return Decided(records, outputs)


def _partition(
    settings: Settings, span: Span, number: int, starts: Mapping[int, Start], unreadable: UnreadableRecords
) -> EvaluatePartition:
    fold, start = FoldSettings.of(settings.fold), starts[number]
    prefix = settings.kafka.topic_prefix
    checkpoint = Checkpoint(
        scores=start.scores,
        clicks=start.clicks,
        closed_through_ms=dict.fromkeys((LABEL_FREE, *fold.horizons_s), span.from_ms),
        totals={},
        settings="",
    )
    scores, clicks = start.scores.offset, start.clicks.offset
    return EvaluatePartition(
        fold,
        number=number,
        partitions=len(starts),
        max_ahead_s=settings.fold.max_ahead_s,
        idle_timeout_s=settings.fold.idle_timeout_s,
        scores=Part(TP(prefix + MATCH_SCORES.name, number), scores, scores),
        clicks=Part(TP(prefix + CLICK_EVENTS.name, number), clicks, clicks),
        checkpoint=checkpoint,
        from_next_cohort=False,
        unreadable=unreadable,
    )
