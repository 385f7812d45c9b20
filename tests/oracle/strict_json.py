"""One JSON object from bytes, by the letter of the contract: UTF-8 without BOM, RFC 8259, 1 MiB, 500 levels."""

import json
import math
import re
from typing import Any, NoReturn

MAX_BYTES = 1 << 20
MAX_NESTING = 500
MAX_DIGITS = 4300
"""Integers have no end but this one: positions are compared and counted, whatever their size."""

_RARE = re.compile(rb"\\u[dD][89a-fA-F]|\d[eE]\+?\d*\d{3}|\d{200}")
"""Bytes that hint at a surrogate or at a number beyond a double: only then is each value looked at."""
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)


class InvalidRecord(ValueError):
    """The record breaks the contract; the message says how."""


def refuse(reason: str) -> NoReturn:
    """Raise InvalidRecord."""
    raise InvalidRecord(reason)


def nesting(text: str) -> int:
    """Count how many brackets are open at once at most, those inside strings aside."""
    depth = deepest = 0
    for token in _TOKEN.finditer(text):
        first = token.group()[0]
        if first in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif first in "]}":
            depth -= 1
    return deepest


def _check_text(value: Any) -> None:
    if isinstance(value, str):
        if any("\ud800" <= character <= "\udfff" for character in value):
            refuse("lone surrogate")
    elif isinstance(value, list):
        for element in value:
            _check_text(element)


def _checked_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    for key, value in pairs:
        _check_text(key)
        _check_text(value)
    return dict(pairs)


def _finite_float(digits: str) -> float:
    value = float(digits)
    return value if math.isfinite(value) else refuse("number beyond a double")


def _finite_int(digits: str) -> int:
    if len(digits.lstrip("-")) > MAX_DIGITS:
        refuse("number beyond reading")
    return int(digits)


_plain = json.JSONDecoder(parse_constant=lambda name: refuse(f"{name} is no JSON"))
_careful = json.JSONDecoder(
    object_pairs_hook=_checked_object,
    parse_float=_finite_float,
    parse_int=_finite_int,
    parse_constant=lambda name: refuse(f"{name} is no JSON"),
)


def parse_object(raw: bytes) -> dict[str, Any]:
    """Read a record; of a repeated field the last counts.

    Raises:
        InvalidRecord: not one JSON object by the rules above.
    """
    if len(raw) > MAX_BYTES:
        refuse("larger than 1 MiB")
    rare = _RARE.search(raw) is not None
    if raw[:1] == b"\0" and len(raw) >= 5:
        raw = raw[5:]
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        refuse("not UTF-8")
    if text.startswith("\ufeff"):
        refuse("byte order mark")
    if text.count("{") + text.count("[") > MAX_NESTING and nesting(text) > MAX_NESTING:
        refuse("nested too deep")
    try:
        value = (_careful if rare else _plain).decode(text)
    except json.JSONDecodeError as error:
        refuse(f"not JSON: {error.msg}")
    if not isinstance(value, dict):
        refuse("not an object")
    return value
