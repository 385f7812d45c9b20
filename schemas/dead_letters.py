"""Dead letters: records that break their contract, kept with the reason and the place they came from."""

import base64
import hashlib
from typing import Final

import msgspec

from schemas.errors import BadRecord

MAX_KEPT_BYTES: Final = 500_000
"""Longest original kept whole: with base64 and the other fields it stays below the broker's 1 MiB default."""

MAX_KEPT_KEY_BYTES: Final = 10_000


class Origin(msgspec.Struct, frozen=True):
    """Where the record lies: its identity, by which readers drop repeats."""

    topic: str
    partition: int
    offset: int


class DeadLetter(msgspec.Struct, frozen=True):
    """One refused record."""

    reason: str
    """Short stable name of the broken rule, for example `missing_field`."""
    path: str
    """The field, as a JSON path: `$.results[3].position`."""
    message: str
    origin: Origin
    stage: str
    original_base64: str
    """The record's bytes; cut to `MAX_KEPT_BYTES` where longer."""
    original_bytes: int
    """How long the record was."""
    original_sha256: str | None = None
    """Set where the bytes were cut."""
    key_base64: str | None = None
    """The record's key, all there is of one with a null value; cut to `MAX_KEPT_KEY_BYTES` where longer."""
    arrival: str | None = None
    """When it arrived, as a header `matchwatch-arrival` says it: epoch milliseconds in digits, or `none`."""
    retry_of: str | None = None
    """Key of the dead letter from which this record was sent back; null where it came from its producer."""


def dead_letter(
    error: BadRecord,
    origin: Origin,
    stage: str,
    original: bytes | None,
    key: bytes | None = None,
    *,
    arrival: str | None = None,
    retry_of: str | None = None,
) -> DeadLetter:
    """Describe a refused record so that it can be read, repaired and sent back."""
    value = b"" if original is None else original
    cut = len(value) > MAX_KEPT_BYTES
    return DeadLetter(
        reason=error.reason,
        path=error.path,
        message=error.message,
        origin=origin,
        stage=stage,
        original_base64=base64.b64encode(value[:MAX_KEPT_BYTES]).decode("ascii"),
        original_bytes=len(value),
        original_sha256=hashlib.sha256(value).hexdigest() if cut else None,
        key_base64=None if key is None else base64.b64encode(key[:MAX_KEPT_KEY_BYTES]).decode("ascii"),
        arrival=arrival,
        retry_of=retry_of,
    )


def dead_letter_key(origin: Origin) -> bytes:
    """Give the record key of a dead letter: its origin."""
    return f"{origin.topic}/{origin.partition}/{origin.offset}".encode()
