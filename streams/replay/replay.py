"""Recordings sent to Kafka as if they came in now: in order, acknowledged, and every line accounted for."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple

import msgspec

from schemas.errors import MatchwatchError
from schemas.settings import FoldSettings, Settings
from schemas.topics import CATALOG_ITEMS, CLICK_EVENTS, MODEL_EVENTS, SEARCH_EVENTS
from streams.control import arrival_headers, watermark_headers
from streams.partitioner import partition_of
from streams.replay.dates_ahead import DatesAhead
from streams.replay.lines import UnreadableRecording, read_records
from streams.replay.merge import LONGEST_STEP_MS, LOOK_AHEAD, Placed, merge_placed, place_records, place_sorted
from streams.replay.pace import Pace
from streams.replay.records import Record
from streams.replay.sender import Sender
from streams.replay.ubi import UbiLog, read_ubi

Format = Literal["matchwatch", "ubi"]
Progress = Callable[[Record], None]

# Of events of one time a deployment goes before searches, and those before clicks.
_MERGED: Final = (MODEL_EVENTS.name, SEARCH_EVENTS.name, CLICK_EVENTS.name)
_FIRST: Final = (CATALOG_ITEMS.name, MODEL_EVENTS.name)
_SUFFIXES: Final = (".ndjson", ".ndjson.gz", ".jsonl", ".jsonl.gz")
"""What is looked for in a folder; a file that is named is taken whatever its name ends in."""


class NothingToReplay(MatchwatchError):
    """A path is missing or is no recording: nothing is sent, and the command exits with 1."""


class RecordedTwice(MatchwatchError):
    """The same recording would be sent twice: nothing is sent, and the command exits with 1."""


class ReplaySummary(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay sent and what became of every line."""

    format: str
    sent: dict[str, int]
    """Acknowledged records by topic, control records included."""
    without_key: dict[str, int]
    """Records sent although no key could be found in them, by topic."""
    refused: dict[str, int]
    """Records that are larger than the broker takes, by topic."""
    dated_ahead: dict[str, int]
    """Records sent with the arrival of now, as their own time is ahead of it: they are refused as `too_far_ahead`."""
    lines: dict[str, int]
    """Lines that were used, by what they are."""
    dropped: dict[str, int]
    """Lines that became no record, by reason."""
    queries: dict[str, int]
    """In UBI logs, what became of each query_id."""
    first_ms: int | None
    """The first plausible time of a search or click, epoch milliseconds."""
    last_ms: int | None
    """The largest plausible time of a search or click."""
    watermark_ms: int | None
    """What the control records said; None: none were sent, as they were not asked for or nothing had a time."""
    seconds: float


class Recordings(NamedTuple):
    """What is to be sent."""

    catalog: list[Path]
    """Files of items, that go first."""
    placed: Iterator[Placed]
    """Everything else, in the order in which it goes."""
    ubi: UbiLog | None


def replay(
    paths: Sequence[Path],
    settings: Settings,
    *,
    format: Format = "matchwatch",  # noqa: A002 (it is what the option is called)
    speed: float = 0.0,
    finish: bool = False,
    progress: Progress | None = None,
) -> ReplaySummary:
    """Send recordings: folders that `simulate --out` wrote, single files of them, or UBI logs.

    Items go first and are acknowledged before anything else; then deployments, searches and clicks in order of time.
    Lines that are no events are sent as they are in our own format, and counted by reason in UBI's. One that is dated
    more than `max_ahead_s` ahead of now, and of what came before it, gets the arrival of now: the pipeline refuses it.

    Args:
        paths: folders or files; in our format a file's name begins with its topic's.
        settings: brokers, topic prefix, and the fold that `finish` needs.
        format: of the recordings.
        speed: event seconds per second; 0 as fast as the broker takes them. Gaps of more than a day are passed over.
        finish: end with a control record in each source partition, whose watermark closes every cohort.
        progress: is told each record once it is queued.

    Raises:
        NothingToReplay: a path is missing or holds nothing to send.
        RecordedTwice: a file is named twice, or lies packed beside itself.
        UnreadableRecording: a file is damaged; what came before the damage has been sent.
        ServerUnavailable: Kafka does not answer.
        TopicMismatch: a topic is missing.
        DeliveryFailed: a record was not acknowledged.
    """
    began_s = time.monotonic()
    source = open_recordings(paths, format)
    run = _Replay(settings, progress)
    try:
        run.send_catalog(source.catalog)
        run.send_placed(source.placed, Pace(speed))
    except UnreadableRecording:
        run.sender.flush()
        raise
    watermark_ms = run.finish() if finish else None
    lines = Counter(run.lines) if source.ubi is None else source.ubi.lines
    return ReplaySummary(
        format=format,
        sent=run.named(run.sender.acknowledged),
        without_key=dict(run.without_key),
        refused=run.named(run.sender.refused),
        dated_ahead=dict(run.dated_ahead),
        lines=dict(lines),
        dropped={} if source.ubi is None else dict(source.ubi.dropped),
        queries={} if source.ubi is None else dict(source.ubi.queries),
        first_ms=run.first_ms,
        last_ms=run.last_ms or None,
        watermark_ms=watermark_ms,
        seconds=round(time.monotonic() - began_s, 3),
    )


def files_of(paths: Iterable[Path], format: Format) -> dict[str, list[Path]]:  # noqa: A002 (as above)
    """Find the files to send, by topic; a UBI log belongs to the topic `ubi`.

    Raises:
        NothingToReplay: a path is missing, is no recording, or a folder holds none.
        RecordedTwice: a file is named twice, or two differ only in how they end, as a file and its packed copy do.
    """
    found: dict[str, list[Path]] = {}
    seen: dict[Path, Path] = {}
    for path in paths:
        if not path.exists():
            raise NothingToReplay(f"{path}: no such file or folder")
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        before = sum(map(len, found.values()))
        for file in files:
            topic = "ubi" if format == "ubi" else _topic_of(file)
            if topic is not None and (not path.is_dir() or _is_recording(file)):
                stem = _stem(file)
                if stem in seen:
                    raise RecordedTwice(f"{seen[stem]} and {file} hold the same recording; name one of them, once")
                seen[stem] = file
                found.setdefault(topic, []).append(file)
        if sum(map(len, found.values())) == before:
            wanted = "NDJSON files" if format == "ubi" else "files named <topic>.ndjson, such as search-events.ndjson"
            raise NothingToReplay(f"{path}: nothing to replay; it needs {wanted}")
    return found


def _topic_of(file: Path) -> str | None:
    return next((topic for topic in (*_FIRST, *_MERGED) if file.name.startswith(topic)), None)


def _is_recording(file: Path) -> bool:
    return file.is_file() and file.name.endswith(_SUFFIXES)


def _stem(file: Path) -> Path:
    """Give the file's place without what its name ends in: the same for a file, its packed copy and links to them."""
    place = file.resolve()
    suffix = next((suffix for suffix in reversed(_SUFFIXES) if place.name.endswith(suffix)), "")
    return place.with_name(place.name.removesuffix(suffix))


def open_recordings(paths: Sequence[Path], format: Format) -> Recordings:  # noqa: A002 (as above)
    """Find what the paths hold and bring it into one order; a UBI log is read whole.

    Raises:
        NothingToReplay: as `files_of`.
        RecordedTwice: as `files_of`.
        UnreadableRecording: a file is damaged; in our own format raised by `placed`, where it comes to the damage.
    """
    files = files_of(paths, format)
    if format == "ubi":
        log = read_ubi(files["ubi"])
        return Recordings([], iter(place_sorted(log.records)), log)
    streams = [place_records(read_records(file, topic)) for topic in _MERGED for file in files.get(topic, [])]
    return Recordings(files.get(CATALOG_ITEMS.name, []), merge_placed(streams), None)


class _Replay:
    """One replay under way: the sender and the counts."""

    def __init__(self, settings: Settings, progress: Progress | None) -> None:
        self.sender = Sender(settings.kafka.brokers)
        self.without_key: Counter[str] = Counter()
        self.dated_ahead: Counter[str] = Counter()
        self.lines: Counter[str] = Counter()
        self.first_ms: int | None = None
        self.last_ms = 0
        self._fold = settings.fold
        self._prefix = settings.kafka.topic_prefix
        self._progress = progress
        self._headers = arrival_headers(None)
        self._partitions = {topic: self.sender.partitions(self._prefix + topic) for topic in (*_FIRST, *_MERGED)}
        joins_others = self.sender.holds_records(self._prefix + SEARCH_EVENTS.name)
        self._ahead = DatesAhead(settings.fold.max_ahead_s, _now_ms, joins_others=joins_others)

    def named(self, counts: Counter[str]) -> dict[str, int]:
        """Give counts by the topics' catalogue names, without the prefix."""
        return {topic.removeprefix(self._prefix): count for topic, count in counts.items()}

    def send_catalog(self, files: Iterable[Path]) -> None:
        """Send all items, and wait for their acknowledgement."""
        for file in files:
            for record in read_records(file, CATALOG_ITEMS.name):
                self._send(record)
        self.sender.flush()

    def send_placed(self, placed: Iterable[Placed], pace: Pace) -> None:
        """Send events in order; a deployment is acknowledged before what comes after it."""
        unconfirmed = False
        timed = 0
        for place_ms, record in placed:
            arrival_ms = self._ahead.arrival_ms(record.time_ms)
            if arrival_ms is not None:
                self.dated_ahead[record.topic] += 1
                self._send(record, arrival_headers(arrival_ms))
                continue
            # A deployment may be days older than the first search, so it is not what time begins with.
            deploys = record.topic == MODEL_EVENTS.name
            if place_ms and (self.first_ms is not None or not deploys):
                pace.wait_for(place_ms)
            if place_ms and not deploys:
                # A few lines dated years before all others, such as 2001, are not what time begins with either.
                is_alone_so_far = timed <= LOOK_AHEAD // 2 and place_ms - self.last_ms > LONGEST_STEP_MS
                if self.first_ms is None or is_alone_so_far:
                    self.first_ms = place_ms
                self.last_ms = max(self.last_ms, place_ms)
                timed += 1
            if unconfirmed and not deploys:
                self.sender.flush()
            unconfirmed = deploys
            self._send(record)
        self.sender.flush()

    def finish(self) -> int | None:
        """Tell each source partition that no more will come; None where no event had a time."""
        if not self.last_ms:
            return None
        watermark_ms = finish_watermark_ms(self.last_ms, self._fold)
        send_watermark(self.sender, self._prefix, watermark_ms, self._partitions)
        return watermark_ms

    def _send(self, record: Record, headers: list[tuple[str, bytes]] | None = None) -> None:
        partition = partition_of(
            (record.value or b"") if record.key is None else record.key, self._partitions[record.topic]
        )
        self.sender.send(self._prefix + record.topic, record.key, record.value, headers or self._headers, partition)
        self.lines[record.topic] += 1
        if record.key is None:
            self.without_key[record.topic] += 1
        if self._progress is not None:
            self._progress(record)


def _now_ms() -> int:
    return int(time.time() * 1000)


def finish_watermark_ms(last_ms: int, fold: FoldSettings) -> int:
    """Give the watermark that closes every cohort of a log whose last event is from `last_ms`, epoch milliseconds.

    Also where `lateness_s` is shorter than a cohort: then what is left of the last one is longer than it.
    """
    bucket_ms = fold.bucket_s * 1000
    end_of_cohort_ms = (last_ms // bucket_ms + 1) * bucket_ms
    return max(last_ms + fold.lateness_s * 1000, end_of_cohort_ms) + max(fold.horizons_s) * 1000


def send_watermark(sender: Sender, prefix: str, watermark_ms: int, partitions: dict[str, int]) -> None:
    """Send a control record to every partition of both source topics, and wait for the acknowledgements."""
    for topic in (SEARCH_EVENTS.name, CLICK_EVENTS.name):
        for partition in range(partitions[topic]):
            sender.send(prefix + topic, None, None, watermark_headers(watermark_ms), partition)
    sender.flush()
