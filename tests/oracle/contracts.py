"""Searches, clicks and catalogue items as the contract describes them, checked field by field."""

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.oracle.strict_json import InvalidRecord, parse_object, refuse

__all__ = ["Click", "InvalidRecord", "Search", "parse_timestamp", "read_catalog_item", "read_click", "read_search"]

SURFACES = ("search", "recommendation", "ads", "support")
FIRST_MS = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()) * 1000
END_MS = int(datetime(2090, 1, 1, tzinfo=UTC).timestamp()) * 1000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RFC3339 = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)


@dataclass(frozen=True)
class Search:
    """A valid search; `items` are its distinct (object id, position), in order of position."""

    query_id: str
    time_ms: int
    application: str
    surface: str
    model: str
    version: str
    latency_ms: float | None
    has_results: bool
    items: list[tuple[str, int]]


@dataclass(frozen=True)
class Click:
    """A valid click of any action."""

    query_id: str
    time_ms: int
    action_name: str
    object_id: str


def parse_timestamp(value: Any) -> int:
    """Read RFC 3339 with offset, or a number of epoch milliseconds; cut, not rounded, to milliseconds.

    Raises:
        InvalidRecord: another type or form, or before 2000 or after 2089 in UTC.
    """
    if type(value) is str:
        time_ms = _parse_rfc3339(value)
    elif type(value) in (int, float):
        time_ms = int(value)
    else:
        refuse("timestamp: neither text nor number")
    if not FIRST_MS <= time_ms < END_MS:
        refuse("timestamp: before 2000 or after 2089")
    return time_ms


def _parse_rfc3339(text: str) -> int:
    match = _RFC3339.fullmatch(text)
    if match is None:
        refuse("timestamp: not RFC 3339 with offset")
    *numbers, fraction, sign, offset_hours, offset_minutes = match.groups()
    offset = timedelta()
    if sign:
        if int(offset_hours) > 23 or int(offset_minutes) > 59:
            refuse("timestamp: no such offset")
        offset = timedelta(hours=int(offset_hours), minutes=int(offset_minutes)) * (1 if sign == "+" else -1)
    try:
        # second 60 and hour 24 are out of range here as well
        year, month, day, hour, minute, second = map(int, numbers)
        local = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        refuse("timestamp: no such date or time")
    milliseconds = int((fraction or "0")[:3].ljust(3, "0"))
    return (local - _EPOCH - offset) // timedelta(milliseconds=1) + milliseconds


def _text(value: Any) -> bool:
    return type(value) is str


def _filled(value: Any) -> bool:
    return type(value) is str and value != ""


def _number(value: Any) -> bool:
    return type(value) is float or (type(value) is int and abs(value) <= sys.float_info.max)


def _position(value: Any) -> bool:
    return type(value) in (int, float) and value >= 1 and value == int(value)


def _object(value: Any) -> bool:
    return type(value) is dict


Rules = dict[str, Callable[[Any], bool]]

SEARCH_REQUIRED: Rules = {
    "query_id": _filled,
    "application": _filled,
    "client_id": _filled,
    "surface": lambda value: _text(value) and value in SURFACES,
    "user_query": _text,
    "query_attributes": _object,
    "model": _object,
    "latency_ms": lambda value: value is None or (_number(value) and value >= 0),
    "results": lambda value: type(value) is list,
}
SEARCH_OPTIONAL: Rules = {"session_id": _text}
MODEL_REQUIRED: Rules = {"name": _filled, "version": _filled}
RESULT_REQUIRED: Rules = {"object_id": _filled, "position": _position}
RESULT_OPTIONAL: Rules = {"title": _text, "category": _text, "price": _number}
CLICK_REQUIRED: Rules = {"query_id": _filled, "object_id": _filled, "action_name": _text, "client_id": _filled}
CLICK_OPTIONAL: Rules = {"position": _position}
ITEM_REQUIRED: Rules = {"object_id": _filled}
ITEM_OPTIONAL: Rules = {
    **RESULT_OPTIONAL,
    "attributes": _object,
    "withdrawn": lambda value: type(value) is bool,
}


def _check(record: dict[str, Any], required: Rules, optional: Rules) -> None:
    for name, holds in required.items():
        if name not in record:
            refuse(f"{name}: missing")
        if not holds(record[name]):
            refuse(f"{name}: {record[name]!r:.60}")
    for name, holds in optional.items():
        value = record.get(name)
        if value is not None and not holds(value):
            refuse(f"{name}: {value!r:.60}")


def _time_of(record: dict[str, Any]) -> int:
    return parse_timestamp(record["timestamp"]) if "timestamp" in record else refuse("timestamp: missing")


def _distinct_items(results: list[dict[str, Any]]) -> list[tuple[str, int]]:
    first: dict[str, int] = {}
    for result in sorted(results, key=lambda result: result["position"]):
        first.setdefault(result["object_id"], int(result["position"]))
    return list(first.items())


def read_search(raw: bytes) -> Search:
    """Read one record of `search-events`.

    Raises:
        InvalidRecord: one breach of the contract is enough.
    """
    record = parse_object(raw)
    _check(record, SEARCH_REQUIRED, SEARCH_OPTIONAL)
    _check(record["model"], MODEL_REQUIRED, {})
    for result in record["results"]:
        if type(result) is not dict:
            refuse("results: not an object")
        _check(result, RESULT_REQUIRED, RESULT_OPTIONAL)
    return Search(
        query_id=record["query_id"],
        time_ms=_time_of(record),
        application=record["application"],
        surface=record["surface"],
        model=record["model"]["name"],
        version=record["model"]["version"],
        latency_ms=None if record["latency_ms"] is None else float(record["latency_ms"]),
        has_results=record["results"] != [],
        items=_distinct_items(record["results"]),
    )


def read_click(raw: bytes) -> Click:
    """Read one record of `click-events`.

    Raises:
        InvalidRecord: one breach of the contract is enough.
    """
    record = parse_object(raw)
    _check(record, CLICK_REQUIRED, CLICK_OPTIONAL)
    return Click(record["query_id"], _time_of(record), record["action_name"], record["object_id"])


def read_catalog_item(raw: bytes) -> str:
    """Read the object id of one line of `catalog-items`.

    Raises:
        InvalidRecord: one breach of the contract is enough.
    """
    record = parse_object(raw)
    _check(record, ITEM_REQUIRED, ITEM_OPTIONAL)
    object_id: str = record["object_id"]
    return object_id
