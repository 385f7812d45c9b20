"""Detect: rollups in; alerts, signals and its own state out.

    rollups ─► fold ─► alerts ─► signals ─► offsets
                 └─► detector-state, every minute

One worker is active and others stand by. A successor loads the newest state, reads on from the offset that it covers,
and publishes what is missing from `alerts`: ids are made of what was decided, so a repeat is recognised.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from detectors.alert_silences import AlertSilences
from detectors.detect_fold import DetectFold
from detectors.known_deployments import MAX_DEPLOYMENTS
from detectors.outputs import Output, SignalBatch, Transition
from detectors.rule_settings import rules_of
from schemas.alerts import decode_alert
from schemas.events import Deployment, WorkerTelemetry
from schemas.settings import Settings
from schemas.timestamps import format_timestamp
from schemas.topics import ALERTS, DETECTOR_STATE, MODEL_EVENTS, SEARCH_EVENTS, SIGNALS, SILENCES
from streams.metrics import Metrics
from streams.redis_counters import DETECT, RedisCounters, key_prefix
from streams.stages.detect_records import (
    alert_record,
    apply_deployment,
    detect_fold_settings,
    read_model_event,
    read_silences,
    signal_record,
)
from streams.stages.detector_state import DetectorState
from streams.stages.rollup_records import NotARollup, read_rollup
from streams.stages.samples import SampleReader
from streams.stages.unreadable_records import UnreadableRecords
from streams.transport import (
    TP,
    Commit,
    CommitFailed,
    Committed,
    OrderedProducer,
    OutRecord,
    ReadAll,
    Record,
    RecordBatch,
    Stage,
)

TICK_S: Final = 1.0
MAX_REPORTS: Final = 5000
"""Of the pool's workers, that one who becomes active tells of, if nobody has: an hour of ten that report every 10 s."""
UNUSABLE_STATE: Final = (
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    IndexError,
    OverflowError,
    msgspec.MsgspecError,
)
"""What a state of another version, a torn one or one that somebody else wrote can raise: the one before it is taken."""

_log = logging.getLogger(__name__)


class DetectStage(Stage):
    """Decides about every cohort.

    Args:
        settings: all settings.
        metrics: where counters are shown.
    """

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        kafka = settings.kafka
        self._settings = settings
        self._metrics = metrics
        self._prefix = kafka.topic_prefix
        self._rules = rules_of(settings.rules)
        self._producer = OrderedProducer(kafka.brokers, client_id="matchwatch-detect")
        self._unreadable = UnreadableRecords(metrics)
        self._state = DetectorState(kafka.brokers, self._prefix + DETECTOR_STATE.name, self._unreadable)
        self._samples = SampleReader(kafka.brokers, self._prefix + SEARCH_EVENTS.name)
        self._deployments = ReadAll(kafka.brokers, self._prefix + MODEL_EVENTS.name, self._on_model_events)
        self._redis = RedisCounters(settings.redis.url, key_prefix(kafka.group_prefix), metrics)
        self._silences = ReadAll(kafka.brokers, self._prefix + SILENCES.name, self._on_silences)
        self._known: list[Deployment] = []
        self._reports: deque[WorkerTelemetry] = deque(maxlen=MAX_REPORTS)
        self._known_silences = AlertSilences()
        self._sent: set[str] = set()
        self._fold: DetectFold | None = None
        self._tp: TP | None = None
        self._done_offset = 0
        self._replay_to = 0
        """Records before it were decided about by a predecessor, whose alerts are all published."""
        self._committed_offset = 0
        self._state_s = 0.0

    async def on_started(self) -> None:
        """Read the deployments and silences to their end."""
        await self._producer.start()
        await self._deployments.read_to_end()
        await self._silences.read_to_end()
        self.source.run_beside(self._silences.tail(), "silences")
        self.source.run_beside(self._deployments.tail(), "model-events")
        self.source.run_beside(self._tick(), "tick")
        self.source.run_beside(self._show(), "show")

    async def on_assigned(self, committed: Mapping[TP, Committed]) -> Mapping[TP, int]:
        """Become the active one, or stand by."""
        self._fold, self._tp = None, None
        for tp, state in committed.items():
            await self._read_sent_alerts()
            self._fold, self._tp = await self._restored(state), tp
            for known in self._known:
                apply_deployment(self._fold, known)
            self._fold.know_silences(self._known_silences)
            self._done_offset = self._committed_offset = self._replay_to = state.offset or 0
            self._state_s = time.monotonic()
            told = [output for report in self._reports for output in self._fold.apply_telemetry(report)]
            await self._publish(told)
            return {tp: max(self._fold.offset + 1, state.log_start)}
        return {}

    async def on_batch(self, batch: RecordBatch) -> None:
        """Fold a batch and publish what it decides."""
        fold = self._active_fold()
        outputs: list[Output] = []
        again: list[Output] = []
        for record in batch.records:
            try:
                rollup = read_rollup(record.value, self._settings.kafka.partitions)
            except (msgspec.DecodeError, NotARollup) as error:
                self._unreadable.leave_out(record, error)
                continue
            decided = fold.apply(rollup, record.offset)
            if record.offset < self._replay_to:
                again += decided
            else:
                outputs += decided
        # Where the state was lost, what is decided again may differ from what was published: nobody is paged for it.
        await self._publish(again, replayed=True)
        await self._publish(outputs)
        self._done_offset = max(self._done_offset, batch.next_offset)
        if time.monotonic() - self._state_s >= self._settings.detect.state_every_s:
            await self._write_state()

    async def on_revoked(self, tps: frozenset[TP]) -> None:  # noqa: ARG002 - there is one partition
        """Stand by."""
        await self._commit()
        self._fold, self._tp = None, None

    async def on_stopping(self) -> None:
        """Leave the newest state to the successor."""
        if self._fold is not None:
            await self._write_state()
            await self._commit()

    async def on_stopped(self) -> None:
        """Disconnect."""
        await self._deployments.stop()
        await self._silences.stop()
        await self._samples.close()
        await self._producer.stop()
        await self._redis.close()

    def _active_fold(self) -> DetectFold:
        if self._fold is None:
            raise RuntimeError("a batch came before its assignment")
        return self._fold

    async def _restored(self, committed: Committed) -> DetectFold:
        """Build the fold from the newest state that can be used; from the log alone where there is none."""
        settings = detect_fold_settings(self._settings)
        for state in await self._state.read():
            try:
                fold = DetectFold.from_state(state, settings, self._rules)
            except UNUSABLE_STATE as error:
                self._metrics.not_restored.labels("detect", "detector_state").inc()
                _log.error("a detector state cannot be used (%s): the one before it is tried", error)
            else:
                return self._seen_whole(fold, committed)
        if committed.offset is not None:
            self._metrics.not_restored.labels("detect", "no_state").inc()
            _log.error(
                "rollups were decided about up to %d and no detector state can be used: what the log still holds, from "
                "%d on, is decided again, its alerts marked as replayed; rules begin to learn there",
                *(committed.offset, committed.log_start),
            )
        return DetectFold(settings, self._rules)

    def _seen_whole(self, fold: DetectFold, committed: Committed) -> DetectFold:
        if fold.offset + 1 < committed.log_start:
            self._metrics.not_restored.labels("detect", "log_start").inc()
            _log.error(
                "the detector state covers rollups up to %d, and the log begins at %d: rules learn nothing of what lay "
                "between; keep rollups longer (retention.ms)",
                *(fold.offset, committed.log_start),
            )
        return fold

    async def _read_sent_alerts(self) -> None:
        self._sent = set()
        reader = ReadAll(self._settings.kafka.brokers, self._prefix + ALERTS.name, self._on_alerts)
        try:
            await reader.read_to_end()
        finally:
            await reader.stop()

    async def _on_alerts(self, records: Sequence[Record]) -> None:
        for record in records:
            if record.value is None:
                continue
            try:
                self._sent.add(decode_alert(record.value).id)
            except msgspec.DecodeError as error:
                self._unreadable.leave_out(record, error)

    async def _on_model_events(self, records: Sequence[Record]) -> None:
        for record in records:
            event = read_model_event(record, self._settings.fold.max_ahead_s)
            if isinstance(event, Deployment):
                self._known = [*self._known, event][-MAX_DEPLOYMENTS:]
                if self._fold is not None:
                    apply_deployment(self._fold, event)
            elif event is not None:
                self._metrics.pool_worker(event)
                self._reports.append(event)
                if self._fold is not None:
                    await self._publish(self._fold.apply_telemetry(event))

    async def _on_silences(self, records: Sequence[Record]) -> None:
        for silence_id, silence in read_silences(records, self._unreadable):
            self._known_silences.hear(silence_id, silence)
            if self._fold is not None:
                self._fold.apply_silence(silence_id, silence)

    async def _publish(self, outputs: Sequence[Output], *, replayed: bool = False) -> None:
        alerts, signals = [], []
        for output in outputs:
            if isinstance(output, SignalBatch):
                signals.append(output)
            elif output.id not in self._sent:
                alerts.append(output)
        if alerts:
            await self._producer.send_ordered(
                self._prefix + ALERTS.name,
                0,
                [await self._alert(transition, replayed=replayed) for transition in alerts],
            )
            for transition in alerts:
                self._sent.add(transition.id)
                self._metrics.alerts.labels(transition.type).inc()
        if signals:
            records = [signal_record(batch) for batch in signals]
            await self._producer.send_ordered(self._prefix + SIGNALS.name, 0, records)
            self._metrics.signals.inc(sum(len(batch.points) for batch in signals))

    async def _alert(self, transition: Transition, *, replayed: bool) -> OutRecord:
        samples = await self._samples.read(transition.exemplars)
        return alert_record(transition, format_timestamp(time.time_ns() // 1_000_000), samples, replayed=replayed)

    async def _write_state(self) -> None:
        self._state_s = time.monotonic()
        records = self._state.records(self._active_fold().state())
        await self._producer.send_ordered(self._prefix + DETECTOR_STATE.name, 0, records)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            await self._commit()

    async def _show(self) -> None:
        """Show the counters; apart from the commits, which must not wait for a Redis that hangs."""
        while True:
            await asyncio.sleep(TICK_S)
            if self._fold is not None and self._tp is not None:
                counters = self._fold.counters
                for name, number in counters.items():
                    self._metrics.detect_events.labels(name).set(number)
                self._metrics.lag(self.source, [self._tp])
                await self._redis.write({DETECT: counters})

    async def _commit(self) -> None:
        if self._tp is None or self._done_offset <= self._committed_offset:
            return
        offset = self._done_offset
        try:
            await self.source.commit({self._tp: Commit(offset)})
        except CommitFailed:
            return  # the successor reads again; what it decides has the same ids
        self._committed_offset = offset
