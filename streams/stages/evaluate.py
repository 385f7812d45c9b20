"""Evaluate: scored searches and clicks in, rollups out.

    match-scores[p] ─┐
                     ├─► fold of p ─► rollups, then controls, then offsets with the fold's checkpoint
    click-events[p] ─┘

The fold is `detectors.evaluate`; here it is fed, its two topics are kept in step, and what it closes is sent before
the offsets move.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Final

from detectors.fold_settings import FoldSettings
from schemas.config import settings_hash
from schemas.rollup import Rollup, RollupControl, encode_rollup, series_key
from schemas.settings import Settings
from schemas.topics import CLICK_EVENTS, MATCH_SCORES, ROLLUPS, SEARCH_EVENTS
from streams.daemon_thread import run_in_daemon
from streams.kafka_admin import connect, end_offsets
from streams.metrics import Metrics
from streams.redis_counters import COUNTERS, RedisCounters, key_prefix
from streams.stages.bad_records import send_dead_letters
from streams.stages.evaluate_partition import EvaluatePartition, Part
from streams.stages.evaluate_restart import read_restart
from streams.stages.unreadable_records import UnreadableRecords
from streams.transport import (
    TP,
    Commit,
    CommitFailed,
    Committed,
    OrderedProducer,
    OutRecord,
    RecordBatch,
    Stage,
)

FLUSH_EVERY_S: Final = 0.25
CONTROL_EVERY_S: Final = 1.0
SHOW_EVERY_S: Final = 1.0
MAX_FLUSH_S: Final = 5.0
"""A flush that takes longer holds up reading: what is closed and not sent must not pile up."""


class EvaluateStage(Stage):
    """Folds every partition it owns.

    Args:
        settings: all settings.
        metrics: where counters are shown.
        from_next_cohort: begin anew where a commit was made under other settings or cannot be read.
    """

    def __init__(self, settings: Settings, metrics: Metrics, *, from_next_cohort: bool = False) -> None:
        kafka, fold = settings.kafka, settings.fold
        self._settings = settings
        self._metrics = metrics
        self._from_next_cohort = from_next_cohort
        self._scores_topic = kafka.topic_prefix + MATCH_SCORES.name
        self._source_topic = kafka.topic_prefix + SEARCH_EVENTS.name
        self._clicks_topic = kafka.topic_prefix + CLICK_EVENTS.name
        self._rollups_topic = kafka.topic_prefix + ROLLUPS.name
        self._fold_settings = FoldSettings.of(fold)
        self._hash = settings_hash(fold)
        self._producer = OrderedProducer(kafka.brokers, client_id="matchwatch-evaluate")
        self._redis = RedisCounters(settings.redis.url, key_prefix(kafka.group_prefix), metrics)
        self._unreadable = UnreadableRecords(metrics)
        self._partitions: dict[int, EvaluatePartition] = {}
        self._parked: dict[int, EvaluatePartition] = {}
        self._flushing = asyncio.Lock()
        self._letters: list[OutRecord] = []
        self._flushed_s = 0.0
        self._control_s = 0.0

    async def on_started(self) -> None:
        """Connect, and begin to flush."""
        await self._producer.start()
        self.source.run_beside(self._tick(), "tick")
        self.source.run_beside(self._show(), "show")

    async def on_assigned(self, committed: Mapping[TP, Committed]) -> Mapping[TP, int]:
        """Go on with partitions that come back, build the others again from their commits."""
        self._partitions = {}
        self._metrics.forget_partitions()
        seeks: dict[TP, int] = {}
        source_ends = await run_in_daemon(self._source_ends, "source-ends") if committed else ()
        for tp, state in committed.items():
            if tp.topic != self._scores_topic:
                continue
            clicks_tp = TP(self._clicks_topic, tp.partition)
            partition = self._take_back(tp, state, clicks_tp, committed[clicks_tp], source_ends)
            self._partitions[tp.partition] = partition
            seeks[tp] = partition.scores.position
            seeks[clicks_tp] = partition.clicks.position
        self._parked = {}
        return seeks

    async def on_batch(self, batch: RecordBatch) -> None:
        """Fold a batch; waits while an earlier flush is stuck."""
        partition = self._partitions[batch.tp.partition]
        for rows in partition.apply(batch.tp, list(batch.records), batch.next_offset):
            self._letters += rows.letters
            verdicts = {f"invalid_{reason}": number for reason, number in rows.invalid.items()}
            self._metrics.records("evaluate", CLICK_EVENTS.name, {"valid": len(rows.columns), **verdicts})
        self._keep_in_step(partition)
        now_s = time.monotonic()
        if now_s - self._flushed_s > MAX_FLUSH_S or (
            now_s - self._flushed_s > FLUSH_EVERY_S and not self._flushing.locked()
        ):
            await self._flush()

    async def on_revoked(self, tps: frozenset[TP]) -> None:  # noqa: ARG002 - all partitions are revoked at once
        """Send and commit what is closed; keep the state for the case that the partitions come back."""
        await self._flush(last=True)
        self._parked, self._partitions = self._partitions, {}

    async def on_stopping(self) -> None:
        """Send and commit what is closed."""
        await self._flush(last=True)

    async def on_stopped(self) -> None:
        """Disconnect."""
        await self._producer.stop()
        await self._redis.close()

    def _source_ends(self) -> tuple[int, ...]:
        """Ask where search-events ends, partition by partition."""
        kafka = self._settings.kafka
        return end_offsets(connect(kafka, kafka.session_timeout_s), self._source_topic, kafka.partitions)

    def _take_back(
        self, scores_tp: TP, scores: Committed, clicks_tp: TP, clicks: Committed, source_ends: tuple[int, ...]
    ) -> EvaluatePartition:
        checkpoint, leave_out, reason = read_restart(
            scores_tp.partition,
            scores,
            clicks,
            source_ends[scores_tp.partition],
            self._hash,
            from_next_cohort=self._from_next_cohort,
        )
        parked = self._parked.get(scores_tp.partition)
        if (
            parked is not None
            and not parked.replaying
            and (scores.offset or 0) <= parked.scores.position
            and (clicks.offset or 0) <= parked.clicks.position
            # Another owner may have closed cohorts without reading anything, where clicks had stopped.
            and (checkpoint is None or parked.fold.has_closed(checkpoint.closed_through_ms))
        ):
            return parked
        if reason:
            self._metrics.not_restored.labels("evaluate", reason).inc()
        scores_offset = scores.log_start if scores.offset is None else scores.offset
        clicks_offset = clicks.log_start if clicks.offset is None else clicks.offset
        return EvaluatePartition(
            self._fold_settings,
            number=scores_tp.partition,
            partitions=self._settings.kafka.partitions,
            max_ahead_s=self._settings.fold.max_ahead_s,
            idle_timeout_s=self._settings.fold.idle_timeout_s,
            scores=Part(scores_tp, checkpoint.scores.offset if checkpoint else scores_offset, scores_offset),
            clicks=Part(clicks_tp, checkpoint.clicks.offset if checkpoint else clicks_offset, clicks_offset),
            checkpoint=checkpoint,
            from_next_cohort=leave_out,
            unreadable=self._unreadable,
        )

    def _keep_in_step(self, partition: EvaluatePartition) -> None:
        """Pause the topic that is ahead in event time, so that neither fills memory with what waits for the other.

        Clicks always wait for their searches. Searches wait for clicks only while there are clicks to read: where few
        people click, the clicks' watermark lags behind without anything being missing.
        """
        scores, clicks = partition.scores, partition.clicks
        scores_ms = partition.fold.searches_watermark_ms
        clicks_ms = partition.fold.clicks_watermark_ms
        align_ms = self._settings.fold.align_s * 1000
        paused = self.source.paused()
        clicks_left = clicks.tp in paused or not self.source.at_end(clicks.tp)
        clicks_ahead = clicks_ms > scores_ms + align_ms
        scores_ahead = clicks_left and scores_ms > clicks_ms + align_ms
        if partition.replaying:
            # What is behind its replay waits for the other topic, so the other one must not wait for it.
            clicks_ahead = not clicks.replaying or (clicks_ahead and scores.replaying)
            scores_ahead = not scores.replaying or (scores_ahead and clicks.replaying)
        self._hold(clicks.tp, paused, ahead=clicks_ahead)
        self._hold(scores.tp, paused, ahead=scores_ahead)

    def _hold(self, tp: TP, paused: frozenset[TP], *, ahead: bool) -> None:
        if ahead and tp not in paused:
            self.source.pause([tp])
        elif not ahead and tp in paused:
            self.source.resume([tp])

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_EVERY_S)
            for partition in self._partitions.values():
                self._keep_in_step(partition)
            await self._flush()

    async def _flush(self, *, last: bool = False) -> None:
        async with self._flushing:
            now_s = time.monotonic()
            self._flushed_s = now_s
            partitions = [partition for partition in self._partitions.values() if not partition.replaying]
            controls_due = last or now_s - self._control_s >= CONTROL_EVERY_S
            if controls_due:
                self._control_s = now_s
                for partition in partitions:
                    partition.look(self.source, now_s)
            # From here to the first await nothing is folded: rollups, controls and commits belong together.
            closed: list[Rollup] = []
            controls: list[RollupControl] = []
            commits: dict[TP, Commit] = {}
            wall_ms = time.time_ns() // 1_000_000
            for partition in partitions:
                rollups = partition.fold.close(clicks_idle=partition.clicks_idle.idle)
                closed += rollups
                if rollups or controls_due:
                    lag_ms = partition.lag_ms(self.source, wall_ms)
                    control = partition.fold.control(
                        self._settings.kafka.partitions, wall_ms, idle=partition.idle, lag_ms=lag_ms
                    )
                    controls.append(control)
                if controls_due:
                    commits |= self._commit_of(partition)
            letters, self._letters = self._letters, []
            generation = self.source.generation
            await send_dead_letters(self._producer, self._settings.kafka.topic_prefix, letters)
            await self._send(closed, controls)
            if commits:
                await self._commit(commits, generation)

    def _commit_of(self, partition: EvaluatePartition) -> dict[TP, Commit]:
        offsets = (partition.scores.position, partition.clicks.position)
        checkpoint = partition.fold.checkpoint(*offsets, self._hash)
        if partition.committed == (offsets, checkpoint.closed_through_ms):
            return {}
        partition.committed = (offsets, checkpoint.closed_through_ms)
        metadata = checkpoint.encode()
        return {
            partition.scores.tp: Commit(offsets[0], metadata),
            partition.clicks.tp: Commit(offsets[1], metadata),
        }

    async def _send(self, closed: list[Rollup], controls: list[RollupControl]) -> None:
        records = [OutRecord(series_key(rollup.series), encode_rollup(rollup)) for rollup in closed]
        records += [OutRecord(None, encode_rollup(control)) for control in controls]
        if records:
            await self._producer.send_ordered(self._rollups_topic, 0, records)
            self._metrics.rollups.inc(len(closed))

    async def _commit(self, commits: dict[TP, Commit], generation: int | None) -> None:
        try:
            await self.source.commit(commits, generation)
        except CommitFailed:
            for partition in self._partitions.values():
                partition.committed = None

    async def _show(self) -> None:
        """Show the counters; apart from the flush, which must not wait for a Redis that hangs."""
        while True:
            await asyncio.sleep(SHOW_EVERY_S)
            await self._redis.write(self._counters())

    def _counters(self) -> dict[str, dict[str, int]]:
        hashes: dict[str, dict[str, int]] = {}
        for partition in [each for each in self._partitions.values() if not each.replaying]:
            totals = partition.fold.totals
            number = partition.number
            self._metrics.fold(number, totals)
            self._metrics.open_searches.labels(number).set(partition.fold.open_searches)
            self._metrics.waiting_clicks.labels(number).set(partition.fold.waiting_clicks)
            watermark_ms = min(partition.fold.searches_watermark_ms, partition.fold.clicks_watermark_ms)
            self._metrics.watermark_seconds.labels(number).set(max(0, watermark_ms) / 1000)
            self._metrics.lag(self.source, (partition.scores.tp, partition.clicks.tp))
            hashes[f"{COUNTERS}:{number}"] = {**totals, "open_searches": partition.fold.open_searches}
        return hashes
