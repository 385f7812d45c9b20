import json
from typing import Any

import pytest

from tests.oracle.build import START_MS, click_event, search_event
from tests.oracle.contracts import InvalidRecord, parse_timestamp, read_catalog_item, read_click, read_search
from tests.oracle.strict_json import nesting, parse_object


@pytest.mark.parametrize(
    ("value", "after_ms"),
    [
        ("2026-11-23T10:00:00Z", 0),
        ("2026-11-23t10:00:00z", 0),
        ("2026-11-23T10:00:00.1Z", 100),
        ("2026-11-23T10:00:00.123999999Z", 123),
        ("2026-11-23T18:00:00.123+08:00", 123),
        ("2026-11-23T00:30:00-09:30", 0),
        ("2026-11-23T10:00:00-00:00", 0),
        (START_MS, 0),
        (START_MS + 7.99, 7),
        (float(START_MS), 0),
    ],
)
def test_a_timestamp_is_rfc_3339_with_offset_or_epoch_milliseconds_cut_to_milliseconds(
    value: Any, after_ms: int
) -> None:
    assert parse_timestamp(value) == START_MS + after_ms


def test_times_from_2000_to_2089_are_valid_to_the_millisecond() -> None:
    assert parse_timestamp("2000-01-01T00:00:00Z") == 946_684_800_000
    assert parse_timestamp("2089-12-31T23:59:59.999Z") == 3_786_911_999_999
    assert parse_timestamp("2000-01-01T08:00:00+08:00") == 946_684_800_000
    assert parse_timestamp("2024-02-29T00:00:00Z") == 1_709_164_800_000


@pytest.mark.parametrize(
    "value",
    [
        "1999-12-31T23:59:59.999Z",
        "2000-01-01T00:30:00+01:00",
        "2090-01-01T00:00:00Z",
        946_684_799_999,
        3_786_912_000_000,
        -1,
        str(START_MS),
        "2026-11-23T10:00:00",
        "2026-11-23 10:00:00Z",
        "2026-11-23T10:00:60Z",
        "2026-11-23T24:00:00Z",
        "2026-02-30T10:00:00Z",
        "2025-02-29T10:00:00Z",
        "2026-13-01T10:00:00Z",
        "2026-11-23T10:00Z",
        "2026-11-23T10:00:00.Z",
        "2026-11-23T10:00:00,5Z",
        "2026-11-23T10:00:00+0800",
        "2026-11-23T10:00:00+24:00",
        "2026-11-23T10:00:00+08:60",
        "2026-11-23T10:00:00Z\n",
        "２026-11-23T10:00:00Z",
        "",
        None,
        True,
        [],
    ],
)
def test_other_forms_and_absurd_times_are_invalid(value: Any) -> None:
    with pytest.raises(InvalidRecord):
        parse_timestamp(value)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"   ",
        b"null",
        b"[]",
        b"17",
        b'"a"',
        b"{",
        b"{}{}",
        b'{"a":1,}',
        b"{'a':1}",
        b'{"a":01}',
        b'{"a":+1}',
        b'{"a":.5}',
        b'{"a":1.}',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":1e999}',
        b'{"a":[-1E+400]}',
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":' + b"9" * 299 + b"e10}",
        b'{"a":"\xff"}',
        b'{"a":"\xed\xa0\xbd"}',
        rb'{"a":"\ud83d"}',
        rb'{"a":["\ude00\ud83d"]}',
        rb'{"\ud83d":1}',
        rb'{"a":"\ud83d","a":1}',
        b'{"a":"\x01"}',
        b'{"a":"\t"}',
        b'{"a":"\x7f\x00"}',
        rb'{"a":"\x41"}',
        b"\xef\xbb\xbf{}",
        b"\x0b{}",
        b'{"a":' + b"[" * 500 + b"]" * 500 + b"}",
        b"{" + b'"a":{' * 3000,
        b'{"a":"' + b"x" * (1 << 20) + b'"}',
    ],
    ids=lambda raw: repr(raw[:24]),
)
def test_what_is_no_strict_json_object_is_invalid(raw: bytes) -> None:
    with pytest.raises(InvalidRecord):
        parse_object(raw)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b" \t{}\r", {}),
        (b'{"a":1,"a":2}', {"a": 2}),
        (rb'{"a":"\u0000"}', {"a": "\0"}),
        (rb'{"a":"\ud83d\ude00"}', {"a": "😀"}),
        (b'{"a":1e308}', {"a": 1e308}),
        (b'{"a":"1e999 NaN"}', {"a": "1e999 NaN"}),
        (b'\0\0\0\0\7{"a":1}', {"a": 1}),
        (b'{"a":"' + b"x" * ((1 << 20) - 8) + b'"}', {"a": "x" * ((1 << 20) - 8)}),
        (b'{"a":"' + b"[" * 900 + b'"}', {"a": "[" * 900}),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_odd_but_strict_json_is_read(raw: bytes, value: dict[str, Any]) -> None:
    assert parse_object(raw) == value


def test_nesting_counts_open_brackets_outside_strings() -> None:
    assert nesting('{"a":[{"b":"[[[\\"[["}],"c":{}}') == 3
    assert parse_object(b'{"a":' + b"[" * 499 + b"]" * 499 + b"}")["a"]


def refused(read: Any, event: dict[str, Any]) -> bool:
    try:
        read(json.dumps(event).encode())
    except InvalidRecord:
        return True
    return False


@pytest.mark.parametrize(
    "name", ["query_id", "timestamp", "application", "surface", "client_id", "user_query", "query_attributes", "model"]
)
def test_a_search_needs_each_required_field_and_takes_no_null_for_it(name: str) -> None:
    event = search_event("q", 0, "a")
    assert not refused(read_search, event)
    assert refused(read_search, {**event, name: None})
    del event[name]
    assert refused(read_search, event)


@pytest.mark.parametrize("name", ["query_id", "timestamp", "action_name", "client_id", "object_id"])
def test_a_click_needs_each_required_field_and_takes_no_null_for_it(name: str) -> None:
    event = click_event("q", 0, "a")
    assert not refused(read_click, event)
    assert refused(read_click, {**event, name: None})
    del event[name]
    assert refused(read_click, event)


@pytest.mark.parametrize(
    "change",
    [
        {"query_id": ""},
        {"application": ""},
        {"client_id": 3},
        {"surface": "homepage"},
        {"surface": "Search"},
        {"query_attributes": []},
        {"model": {"name": "", "version": "3"}},
        {"model": {"name": "m", "version": ""}},
        {"model": {"name": "m"}},
        {"latency_ms": -1},
        {"latency_ms": "4"},
        {"latency_ms": True},
        {"session_id": 4},
        {"results": None},
        {"results": {}},
        {"results": [None]},
        {"results": [{"object_id": "a"}]},
        {"results": [{"object_id": "", "position": 1}]},
        {"results": [{"object_id": "a", "position": 0}]},
        {"results": [{"object_id": "a", "position": 1.5}]},
        {"results": [{"object_id": "a", "position": True}]},
        {"results": [{"object_id": "a", "position": "1"}]},
        {"results": [{"object_id": "a", "position": 1, "title": 3}]},
        {"results": [{"object_id": "a", "position": 1, "price": "3"}]},
    ],
    ids=repr,
)
def test_one_breach_makes_the_whole_search_invalid(change: dict[str, Any]) -> None:
    assert refused(read_search, {**search_event("q", 0, "a"), **change})


@pytest.mark.parametrize(
    "change",
    [
        {"user_query": ""},
        {"latency_ms": None},
        {"latency_ms": 0},
        {"session_id": None},
        {"session_id": ""},
        {"results": []},
        {"results": [{"object_id": "a", "position": 1, "title": None, "category": None, "price": None}]},
        {"results": [{"object_id": "a", "position": 10**30}]},
        {"unknown": {"a": [1]}},
    ],
    ids=repr,
)
def test_an_odd_search_is_still_valid(change: dict[str, Any]) -> None:
    assert not refused(read_search, {**search_event("q", 0, "a"), **change})


def test_a_search_needs_latency_though_it_may_be_null() -> None:
    event = search_event("q", 0, "a")
    del event["latency_ms"]
    assert refused(read_search, event)


def test_a_click_has_a_position_from_one_or_none() -> None:
    event = click_event("q", 0, "a")
    assert [refused(read_click, {**event, "position": position}) for position in (None, 1, 0, -1, "1")] == [
        False,
        False,
        True,
        True,
        True,
    ]


def test_items_are_distinct_ids_in_order_of_position_and_stable_where_positions_are_equal() -> None:
    event = search_event("q", 0, ("c", 3), ("b", 2), ("a", 2), ("c", 1), ("b", 9))
    assert read_search(json.dumps(event).encode()).items == [("c", 1), ("b", 2), ("a", 2)]


def test_a_catalogue_item_needs_its_object_id_only() -> None:
    assert read_catalog_item(b'{"object_id":"a"}') == "a"
    assert read_catalog_item(b'{"object_id":"a","withdrawn":true,"title":null}') == "a"
    assert refused(read_catalog_item, {"title": "a"})
    assert refused(read_catalog_item, {"object_id": "a", "withdrawn": "yes"})
