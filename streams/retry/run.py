"""`dead-letters --retry`: judges every selected letter, and sends back those that can count now."""

import time
from collections import Counter
from collections.abc import Set
from typing import Final

import msgspec

from schemas.dead_letters import dead_letter_key
from schemas.errors import BadRecord
from schemas.rollup import Rollup, RollupControl
from schemas.settings import Settings
from schemas.topics import CATALOG_ITEMS, CLICK_EVENTS, DEAD_LETTERS, MODEL_EVENTS, ROLLUPS, SEARCH_EVENTS
from streams.readers.dead_letter_log import DeadLetterLog, Selection
from streams.readers.topic_reader import TopicReader
from streams.retry.judge import NEWEST_COUNTS, Back, Known, Verdict, content, judge
from streams.retry.transactions import Transactions
from streams.stages.rollup_records import read_rollup

CHUNK_RECORDS: Final = 200
CHUNK_BYTES: Final = 16 * 1024 * 1024
"""Of one transaction: short enough that readers of the topics hardly wait for it."""
NEWEST_CONTROLS: Final = 5_000
"""Records at the end of `rollups` among which the newest control of each partition is looked for."""


class RetryLine(msgspec.Struct, frozen=True):
    """What became of the letters of one topic and reason."""

    topic: str
    reason: str
    """Why they were refused."""
    verdict: Verdict
    still: str
    """The rule that they break today; empty where none."""
    records: int


class RetrySummary(msgspec.Struct, frozen=True):
    """What became of the selected letters."""

    dry_run: bool
    sent: int
    """Or would be, in a dry run."""
    sent_before: int
    not_sent: int
    lines: list[RetryLine]


def retry(settings: Settings, selection: Selection, *, wait_s: float, force: bool, dry_run: bool) -> RetrySummary:
    """Send selected dead letters back, each once over all calls.

    Args:
        settings: where the topics are, and today's contract.
        selection: which letters.
        wait_s: how long to wait for a broker.
        force: also what would be refused or count nowhere.
        dry_run: send nothing.

    Raises:
        ServerUnavailable: Kafka does not answer.
        DeliveryFailed: it stopped taking records; what was sent until then is marked.
    """
    counts: Counter[tuple[str, str, Verdict, str]] = Counter()
    with TopicReader(settings.kafka, DEAD_LETTERS, wait_s):
        pass  # a broker that is away, or a topic that is missing, is said before anything is locked
    sender = None
    if not dry_run:
        sender = Transactions(settings.kafka)
        sender.begin()
    before, topics = _survey(settings, selection)
    known = Known(
        max_ahead_s=settings.fold.max_ahead_s,
        now_ms=time.time_ns() // 1_000_000,
        watermarks_ms=_watermarks(settings),
        newest=_newest(settings, topics),
    )
    chunk: list[Back] = []
    size = 0
    with TopicReader(settings.kafka, DEAD_LETTERS, nulls=True) as reader:
        for letter, value in DeadLetterLog(reader, selection).letters():
            if dead_letter_key(letter.origin) in before:
                counts[letter.origin.topic, letter.reason, Verdict.SENT_BEFORE, ""] += 1
                continue
            judgement = judge(letter, known, force=force)
            counts[letter.origin.topic, letter.reason, judgement.verdict, judgement.still] += 1
            if judgement.verdict is Verdict.SENT and judgement.back is not None and sender is not None:
                chunk.append(judgement.back)
                size += len(value)
                if len(chunk) >= CHUNK_RECORDS or size >= CHUNK_BYTES:
                    sender.send(chunk)
                    chunk, size = [], 0
    if chunk and sender is not None:
        sender.send(chunk)
    return _summary(counts, dry_run=dry_run)


def _summary(counts: Counter[tuple[str, str, Verdict, str]], *, dry_run: bool) -> RetrySummary:
    lines = [RetryLine(*what, records) for what, records in counts.most_common()]
    sent = sum(line.records for line in lines if line.verdict is Verdict.SENT)
    sent_before = sum(line.records for line in lines if line.verdict is Verdict.SENT_BEFORE)
    return RetrySummary(dry_run, sent, sent_before, counts.total() - sent - sent_before, lines)


def _survey(settings: Settings, selection: Selection) -> tuple[set[bytes], set[str]]:
    """Read the letters once: keys of those sent back, and for which topics the newest records have to be known."""
    with TopicReader(settings.kafka, DEAD_LETTERS, nulls=True) as reader:
        log = DeadLetterLog(reader, selection)
        open_keys = {
            dead_letter_key(letter.origin): letter.origin.topic
            for letter, _ in log.letters()
            if letter.origin.topic in NEWEST_COUNTS
        }
    return log.sent_back, {topic for key, topic in open_keys.items() if key not in log.sent_back}


def _watermarks(settings: Settings) -> dict[tuple[str, int], int]:
    """Give times before which searches and clicks are late for certain, as evaluate's newest controls say."""
    found: dict[tuple[str, int], int] = {}
    lateness_ms = settings.fold.lateness_s * 1000

    def read(raw: bytes) -> Rollup | RollupControl:
        return read_rollup(raw, settings.kafka.partitions)

    with TopicReader(settings.kafka, ROLLUPS, newest=NEWEST_CONTROLS) as reader:
        for record in reader.to_end():
            control = reader.decode(record, read)
            if not isinstance(control, RollupControl):
                continue
            searches, clicks = (SEARCH_EVENTS.name, control.partition), (CLICK_EVENTS.name, control.partition)
            search_ms = max(control.watermark_ms, control.largest_time_ms - lateness_ms)
            found[searches] = max(search_ms, found.get(searches, search_ms))
            found[clicks] = max(control.watermark_ms, found.get(clicks, control.watermark_ms))
    return found


def _newest(settings: Settings, topics: Set[str]) -> dict[tuple[str, bytes], tuple[int, int]]:
    """Find the newest valid record of each key in those of the topics where it alone counts."""
    newest: dict[tuple[str, bytes], tuple[int, int, int]] = {}
    for topic in (CATALOG_ITEMS, MODEL_EVENTS):
        if topic.name not in topics:
            continue
        with TopicReader(settings.kafka, topic, nulls=True) as reader:
            for record in reader.to_end():
                value = None if record.null else record.value
                try:
                    about = content(topic.name, record.key, value, record.appended_ms, settings.fold.max_ahead_s)
                except BadRecord:
                    continue
                place = (record.appended_ms, record.partition, record.offset)
                which = (topic.name, about.key)
                newest[which] = max(place, newest.get(which, place))
    return {which: (partition, offset) for which, (_, partition, offset) in newest.items()}
