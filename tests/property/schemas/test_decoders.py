"""Whatever the bytes: one verdict, the same from both decoders, told as a BadRecord, and known to the JSON Schema."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from schemas import thorough
from schemas.decode import (
    decode_catalog_item,
    decode_click,
    decode_model_event,
    decode_search,
    usual_click,
    usual_search,
)
from schemas.encode import encode_catalog_item, encode_click, encode_model_event, encode_search
from schemas.errors import BadRecord
from schemas.events import (
    CatalogItem,
    ClickEvent,
    Deployment,
    ModelRef,
    Result,
    SearchEvent,
    WorkerModel,
    WorkerTelemetry,
)
from schemas.export import documents
from schemas.reasons import Reason
from schemas.thorough import UnknownFields
from schemas.timestamps import END_MS, FIRST_MS
from tests.unit.schemas.contract_examples import CLICK, DEPLOYMENT, ITEM, SEARCH, WORKER

RECORDS: dict[str, dict[str, Any]] = {
    "search-event": SEARCH,
    "click-event": CLICK,
    "catalog-item": ITEM,
    "deployment": DEPLOYMENT,
    "worker-telemetry": WORKER,
}
DECODERS: dict[str, Callable[[bytes], Any]] = {
    "search-event": lambda raw: decode_search(raw, None, 300),
    "click-event": lambda raw: decode_click(raw, None, 300),
    "catalog-item": lambda raw: decode_catalog_item(b"k", raw),
    "deployment": lambda raw: decode_model_event(raw, None, 300),
    "worker-telemetry": lambda raw: decode_model_event(raw, None, 300),
}
THOROUGH: dict[str, Callable[[bytes, UnknownFields], Any]] = {
    "search-event": thorough.search,
    "click-event": thorough.click,
    "catalog-item": thorough.item,
}
VALIDATORS = {name: Draft202012Validator(documents()[f"{name}.json"]) for name in RECORDS}

# JSON texts, so that what JSON allows and Python's writer never writes is tried as well.
LITERALS = st.sampled_from(
    [
        "null",
        "true",
        "false",
        "0",
        "-0",
        "1",
        "1.0",
        "1.5",
        "-1",
        "1e3",
        "1e300",
        "1e400",
        "1E-400",
        "9007199254740992",
        "18446744073709551616",
        "1795428000000",
        "1795428000000.7",
        "1795428000000.99999999",
        "946684799999.9999999999",
        "3786911999999.99999999",
        "3786912000000",
        "1.795428e12",
        '""',
        '"x"',
        '"\\u0000"',
        '"\\ud800"',
        '"\\ud83d\\ude00"',
        '"2026-11-23T10:00:00Z"',
        '"2026-11-23T10:00:60Z"',
        '"2026-11-23T10:00:59.999z"',
        '"2026-11-23t10:00:60.000Z"',
        '"2026-11-23 10:00:00.000Z"',
        '"1999-12-31T23:59:59.999Z"',
        '"2090-01-01T00:00:00.000Z"',
        '"2026-02-29T00:00:00.000Z"',
        '"2026-11-23T10:00:00Z\\n"',
        '"2026-02-30T10:00:00Z"',
        '"search"',
        '"live"',
        "{}",
        "[]",
        "[{}]",
        "[null]",
        '[{"object_id":"a","position":1}]',
        '[{"object_id":"a","position":1,"x":1}]',
        '{"name":"a","version":"b"}',
        '{"name":"a"}',
        '{"a":{"b":[1]}}',
        "NaN",
        "01",
        '"\x01"',
        "[1,]",
        '{"a":1e999}',
        '{"a":1,"a":{}}',
    ]
)
KNOWN_NAMES = sorted({name for record in RECORDS.values() for name in record} | {"withdrawn"})
FIELDS = st.tuples(st.sampled_from([*KNOWN_NAMES, "extra"]), LITERALS)


@st.composite
def texts(draw: st.DrawFn, name: str) -> bytes:
    """A record near its contract: fields removed, repeated and replaced, then perhaps a few bytes changed."""
    left_out = draw(st.sets(st.sampled_from(sorted(RECORDS[name])), max_size=1))
    fields = [(key, json.dumps(value)) for key, value in RECORDS[name].items() if key not in left_out]
    fields += draw(st.lists(FIELDS, max_size=3))
    if draw(st.booleans()):
        fields = draw(st.permutations(fields))
    raw = ("{" + ",".join(f'"{key}":{literal}' for key, literal in fields) + "}").encode()
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        at = draw(st.integers(0, len(raw)))
        raw = raw[:at] + draw(st.binary(max_size=2)) + raw[at + draw(st.integers(0, 2)) :]
    return raw


def verdict(decode: Callable[[], Any]) -> tuple[str, Any]:
    try:
        return "accepted", decode()
    except BadRecord as error:
        return "refused", (error.reason, error.path)


USUAL: dict[str, Callable[[bytes | None], Any]] = {"search-event": usual_search, "click-event": usual_click}


@pytest.mark.parametrize("name", sorted(USUAL))
@given(data=st.data())
def test_the_shortest_way_takes_what_the_contract_takes_and_gives_the_same(name: str, data: st.DataObject) -> None:
    raw = data.draw(texts(name))
    usual = USUAL[name](raw)
    if usual is None:
        return
    record, time_ms = usual
    event = DECODERS[name](raw)
    assert event.time_ms == time_ms
    same = [field for field in event.__struct_fields__ if field != "time_ms"]
    assert [getattr(event, field) for field in same] == [getattr(record, field) for field in same]


@pytest.mark.parametrize("name", sorted(USUAL))
def test_the_shortest_way_takes_the_contracts_example(name: str) -> None:
    assert USUAL[name](json.dumps(RECORDS[name]).encode()) is not None


@pytest.mark.parametrize("name", sorted(USUAL))
@pytest.mark.parametrize("raw", [None, b"", b"\0", b"null"])
def test_the_shortest_way_leaves_what_is_no_event_to_the_judge(name: str, raw: bytes | None) -> None:
    assert USUAL[name](raw) is None


def strict_json(raw: bytes) -> Any:
    """The standard library's reading, made as strict as the contract."""

    def refuse(text: str) -> None:
        raise ValueError(text)

    def finite(text: str) -> float:
        number = float(text)
        if number in (float("inf"), float("-inf")):
            raise ValueError(text)
        return number

    value = json.loads(raw.decode("utf-8"), parse_constant=refuse, parse_float=finite)
    json.dumps(value, ensure_ascii=False).encode("utf-8")  # a lone surrogate has no UTF-8
    return value


@pytest.mark.parametrize("name", THOROUGH)
@given(data=st.data())
def test_the_fast_decoder_says_what_the_thorough_one_says(name: str, data: st.DataObject) -> None:
    raw = data.draw(texts(name))
    if raw[:1] != b"\0":
        assert verdict(lambda: DECODERS[name](raw)) == verdict(lambda: THOROUGH[name](raw, UnknownFields()))


@pytest.mark.parametrize("name", RECORDS)
@given(data=st.data())
def test_what_is_accepted_is_json_to_the_standard_library_and_valid_to_the_schema(
    name: str, data: st.DataObject
) -> None:
    raw = data.draw(texts(name))
    outcome, event = verdict(lambda: DECODERS[name](raw))
    if outcome == "accepted":
        wanted = name
        if name in ("deployment", "worker-telemetry"):
            wanted = "deployment" if isinstance(event, Deployment) else "worker-telemetry"
        record = strict_json(raw)
        if isinstance(record.get("timestamp"), float):  # the bounds hold for the number as it is written
            record["timestamp"] = json.loads(raw, parse_float=Decimal)["timestamp"]
        VALIDATORS[wanted].validate(record)


@given(raw=st.binary(max_size=200) | st.text().map(str.encode))
@example(raw=b"\xff")
@example(raw=b'{"query_id":' * 3000)
def test_any_bytes_give_an_event_or_a_reason_of_the_catalogue(raw: bytes) -> None:
    for name, decode in DECODERS.items():
        outcome, found = verdict(lambda decode=decode: decode(raw))  # type: ignore[misc]
        assert outcome == "refused", name
        assert found[0] in set(Reason)


@given(raw=texts("search-event"))
def test_bytes_that_are_no_strict_json_object_are_never_accepted(raw: bytes) -> None:
    try:
        valid = isinstance(strict_json(raw), dict)
    except ValueError:
        valid = False
    if not valid and raw[:1] != b"\0":
        assert verdict(lambda: DECODERS["search-event"](raw))[0] == "refused"


TEXT = st.text(max_size=20)
NAME = st.text(min_size=1, max_size=20)
TIME = st.integers(FIRST_MS, END_MS - 1)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
POSITION = st.integers(1, 2**80)
COUNT = st.none() | st.integers(0, 2**53 - 1)
ATTRIBUTES = st.dictionaries(
    TEXT,
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**70), 2**70) | NUMBER | TEXT,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
        max_leaves=8,
    ),
    max_size=3,
)
MODEL = st.builds(ModelRef, NAME, NAME)
EVENTS = st.one_of(
    st.builds(
        SearchEvent,
        query_id=NAME,
        time_ms=TIME,
        application=NAME,
        surface=st.sampled_from(["search", "recommendation", "ads", "support"]),
        client_id=NAME,
        session_id=st.none() | TEXT,
        user_query=TEXT,
        query_attributes=ATTRIBUTES,
        model=MODEL,
        latency_ms=st.none() | st.floats(0, 1e300),
        results=st.lists(
            st.builds(Result, NAME, POSITION, st.none() | TEXT, st.none() | TEXT, st.none() | NUMBER), max_size=4
        ),
    ),
    st.builds(ClickEvent, NAME, TIME, TEXT, NAME, NAME, st.none() | POSITION),
    st.builds(CatalogItem, NAME, st.none() | TEXT, st.none() | TEXT, st.none() | NUMBER, ATTRIBUTES, st.booleans()),
    st.builds(
        Deployment,
        TIME,
        MODEL,
        st.sampled_from(["live", "canary", "shadow", "retired"]),
        st.none() | st.floats(0, 1),
        st.none() | TEXT,
        st.none() | TEXT,
    ),
    st.builds(
        WorkerTelemetry,
        TIME,
        NAME,
        st.lists(st.builds(WorkerModel, NAME, NAME, NAME), max_size=2),
        COUNT,
        COUNT,
        COUNT,
        COUNT,
    ),
)


def round_trip(event: Any) -> Any:
    if isinstance(event, SearchEvent):
        return decode_search(encode_search(event), event.time_ms, 0)
    if isinstance(event, ClickEvent):
        return decode_click(encode_click(event), event.time_ms, 0)
    if isinstance(event, CatalogItem):
        return decode_catalog_item(None, encode_catalog_item(event))
    return decode_model_event(encode_model_event(event), event.time_ms, 0)


@given(event=EVENTS)
def test_what_is_written_is_read_back_the_same(event: Any) -> None:
    assert round_trip(event) == event
