"""A backtest over a folder: its lines routed, scored, folded and judged in memory."""

from collections.abc import Callable

from detectors.checkpoint import LogMark
from detectors.evaluate import BEFORE_ALL
from schemas.alerts import Alert
from schemas.decode import decode_search
from schemas.errors import MatchwatchError
from schemas.settings import Settings
from schemas.timestamps import format_timestamp
from schemas.topics import CATALOG_ITEMS, CLICK_EVENTS, MODEL_EVENTS
from streams.backtest.findings import Findings, event_alert
from streams.backtest.folder_log import FolderLog, LogRecord, Portion
from streams.backtest.outcome import Outcome, invalid_clicks
from streams.backtest.scoring import Scoring
from streams.control import watermark_headers
from streams.replay.replay import finish_watermark_ms
from streams.reprocess.recount import Recount, Start
from streams.reprocess.span import Span
from streams.stages.detect_records import read_deployment
from streams.stages.samples import sample
from streams.transport import TP


async def backtest_folder(
    log: FolderLog, settings: Settings, span: Span, findings: Findings, progress: Callable[[int], None]
) -> Outcome:
    """Run the folds over a folder, whose end counts as the end of time: every cohort in the span is decided.

    Args:
        log: the folder.
        settings: with the rules to judge by.
        span: which cohorts; what lies before tells what is late or a repeat.
        findings: gets what is decided.
        progress: gets the number of lines that were read.

    Raises:
        MatchwatchError: no search can be read, or none lies in the span.
        UnreadableRecording: a file is damaged.
        ModelRefused: the match model cannot be used.
    """
    start = Start(LogMark(0, BEFORE_ALL), LogMark(0, BEFORE_ALL))
    read = (read_deployment(record, settings.fold.max_ahead_s) for record in log.records(MODEL_EVENTS.name))
    deployments = [event for event in read if event is not None]
    recount = Recount(settings, span, dict.fromkeys(range(settings.kafka.partitions), start), deployments)
    scoring = Scoring(settings)
    try:
        await scoring.start(log.records(CATALOG_ITEMS.name))
        feed = _Feed(settings, scoring, recount, findings)
        before = 0
        for portion in log.portions():
            await feed.take(portion)
            progress(log.lines - before)
            before = log.lines
            if recount.behind() is None:
                break  # all that lies in the span has been decided
        await feed.finish(finish_watermark_ms(log.last_ms, settings.fold))
    finally:
        await scoring.close()
    if not findings.searches:
        _say_why_nothing(log, span, recount.totals().get("accepted_searches", 0))
    unreadable = scoring.unreadable() | {CLICK_EVENTS.name: invalid_clicks(recount.totals())}
    return Outcome(
        alerts=_with_samples(log, findings, settings.fold.bucket_s),
        deployments=deployments,
        read=log.lines,
        unreadable={topic: reasons for topic, reasons in unreadable.items() if reasons},
        totals=recount.totals(),
    )


class _Feed:
    """Brings portions of the log to the folds."""

    def __init__(self, settings: Settings, scoring: Scoring, recount: Recount, findings: Findings) -> None:
        self._clicks_topic = settings.kafka.topic_prefix + CLICK_EVENTS.name
        self._partitions = settings.kafka.partitions
        self._scoring = scoring
        self._recount = recount
        self._findings = findings
        self._clicks_offsets = dict.fromkeys(range(self._partitions), 0)

    async def take(self, portion: Portion) -> None:
        for partition in range(self._partitions):
            for record in await self._scoring.score(partition, portion.searches.get(partition, [])):
                await self._apply([record])
            await self._apply(portion.clicks.get(partition, []))
        if portion.model_event is not None:
            await self._scoring.deployed(portion.model_event)

    async def finish(self, watermark_ms: int) -> None:
        for partition in range(self._partitions):
            end = self._scoring.end(partition, watermark_ms)
            offset = self._clicks_offsets[partition]
            headers = watermark_headers(watermark_ms)
            await self._apply([end])
            await self._apply([LogRecord(self._clicks_topic, partition, offset, None, None, headers=headers)])
        for partition in range(self._partitions):
            for tp in (TP(end.topic, partition), TP(self._clicks_topic, partition)):
                await self._findings.take(self._recount.end(tp, standing=False))
        await self._findings.take(self._recount.finish())

    async def _apply(self, records: list[LogRecord]) -> None:
        if not records:
            return
        last = records[-1]
        if last.topic == self._clicks_topic:
            self._clicks_offsets[last.partition] = last.offset + 1
        decided = self._recount.apply(TP(last.topic, last.partition), records, last.offset + 1)
        await self._findings.take(decided)


def _with_samples(log: FolderLog, findings: Findings, bucket_s: int) -> list[Alert]:
    """Read the sample searches of all alerts, in one more pass over the searches: offsets are no places in a file."""
    wanted = {(one.partition, one.source_offset) for found in findings.transitions for one in found.exemplars}
    values: dict[tuple[int, int], bytes] = {}
    for record in log.searches() if wanted else ():
        place = (record.partition, record.offset)
        if place in wanted and record.value is not None:
            values[place] = record.value
            if len(values) == len(wanted):
                break
    return [
        event_alert(
            found,
            [sample(decode_search(values[one.partition, one.source_offset], None, 0), one) for one in found.exemplars],
            bucket_s,
        )
        for found in findings.transitions
    ]


def _say_why_nothing(log: FolderLog, span: Span, accepted: int) -> None:
    if not accepted:
        raise MatchwatchError(
            f"no search could be read in {log.lines:,} lines: are these files as `matchwatch simulate --out` writes?"
        )
    raise MatchwatchError(
        f"no search lies in whole cohorts from {format_timestamp(span.from_ms)} to {format_timestamp(span.to_ms)}: "
        f"the recording ends at {format_timestamp(log.last_ms)}; see --from and --to"
    )
