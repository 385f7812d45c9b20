"""The topic `alerts` as a subscriber wants it: the first of each id."""

from collections.abc import Iterator

import xxhash

from schemas.alerts import Alert, decode_alert
from streams.readers.topic_reader import StoredRecord, TopicReader


class AlertLog:
    """Reads `alerts`, leaving out what a worker wrote again after a crash.

    Args:
        reader: of `alerts`.
    """

    def __init__(self, reader: TopicReader) -> None:
        self._reader = reader
        self._seen: set[int] = set()

    def to_end(self) -> Iterator[tuple[Alert, bytes]]:
        """Give the alerts that are in the topic now: read, and as they lie there."""
        for record in self._reader.to_end():
            yield from self._first(record)

    def tail(self) -> Iterator[tuple[Alert, bytes]]:
        """Give the alerts that come from now on, for ever."""
        for record in self._reader.tail():
            if record is not None:
                yield from self._first(record)

    def _first(self, record: StoredRecord) -> Iterator[tuple[Alert, bytes]]:
        alert = self._reader.decode(record, decode_alert)
        if alert is None:
            return
        digest = xxhash.xxh3_64_intdigest(alert.id.encode())
        if digest not in self._seen:
            self._seen.add(digest)
            yield alert, record.value
