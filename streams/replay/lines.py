"""Lines of a recording in our own format: found, never judged. What is wrong with them is for the pipeline to say."""

import gzip
import hashlib
import re
import zlib
from collections.abc import Iterator
from decimal import Decimal
from io import BufferedReader
from pathlib import Path
from typing import Final

import msgspec

from schemas.decode import decode_catalog_item
from schemas.errors import BadRecord, MatchwatchError
from schemas.timestamps import timestamp_ms
from schemas.topics import CATALOG_ITEMS, MODEL_EVENTS
from streams.replay.records import Record


class _Head(msgspec.Struct, gc=False):
    timestamp: msgspec.Raw = msgspec.Raw(b"")
    query_id: msgspec.Raw = msgspec.Raw(b"")


class _ItemHead(msgspec.Struct, gc=False):
    object_id: msgspec.Raw = msgspec.Raw(b"")
    withdrawn: msgspec.Raw = msgspec.Raw(b"")


class _ModelHead(msgspec.Struct, gc=False):
    timestamp: msgspec.Raw = msgspec.Raw(b"")
    model: msgspec.Raw = msgspec.Raw(b"")


class _ModelName(msgspec.Struct, gc=False):
    name: str


_HEADS: Final = msgspec.json.Decoder(_Head)
_ITEM_HEADS: Final = msgspec.json.Decoder(_ItemHead)
_MODEL_HEADS: Final = msgspec.json.Decoder(_ModelHead)
_MODEL_NAMES: Final = msgspec.json.Decoder(_ModelName)
_TEXTS: Final = msgspec.json.Decoder(str)
_QUERY_ID: Final = re.compile(rb'"query_id"\s*:\s*"((?:[^"\\]|\\.)*)"')


class UnreadableRecording(MatchwatchError):
    """A file cannot be read to its end: what came before is sent, and the command exits with 1."""


def read_lines(path: Path) -> Iterator[bytes]:
    """Give the lines of a file or a pipe, gzip or plain, whatever its name says.

    Raises:
        UnreadableRecording: it cannot be opened, is damaged or ends in the middle; the message says after which line.
    """
    number = 0
    try:
        with path.open("rb") as raw, _unpacked(raw) as lines:
            for line in lines:
                number += 1
                yield line
    except EOFError:
        raise UnreadableRecording(
            f"{path}: the gzip file ends in the middle, after line {number}; copy it again, whole"
        ) from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise UnreadableRecording(
            f"{path}: the gzip file is damaged after line {number} ({error}); copy it again, or pack it again"
        ) from error
    except OSError as error:
        raise UnreadableRecording(
            f"{path}: cannot be read after line {number} ({error.strerror}); check the file and its permissions"
        ) from error


def read_records(path: Path, topic: str) -> Iterator[Record]:
    """Read a file's lines as records of a topic, in their order; an empty line is an empty, so invalid, record."""
    find = {CATALOG_ITEMS.name: _item, MODEL_EVENTS.name: _model_event}.get(topic, _event)
    for line in read_lines(path):
        yield find(topic, line.rstrip(b"\r\n"))


def event_record(topic: str, value: bytes) -> Record:
    """Make the record of one line of `search-events` or `click-events`: its key is the query_id, if one is found."""
    return _event(topic, value)


def item_record(value: bytes) -> Record:
    """Make the record of one line of `catalog-items`: a withdrawn item becomes a null value.

    A line that breaks the contract withdraws nothing: it is sent as it is, to be refused like any other.
    A compacted topic takes no record without a key, so a line without an object_id has its own hash for a key.
    """
    return _item(CATALOG_ITEMS.name, value)


def _unpacked(raw: BufferedReader) -> gzip.GzipFile | BufferedReader:
    # Looked at, not read: a pipe cannot be wound back.
    return gzip.GzipFile(fileobj=raw) if raw.peek(2).startswith(b"\x1f\x8b") else raw


def _event(topic: str, value: bytes) -> Record:
    try:
        head = _HEADS.decode(_json_part(value))
        key = _text(bytes(head.query_id))
        time_ms = _time_ms(bytes(head.timestamp))
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        key = time_ms = None
    if key is None:
        found = _QUERY_ID.findall(value)
        key = found[-1] if found else None
    return Record(topic, key, value, time_ms)


def _item(topic: str, value: bytes) -> Record:
    try:
        head = _ITEM_HEADS.decode(_json_part(value))
        key = _text(bytes(head.object_id))
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        key = None
    if not key:
        return Record(topic, b"unreadable-" + hashlib.blake2b(value, digest_size=8).hexdigest().encode(), value, None)
    withdrawn = bytes(head.withdrawn) == b"true" and _is_withdrawal(value)
    return Record(topic, key, None if withdrawn else value, None)


def _is_withdrawal(value: bytes) -> bool:
    try:
        return decode_catalog_item(None, value).withdrawn
    except BadRecord:
        return False


def _model_event(topic: str, value: bytes) -> Record:
    key = time_ms = None
    try:
        head = _MODEL_HEADS.decode(_json_part(value))
        time_ms = _time_ms(bytes(head.timestamp))
        key = _MODEL_NAMES.decode(bytes(head.model)).name.encode()
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        pass  # no key and perhaps no time: the record goes where it stands in the file
    return Record(topic, key, value, time_ms)


def _json_part(value: bytes) -> bytes:
    """Leave out a Confluent header (byte 0 and a schema id of four), as the contract does."""
    return value[5:] if value.startswith(b"\x00") else value


def _text(raw: bytes) -> bytes | None:
    return _TEXTS.decode(raw).encode() if raw.startswith(b'"') else None


def _time_ms(raw: bytes) -> int | None:
    """Read a timestamp as the contract does; None where it is none."""
    try:
        if raw.startswith(b'"'):
            return timestamp_ms(_TEXTS.decode(raw), "timestamp")
        return timestamp_ms(Decimal(raw.decode("ascii")), "timestamp")
    except (BadRecord, ArithmeticError, UnicodeError, msgspec.DecodeError):
        return None
