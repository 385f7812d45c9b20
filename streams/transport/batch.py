"""What passes between the transport and a stage: batches in, commits out."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from faust.types import TP

__all__ = ["TP", "Commit", "Committed", "Record", "RecordBatch"]


class Record(Protocol):
    """One consumed record, as aiokafka gives it."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    """Milliseconds since the epoch; the broker's clock, since the topics use LogAppendTime."""
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class RecordBatch(NamedTuple):
    """All records that one poll brought of one partition, in offset order.

    `records` is empty where the log moved on without any: behind a transaction marker, an aborted transaction or a
    compacted tail. Such a batch still carries the offset to commit.
    """

    tp: TP
    records: Sequence[Record]
    next_offset: int
    """The fetch position behind the batch: what to commit once its outputs are acknowledged."""
    generation: int
    """The group's generation in which it was fetched."""
    size_bytes: int
    """Keys and values together, uncompressed."""


class Commit(NamedTuple):
    """What to commit for one partition."""

    offset: int
    metadata: str = ""
    """At most 4096 bytes in UTF-8, the broker's default for `offset.metadata.max.bytes`."""


class Committed(NamedTuple):
    """What the group last committed for one partition, and how far its log reaches."""

    offset: int | None
    """None where the group never committed."""
    metadata: str
    log_start: int
    """The oldest offset that can still be read."""
    log_end: int
