"""The bytes of a record as one JSON object: what holds for every record, whatever its fields.

UTF-8 without byte order mark, RFC 8259, at most 1 MiB, nesting up to 500; the last of a repeated field counts. The
rules hold for the whole record, so also inside fields that the contract does not know.
"""

import re
import threading
from typing import Any, Final

import msgspec

from schemas.errors import BadRecord
from schemas.reasons import Reason

MAX_BYTES: Final = 1_048_576
"""Longest record, without its Confluent header."""
MAX_DEPTH: Final = 500
"""Deepest nesting; the record's own object is the first level."""
CONFLUENT_HEADER_BYTES: Final = 5
"""Confluent's wire format: a zero byte and four bytes of schema id before the record."""

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_TOKEN: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|([\[{])|([\]}])', re.DOTALL)
_PART: Final = re.compile(
    rb'("[^"\\]*+(?:\\.[^"\\]*+)*+")\s*+(:?)|([\[{])|([\]}])|(,)|(-?[0-9][0-9.eE+-]*+)', re.DOTALL
)
_LONE_SURROGATE: Final = re.compile(
    rb"(?<!\\)(?:\\\\)*(?:\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB]..)\\u[dD][c-fC-F])"
)
_ANY: Final = msgspec.json.Decoder()
_RAW_FIELDS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def json_bytes(value: bytes | None) -> bytes:
    """Give the JSON text of a record's value: without its Confluent header, and not too long.

    Raises:
        BadRecord: there is none, or it is too long.
    """
    if value is None:
        raise BadRecord(Reason.NO_VALUE, "$", "the record has a null value; send one JSON object")
    text = value[CONFLUENT_HEADER_BYTES:] if value[:1] == b"\0" else value
    if len(text) > MAX_BYTES:
        raise BadRecord(
            Reason.TOO_LARGE, "$", f"{len(text)} bytes, more than {MAX_BYTES}; send fewer results or fields"
        )
    return text


def json_object(text: bytes) -> dict[str, Any]:
    """Decode one JSON object, and say what is wrong where it is none.

    Raises:
        BadRecord: a rule of this module is broken.
    """
    if text.startswith(_BYTE_ORDER_MARK):
        raise BadRecord(Reason.BYTE_ORDER_MARK, "$", "begins with a byte order mark; send UTF-8 without one")
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadRecord(Reason.NOT_UTF8, "$", f"not UTF-8 at byte {error.start}: {error.reason}") from None
    if text.count(b"{") + text.count(b"[") > MAX_DEPTH and _depth(text) > MAX_DEPTH:
        raise BadRecord(Reason.TOO_DEEP, "$", f"nested beyond {MAX_DEPTH}; flatten it")
    try:
        value = _decode(_ANY, text)
    except msgspec.ValidationError:
        raise BadRecord(Reason.OUT_OF_RANGE, _path_of_first_unreadable(text), "a number too large to be read") from None
    except msgspec.DecodeError as error:
        if "surrogate" in str(error) or _LONE_SURROGATE.search(text):
            raise BadRecord(
                Reason.LONE_SURROGATE, "$", "an escape names half a character; send both or neither"
            ) from None
        found = str(error) if text.strip() else "an empty record"
        raise BadRecord(Reason.NOT_JSON, "$", f"{found}; send one RFC 8259 object") from None
    if not isinstance(value, dict):
        raise BadRecord(Reason.NOT_AN_OBJECT, "$", "not a JSON object; send one object a record")
    return value


def number_text(text: bytes, field: str) -> str:
    """Give a number of the record as it is written, where its `float` would be rounded."""
    return bytes(_decode(_RAW_FIELDS, text)[field]).decode("ascii")


def _depth(text: bytes) -> int:
    depth = deepest = 0
    for token in _TOKEN.finditer(text):
        if token[1] is not None:
            depth += 1
            deepest = max(deepest, depth)
        elif token[2] is not None:
            depth -= 1
    return deepest


def _decode(decoder: Any, text: bytes) -> Any:
    try:
        return decoder.decode(text)
    except RecursionError:
        # The caller's stack was deep already. A verdict depends on the bytes alone, so read them on an empty stack.
        return _on_an_empty_stack(decoder, text)


def _on_an_empty_stack(decoder: Any, text: bytes) -> Any:
    outcome: list[Any] = []
    errors: list[msgspec.DecodeError] = []

    def decode() -> None:
        try:
            outcome.append(decoder.decode(text))
        except msgspec.DecodeError as error:
            errors.append(error)

    thread = threading.Thread(target=decode)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return outcome[0]


def _path_of_first_unreadable(text: bytes) -> str:
    """Find the number at which the decoder stopped; it reads from left to right, so all before it is sound."""
    steps: list[str | int] = []  # one for each array or object that is open: the index, or the field
    for part in _PART.finditer(text):
        string, colon, opening, closing, comma, number = part.groups()
        if opening:
            steps.append(0 if opening == b"[" else "")
        elif closing:
            steps.pop()
        elif colon:
            steps[-1] = _ANY.decode(string)
        elif comma and isinstance(steps[-1], int):
            steps[-1] += 1
        elif number and not _is_readable(number):
            return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step[:100]}" for step in steps)
    return "$"


def _is_readable(number: bytes) -> bool:
    try:
        _ANY.decode(number)
    except msgspec.ValidationError:
        return False
    return True
