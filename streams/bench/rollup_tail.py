"""Reads `rollups` on while a bench runs."""

from collections.abc import Iterator
from types import TracebackType
from typing import Final, Self

from schemas.settings import Settings
from schemas.topics import ROLLUPS
from streams.readers.topic_reader import StoredRecord, TopicReader

_POLL_S: Final = 0.01
"""Who waits for a rollup is to see it at once."""


class RollupTail:
    """The topic from its beginning; a context manager."""

    def __init__(self, settings: Settings) -> None:
        self._reader = TopicReader(settings.kafka, ROLLUPS, poll_s=_POLL_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reader.__exit__(kind, error, trace)

    def news(self) -> Iterator[StoredRecord]:
        """Give what has come since the last look, or a part of it; nothing where nothing has."""
        for record in self._reader.tail():
            if record is None:
                return
            yield record
