"""A recorded folder as the records that `replay` would have made of it, in portions of bounded size.

The same order, the same partitions, the same offsets: what a fold makes of them is what it would make of the topics.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, Self

from schemas.settings import KafkaSettings
from schemas.topics import CLICK_EVENTS, MODEL_EVENTS, SEARCH_EVENTS
from streams.control import Headers, arrival_headers
from streams.replay.lines import read_records
from streams.replay.merge import Placed, merge_placed, place_records
from streams.replay.records import Record as Line
from streams.replay.replay import NothingToReplay, files_of
from streams.routing import partitions_of
from streams.transport import TP

PORTION_LINES: Final = 8_192
PORTION_BYTES: Final = 32 * 1024 * 1024
_MERGED: Final = (MODEL_EVENTS.name, SEARCH_EVENTS.name, CLICK_EVENTS.name)
_HEADERS: Final = tuple(arrival_headers(None))


@dataclass(slots=True)
class LogRecord:
    """A record as Kafka would give it; recordings have no arrival times."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int = 0
    headers: Headers = _HEADERS


class Portion(NamedTuple):
    """Searches and clicks by partition, each in the order of the log; behind them, if at all, one model event."""

    searches: dict[int, list[LogRecord]]
    clicks: dict[int, list[LogRecord]]
    model_event: LogRecord | None


class FolderLog:
    """The files of a folder.

    Args:
        files: by topic.
        kafka: number of partitions and topic prefix.
    """

    def __init__(self, files: Mapping[str, list[Path]], kafka: KafkaSettings) -> None:
        self._files = files
        self._kafka = kafka
        self._offsets: Counter[TP] = Counter()
        self.last_ms = 0
        """The largest plausible time of a search or click so far."""
        self.lines = 0
        """Lines of searches, clicks and model events that were read so far."""

    @classmethod
    def open(cls, folder: Path, kafka: KafkaSettings) -> Self:
        """Find the files of a folder as `matchwatch simulate --out` writes it.

        Raises:
            NothingToReplay: it is missing or holds no searches.
            RecordedTwice: a file lies packed beside itself.
        """
        if folder.exists() and not folder.is_dir():
            raise NothingToReplay(f"{folder}: is a file; give the folder that holds {SEARCH_EVENTS.name}.ndjson")
        files = files_of([folder], "matchwatch")
        if SEARCH_EVENTS.name not in files:
            raise NothingToReplay(f"{folder}: holds no {SEARCH_EVENTS.name}.ndjson: without searches nothing happens")
        return cls(files, kafka)

    def records(self, topic: str) -> Iterator[LogRecord]:
        """Give one topic's lines as a log of a single partition: items and model events, which are read by all."""
        for file in self._files.get(topic, []):
            for line in read_records(file, topic):
                yield self._record(line, 0)

    def searches(self) -> Iterator[LogRecord]:
        """Give the searches again, at the partitions and offsets that `portions` gives them."""
        for portion in FolderLog({SEARCH_EVENTS.name: self._files[SEARCH_EVENTS.name]}, self._kafka).portions():
            for records in portion.searches.values():
                yield from records

    def portions(self) -> Iterator[Portion]:
        """Give searches, clicks and model events in order of time.

        Raises:
            UnreadableRecording: a file is damaged.
        """
        lines: list[Line] = []
        size = 0
        for place_ms, line in self._placed():
            self.lines += 1
            if line.topic == MODEL_EVENTS.name:
                yield self._portion(lines, self._record(line, 0))
                lines, size = [], 0
                continue
            self.last_ms = max(self.last_ms, place_ms)
            lines.append(line)
            size += len(line.value or b"")
            if len(lines) >= PORTION_LINES or size >= PORTION_BYTES:
                yield self._portion(lines, None)
                lines, size = [], 0
        yield self._portion(lines, None)

    def _placed(self) -> Iterator[Placed]:
        return merge_placed(
            [place_records(read_records(file, topic)) for topic in _MERGED for file in self._files.get(topic, [])]
        )

    def _portion(self, lines: list[Line], model_event: LogRecord | None) -> Portion:
        portion = Portion({}, {}, model_event)
        # Without a key the value decides, as where it is sent.
        keys = [(line.value or b"") if line.key is None else line.key for line in lines]
        for line, partition in zip(lines, partitions_of(keys, self._kafka.partitions).tolist(), strict=True):
            by_partition = portion.searches if line.topic == SEARCH_EVENTS.name else portion.clicks
            by_partition.setdefault(partition, []).append(self._record(line, partition))
        return portion

    def _record(self, line: Line, partition: int) -> LogRecord:
        tp = TP(self._kafka.topic_prefix + line.topic, partition)
        self._offsets[tp] += 1
        return LogRecord(*tp, self._offsets[tp] - 1, line.key, line.value)
