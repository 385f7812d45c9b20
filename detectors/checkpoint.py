"""What a successor needs to build evaluate's state again: the metadata of a commit."""

from typing import Final, Self

import msgspec

from schemas.errors import CommitUnreadable

METADATA_VERSION: Final = 1
MAX_METADATA_BYTES: Final = 4096
"""Kafka's default `offset.metadata.max.bytes`."""


class LogMark(msgspec.Struct, frozen=True, array_like=True, order=True):
    """A place in a topic partition, with what was known before its first record."""

    offset: int
    largest_time_ms: int
    """Largest accepted event time of the records below `offset`; −1 before the first."""
    source_offset: int = -1
    """Largest source offset applied below `offset`; −1 before the first. Match scores only."""


class Checkpoint(msgspec.Struct, frozen=True):
    """The state of one partition's fold at a commit, small enough for the commit's metadata.

    Everything else follows from the records between the marks and the committed offsets, under any interleaving of
    the two topics.
    """

    scores: LogMark
    """Where to read match-scores from."""
    clicks: LogMark
    """Where to read clicks from."""
    closed_through_ms: dict[int, int]
    """By horizon: cohorts that start before it are emitted and acknowledged."""
    totals: dict[str, int]
    settings: str
    """Hash of the settings that shape the fold."""
    version: int = METADATA_VERSION
    source_offset: int = -1
    """Largest offset in search-events that has been applied; −1 before the first, or where an older program wrote."""

    def encode(self) -> str:
        """Write the metadata of a commit: JSON, below Kafka's bound."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def decode(cls, metadata: str) -> Self:
        """Read the metadata of a commit.

        Raises:
            CommitUnreadable: it was not written by this version of evaluate.
        """
        if not metadata.strip("\0 "):  # librdkafka's admin client writes a NUL where there is none
            raise CommitUnreadable("the commit has no metadata, so its offsets were set by another tool")
        try:
            checkpoint = msgspec.json.decode(metadata, type=cls)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:  # the last two are no errors of msgspec's
            raise CommitUnreadable(f"commit metadata {metadata[:80]!r}: {error}") from error
        if checkpoint.version != METADATA_VERSION:
            raise CommitUnreadable(
                f"commit metadata has version {checkpoint.version}, this program reads {METADATA_VERSION}; "
                "run the version that wrote it"
            )
        return checkpoint

    def joined(self, other: "Checkpoint") -> "Checkpoint":
        """Combine the checkpoints of two partitions' commits that were torn apart: earlier marks, later closings."""
        horizons = self.closed_through_ms.keys() | other.closed_through_ms.keys()
        return msgspec.structs.replace(
            self,
            scores=min(self.scores, other.scores),
            clicks=min(self.clicks, other.clicks),
            source_offset=max(self.source_offset, other.source_offset),
            closed_through_ms={
                horizon: max(self.closed_through_ms.get(horizon, 0), other.closed_through_ms.get(horizon, 0))
                for horizon in horizons
            },
        )
