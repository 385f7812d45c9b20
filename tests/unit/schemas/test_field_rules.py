"""Every rule about single fields of the event contracts, with the verdict and the path that a producer is told."""

import re
from typing import Any

import pytest

from schemas.decode import UnknownFields, decode_catalog_item, decode_click, decode_model_event, decode_search
from schemas.errors import BadRecord
from schemas.events import CatalogItem, ClickEvent, Deployment, ModelRef, Result, SearchEvent, WorkerTelemetry
from tests.unit.schemas.contract_examples import (
    ABSENT,
    CLICK,
    DEPLOYMENT,
    ITEM,
    SEARCH,
    WORKER,
    changed,
    raw_field,
)

REFUSED_SEARCHES: list[tuple[str, Any, str, str]] = [
    *[(name, ABSENT, "missing_field", f"$.{name}") for name in SEARCH if name != "session_id"],
    *[
        (name, None, "wrong_type", f"$.{name}")
        for name in SEARCH
        if name not in ("session_id", "latency_ms", "timestamp")
    ],
    *[(name, 7, "wrong_type", f"$.{name}") for name in SEARCH if name not in ("latency_ms", "timestamp")],
    *[(name, "", "empty", f"$.{name}") for name in ("query_id", "application", "client_id")],
    ("surface", "email", "unknown_value", "$.surface"),
    ("surface", "", "unknown_value", "$.surface"),
    ("surface", "Search", "unknown_value", "$.surface"),
    ("query_attributes", [], "wrong_type", "$.query_attributes"),
    ("query_attributes", "{}", "wrong_type", "$.query_attributes"),
    ("model", "shop-rank", "wrong_type", "$.model"),
    ("model.name", "", "empty", "$.model.name"),
    ("model.name", ABSENT, "missing_field", "$.model.name"),
    ("model.version", "", "empty", "$.model.version"),
    ("model.version", 3, "wrong_type", "$.model.version"),
    ("model.version", None, "wrong_type", "$.model.version"),
    ("latency_ms", -0.1, "out_of_range", "$.latency_ms"),
    ("latency_ms", "41.7", "wrong_type", "$.latency_ms"),
    ("latency_ms", True, "wrong_type", "$.latency_ms"),
    ("latency_ms", 10**400, "out_of_range", "$.latency_ms"),
    ("session_id", 5, "wrong_type", "$.session_id"),
    ("results", {}, "wrong_type", "$.results"),
    ("results.0", "sku-1", "wrong_type", "$.results[0]"),
    ("results.0", None, "wrong_type", "$.results[0]"),
    ("results.0.object_id", "", "empty", "$.results[0].object_id"),
    ("results.0.object_id", ABSENT, "missing_field", "$.results[0].object_id"),
    ("results.0.object_id", 1, "wrong_type", "$.results[0].object_id"),
    ("results.0.position", ABSENT, "missing_field", "$.results[0].position"),
    ("results.0.position", None, "wrong_type", "$.results[0].position"),
    ("results.0.position", 0, "out_of_range", "$.results[0].position"),
    ("results.0.position", -3, "out_of_range", "$.results[0].position"),
    ("results.0.position", 1.5, "wrong_type", "$.results[0].position"),
    ("results.0.position", "1", "wrong_type", "$.results[0].position"),
    ("results.0.position", True, "wrong_type", "$.results[0].position"),
    ("results.0.title", 5, "wrong_type", "$.results[0].title"),
    ("results.0.category", ["shoes"], "wrong_type", "$.results[0].category"),
    ("results.0.price", "299", "wrong_type", "$.results[0].price"),
    ("results.0.price", False, "wrong_type", "$.results[0].price"),
    ("timestamp", None, "bad_timestamp", "$.timestamp"),
    ("timestamp", True, "bad_timestamp", "$.timestamp"),
    ("timestamp", {}, "bad_timestamp", "$.timestamp"),
    ("timestamp", "", "bad_timestamp", "$.timestamp"),
]


@pytest.mark.parametrize(("path", "value", "reason", "where"), REFUSED_SEARCHES)
def test_a_search_that_breaks_a_rule_is_refused_with_reason_and_path(
    path: str, value: Any, reason: str, where: str
) -> None:
    with pytest.raises(BadRecord) as refused:
        decode_search(changed(SEARCH, path, value), None, 300)
    assert (refused.value.reason, refused.value.path) == (reason, where)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("session_id", None),
        ("session_id", ABSENT),
        ("session_id", ""),
        ("user_query", ""),
        ("user_query", "\0"),
        ("latency_ms", None),
        ("latency_ms", 0),
        ("latency_ms", -0.0),
        ("query_attributes", {}),
        ("query_attributes", {"a": {"b": [{"c": None}]}}),
        ("query_attributes", {"a": 10**100}),
        ("results", []),
        ("results.0.title", None),
        ("results.0.title", ABSENT),
        ("results.0.title", ""),
        ("results.0.category", None),
        ("results.0.price", None),
        ("results.0.price", 3),
        ("results.0.position", 1.0),
        ("results.0.position", 1e3),
        ("results.0.position", 2**53),
        ("results.0.position", 2**64),
        ("results.0.position", 10**4000),
        ("results.0.position", 1e300),
        *[("surface", surface) for surface in ("search", "recommendation", "ads", "support")],
    ],
)
def test_a_search_within_the_rules_is_accepted(path: str, value: Any) -> None:
    assert decode_search(changed(SEARCH, path, value), None, 300).query_id == "q-81f3"


def test_a_search_arrives_as_it_was_written() -> None:
    assert decode_search(changed(SEARCH, "query_id", "q-81f3"), None, 300) == SearchEvent(
        query_id="q-81f3",
        time_ms=1_795_428_000_123,
        application="shop-web",
        surface="search",
        client_id="c-17",
        session_id="s-9",
        user_query="运动鞋",
        query_attributes={"device": "mobile", "locale": "zh-CN"},
        model=ModelRef("shop-rank", "3"),
        latency_ms=41.7,
        results=[Result("sku-1", 1, "男士跑步运动鞋 透气", "shoes", 299.0)],
    )


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        *[(name, ABSENT, "missing_field") for name in CLICK if name != "position"],
        *[(name, "", "empty") for name in ("query_id", "client_id", "object_id")],
        *[(name, 3, "wrong_type") for name in ("query_id", "client_id", "object_id", "action_name")],
        ("position", 0, "out_of_range"),
        ("position", -1, "out_of_range"),
        ("position", "1", "wrong_type"),
        ("position", True, "wrong_type"),
        ("position", 1.5, "wrong_type"),
    ],
)
def test_a_click_that_breaks_a_rule_is_refused(path: str, value: Any, reason: str) -> None:
    with pytest.raises(BadRecord) as refused:
        decode_click(changed(CLICK, path, value), None, 300)
    assert (refused.value.reason, refused.value.path) == (reason, f"$.{path}")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("position", None),
        ("position", ABSENT),
        ("action_name", "add_to_cart"),
        ("action_name", ""),
        ("position", 2.0),
        ("position", 10**30),
    ],
)
def test_a_click_within_the_rules_is_accepted(path: str, value: Any) -> None:
    assert isinstance(decode_click(changed(CLICK, path, value), None, 300), ClickEvent)


def test_a_repeated_field_counts_as_it_stands_last() -> None:
    assert decode_search(raw_field(SEARCH, "query_id", '"q-2"'), None, 300).query_id == "q-2"
    wrong_first = b'{"query_id":7,' + changed(SEARCH, "query_id", "q-1")[1:]
    assert decode_search(wrong_first, None, 300).query_id == "q-1"
    with pytest.raises(BadRecord):
        decode_search(raw_field(SEARCH, "query_id", "null"), None, 300)


def test_unknown_fields_are_ignored_and_counted_where_ever_they_stand() -> None:
    unknown = UnknownFields()
    raw = changed(changed_document := SEARCH | {"extra": {"a": 1}, "other": None}, "model.x", 1)
    assert decode_search(raw, None, 300, unknown) == decode_search(changed(SEARCH, "query_id", "q-81f3"), None, 300)
    assert unknown.total == 3
    decode_search(changed(changed_document, "results.0.y", 1), None, 300, unknown)
    assert unknown.total == 6
    decode_click(changed(CLICK, "z", 1), None, 300, unknown)
    decode_model_event(changed(WORKER, "models.0.z", 1), None, 300, unknown)
    decode_catalog_item(b"sku-1", changed(ITEM, "z", 1), unknown)
    assert unknown.total == 9


def test_unknown_fields_of_refused_records_are_not_counted() -> None:
    unknown = UnknownFields()
    with pytest.raises(BadRecord):
        decode_search(changed(SEARCH | {"extra": 1}, "query_id", ""), None, 300, unknown)
    assert unknown.total == 0


def test_a_null_value_withdraws_the_item_its_key_names() -> None:
    assert decode_catalog_item("运动鞋".encode(), None) == CatalogItem(object_id="运动鞋", withdrawn=True)
    assert decode_catalog_item(None, b'{"object_id":"a","withdrawn":true}').withdrawn
    for key in (None, b"", b"\xff"):
        with pytest.raises(BadRecord) as refused:
            decode_catalog_item(key, None)
        assert (refused.value.reason, refused.value.path) == ("bad_key", "key")


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("object_id", "", "empty"),
        ("object_id", ABSENT, "missing_field"),
        ("title", 1, "wrong_type"),
        ("price", "1", "wrong_type"),
        ("attributes", [], "wrong_type"),
        ("withdrawn", 1, "wrong_type"),
    ],
)
def test_an_item_that_breaks_a_rule_is_refused(path: str, value: Any, reason: str) -> None:
    with pytest.raises(BadRecord) as refused:
        decode_catalog_item(b"sku-1", changed(ITEM, path, value))
    assert (refused.value.reason, refused.value.path) == (reason, f"$.{path}")


def test_model_events_are_told_apart_by_their_type() -> None:
    deployment = decode_model_event(changed(DEPLOYMENT, "role", "canary"), None, 300)
    assert isinstance(deployment, Deployment)
    assert deployment.role == "canary"
    assert isinstance(decode_model_event(changed(WORKER, "rss_bytes", None), None, 300), WorkerTelemetry)


@pytest.mark.parametrize(
    ("record", "path", "value", "reason", "where"),
    [
        (DEPLOYMENT, "type", "rollback", "unknown_value", "$.type"),
        (DEPLOYMENT, "type", ABSENT, "missing_field", "$.type"),
        (DEPLOYMENT, "role", "main", "unknown_value", "$.role"),
        (DEPLOYMENT, "share", 1.01, "out_of_range", "$.share"),
        (DEPLOYMENT, "model.version", "", "empty", "$.model.version"),
        (WORKER, "models.0.state", ABSENT, "missing_field", "$.models[0].state"),
        (WORKER, "queue_depth", -1, "out_of_range", "$.queue_depth"),
        (WORKER, "queue_depth", 2**53, "out_of_range", "$.queue_depth"),
    ],
)
def test_a_model_event_that_breaks_a_rule_is_refused(
    record: dict[str, Any], path: str, value: Any, reason: str, where: str
) -> None:
    with pytest.raises(BadRecord) as refused:
        decode_model_event(changed(record, path, value), None, 300)
    assert (refused.value.reason, refused.value.path) == (reason, where)


def test_a_date_ahead_is_refused_beyond_the_limit_and_unguarded_without_an_arrival() -> None:
    raw = changed(SEARCH, "timestamp", 1_800_000_300_000)
    assert decode_search(raw, 1_800_000_000_000, 300).time_ms == 1_800_000_300_000
    with pytest.raises(BadRecord) as refused:
        decode_search(raw, 1_799_999_999_999, 300)
    assert (refused.value.reason, refused.value.path) == ("too_far_ahead", "$.timestamp")
    assert decode_search(raw, None, 300).time_ms == 1_800_000_300_000


def test_a_workers_clock_may_be_ahead() -> None:
    assert decode_model_event(changed(WORKER, "queue_depth", 1), 0, 300).time_ms > 0
    with pytest.raises(BadRecord):
        decode_model_event(changed(DEPLOYMENT, "role", "live"), 0, 300)


@pytest.mark.parametrize(("position", "told"), [(0, "0; it must be at least 1"), (-3, "-3; it must be at least 1")])
def test_a_number_out_of_range_is_told_with_its_value(position: int, told: str) -> None:
    with pytest.raises(BadRecord, match=re.escape(told)):
        decode_search(changed(SEARCH, "results.0.position", position), None, 300)


@pytest.mark.parametrize("raw", [b"", b"  \n"])
def test_an_empty_record_is_called_empty(raw: bytes) -> None:
    with pytest.raises(BadRecord, match="an empty record; send one RFC 8259 object"):
        decode_search(raw, None, 300)
