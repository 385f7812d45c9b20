"""`matchwatch reprocess`: reads the recorded topics, recomputes a span, and writes it into topics of its own."""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from detectors.outputs import SignalBatch
from schemas.errors import MatchwatchError
from schemas.events import Deployment
from schemas.rollup import Rollup, encode_rollup, series_key
from schemas.settings import KafkaSettings, Settings
from schemas.silences import Silence
from schemas.timestamps import format_timestamp
from schemas.topics import ALERTS, CLICK_EVENTS, MATCH_SCORES, MODEL_EVENTS, ROLLUPS, SEARCH_EVENTS, SIGNALS, SILENCES
from streams.metrics import Metrics
from streams.reprocess.log_reader import LogReader
from streams.reprocess.recount import Decided, Recount
from streams.reprocess.span import Span
from streams.reprocess.starts import CLICK_RECORDS, SCORE_RECORDS, skim
from streams.stages.detect_records import alert_record, read_deployment, read_silences, signal_record
from streams.stages.samples import SampleReader
from streams.stages.unreadable_records import UnreadableRecords
from streams.transport import TP, OrderedProducer, OutRecord, ReadAll, Record
from streams.transport.errors import TopicMissing

_PENDING_RECORDS: Final = 2_000
"""Rollups, controls and signals that are kept until they are sent together."""


class ReprocessSummary(msgspec.Struct, frozen=True):
    """What was read, and what was written where."""

    id: str
    topic_prefix: str
    from_time: str
    complete_through: dict[str, str]
    """By horizon in seconds: every cohort that starts before it has been written."""
    records_read: int
    """Of match-scores and click-events, together."""
    searches: int
    """In the rollups of all versions, at the earliest horizon."""
    rollups: int
    signal_points: int
    alerts: int
    """All marked as replayed."""
    open_cohorts: int
    """Left out: a partition has not passed them yet."""
    seconds: float
    events_per_s: int
    """Searches and clicks folded in a second, the skim included."""
    totals: dict[str, int]


class _Writer:
    """Sends what was decided, and counts it."""

    def __init__(self, settings: Settings, own: KafkaSettings) -> None:
        prefix = settings.kafka.topic_prefix
        self._own = own
        self._producer = OrderedProducer(own.brokers, client_id="matchwatch-reprocess")
        self._samples = SampleReader(own.brokers, prefix + SEARCH_EVENTS.name)
        self._rollups: list[OutRecord] = []
        self._signals: list[OutRecord] = []
        self._alerts: list[OutRecord] = []
        self.rollups = self.signal_points = self.alerts = self.searches = 0

    async def start(self) -> None:
        await self._producer.start()

    async def stop(self) -> None:
        await self._samples.close()
        await self._producer.stop()

    async def take(self, decided: Sequence[Decided]) -> None:
        for records, outputs in decided:
            for record in records:
                key = series_key(record.series) if isinstance(record, Rollup) else None
                self._rollups.append(OutRecord(key, encode_rollup(record)))
                if isinstance(record, Rollup):
                    self.rollups += 1
                    if not record.horizon_s and record.series == record.series.all_versions():
                        self.searches += record.searches
            for output in outputs:
                if isinstance(output, SignalBatch):
                    self._signals.append(signal_record(output))
                    self.signal_points += len(output.points)
                else:
                    samples = await self._samples.read(output.exemplars)
                    at = format_timestamp(time.time_ns() // 1_000_000)
                    self._alerts.append(alert_record(output, at, samples, replayed=True))
                    self.alerts += 1
        if len(self._rollups) + len(self._signals) >= _PENDING_RECORDS:
            await self.flush()

    async def flush(self) -> None:
        for topic, pending in ((ROLLUPS, self._rollups), (SIGNALS, self._signals), (ALERTS, self._alerts)):
            if pending:
                await self._producer.send_ordered(self._own.topic_prefix + topic.name, 0, pending)
                pending.clear()


async def reprocess(
    settings: Settings,
    span: Span,
    name: str,
    own: KafkaSettings,
    *,
    progress: Callable[[str, int], None] = lambda _what, _records: None,
) -> ReprocessSummary:
    """Recompute a span with today's settings.

    Args:
        settings: today's.
        span: which cohorts.
        name: id of the recomputation.
        own: where its topics are; they exist.
        progress: gets what is done, and the number of records read for it.

    Raises:
        TopicMismatch: the logs do not hold what the span needs.
        MatchwatchError: nothing was searched since the span's beginning.
        ServerUnavailable: Kafka does not answer.
    """
    began_s = time.monotonic()
    deployments, silences = await read_deployments(settings), await read_known_silences(settings)
    writer = _Writer(settings, own)
    read = 0

    def count(what: str, records: int) -> None:
        nonlocal read
        read += records if what == "recomputing" else 0
        progress(what, records)

    await writer.start()
    try:
        recount = await recompute(settings, span, deployments, writer.take, count, silences=silences)
        await writer.flush()
    finally:
        await writer.stop()
    seconds = time.monotonic() - began_s
    totals = recount.totals()
    events = sum(totals.get(f"{kind}_{events}", 0) for kind in ("accepted", "late", "repeated") for events in _EVENTS)
    return ReprocessSummary(
        id=name,
        topic_prefix=own.topic_prefix,
        from_time=format_timestamp(span.from_ms),
        complete_through={
            str(horizon_s): format_timestamp(end_ms) for horizon_s, end_ms in recount.complete_through_ms().items()
        },
        records_read=read,
        searches=writer.searches,
        rollups=writer.rollups,
        signal_points=writer.signal_points,
        alerts=writer.alerts,
        open_cohorts=recount.open_cohorts,
        seconds=round(seconds, 3),
        events_per_s=round(events / seconds),
        totals=totals,
    )


_EVENTS: Final = ("searches", "clicks")


async def recompute(
    settings: Settings,
    span: Span,
    deployments: Sequence[Deployment],
    take: Callable[[Sequence[Decided]], Awaitable[None]],
    count: Callable[[str, int], None],
    *,
    silences: Sequence[Silence],
) -> Recount:
    """Read what a span needs of match-scores and click-events, and fold it.

    Args:
        settings: today's.
        span: which cohorts.
        deployments: all that are known.
        take: gets what is decided, in order.
        count: gets `skimming` or `recomputing`, and the number of records read for it.
        silences: all that are known.

    Returns:
        What was folded, at its end.

    Raises:
        MatchwatchError: the logs do not hold what the span needs, or nothing was searched since its beginning.
        ServerUnavailable: Kafka does not answer.
    """
    kafka = settings.kafka
    topics = [kafka.topic_prefix + topic.name for topic in (MATCH_SCORES, CLICK_EVENTS)]
    async with LogReader(kafka.brokers, topics) as reader:
        skimmed = await skim(reader, settings, span, lambda records: count("skimming", records))
        if not skimmed.found:
            there = "holds no search" if skimmed.newest_ms < 0 else f"ends at {format_timestamp(skimmed.newest_ms)}"
            raise MatchwatchError(f"nothing to recompute from {format_timestamp(span.from_ms)} on: the log {there}")
        recount = Recount(settings, span, skimmed.starts, deployments, silences)
        await _read(reader, recount, settings, take, count)
    return recount


async def _read(
    reader: LogReader,
    recount: Recount,
    settings: Settings,
    take: Callable[[Sequence[Decided]], Awaitable[None]],
    count: Callable[[str, int], None],
) -> None:
    for source, offset in recount.positions().items():
        reader.seek(source, offset)
    newest_ms: dict[TP, int] = {}
    scores_topic = settings.kafka.topic_prefix + MATCH_SCORES.name
    while (tp := recount.behind()) is not None:
        if reader.at_end(tp):
            silent_ms = reader.opened_ms - newest_ms.get(tp, 0)
            await take(recount.end(tp, standing=silent_ms > settings.fold.idle_timeout_s * 1000))
            continue
        batch = await reader.read(tp, SCORE_RECORDS if tp.topic == scores_topic else CLICK_RECORDS)
        count("recomputing", len(batch.records))
        if batch.records:
            newest_ms[tp] = batch.records[-1].timestamp
        await take(recount.apply(tp, batch.records, batch.next_offset))
    await take(recount.finish())


async def read_deployments(settings: Settings) -> list[Deployment]:
    """Read all deployments of `model-events`."""
    found: list[Deployment] = []

    async def take(records: Sequence[Record]) -> None:
        events = (read_deployment(record, settings.fold.max_ahead_s) for record in records)
        found.extend(event for event in events if event is not None)

    reader = ReadAll(settings.kafka.brokers, settings.kafka.topic_prefix + MODEL_EVENTS.name, take)
    try:
        await reader.read_to_end()
    finally:
        await reader.stop()
    return found


async def read_known_silences(settings: Settings) -> list[Silence]:
    """Read all silences of `silences`; none where nobody has made the topic yet."""
    found: dict[str, Silence | None] = {}
    unreadable = UnreadableRecords(Metrics("reprocess"))

    async def take(records: Sequence[Record]) -> None:
        found.update(read_silences(records, unreadable))

    reader = ReadAll(settings.kafka.brokers, settings.kafka.topic_prefix + SILENCES.name, take)
    try:
        await reader.read_to_end()
    except TopicMissing:
        return []
    finally:
        await reader.stop()
    return [silence for silence in found.values() if silence is not None]
