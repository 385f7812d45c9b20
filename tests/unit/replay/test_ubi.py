import gzip
import json
from collections import Counter, defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from schemas.decode import decode_click, decode_search
from streams.replay.ubi import SAMPLE_LOG, UbiLog, read_ubi


@pytest.fixture(scope="module")
def sample() -> UbiLog:
    return read_ubi([SAMPLE_LOG])


@pytest.fixture(scope="module")
def documents() -> list[dict[str, Any]]:
    """The log read naively: bulk lines left out."""
    found = [json.loads(line) for line in gzip.decompress(SAMPLE_LOG.read_bytes()).splitlines()]
    return [document for document in found if "index" not in document]


def _write(tmp_path: Path, *lines: Any) -> list[Path]:
    path = tmp_path / "log.ndjson"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return [path]


def _event(action: str, object_id: str | None = None, ordinal: float | None = None, **more: Any) -> dict[str, Any]:
    attributes: dict[str, Any] = {}
    if object_id is not None:
        attributes["object"] = {"object_id": object_id}
    if ordinal is not None:
        attributes["position"] = {"ordinal": ordinal}
    return {
        "application": "shop",
        "action_name": action,
        "query_id": "q",
        "client_id": "c",
        "timestamp": "2024-12-10T00:01:29.378Z",
        "event_attributes": attributes,
    } | more


def _query(**more: Any) -> dict[str, Any]:
    base = {
        "application": "shop",
        "query_id": "q",
        "client_id": "c",
        "user_query": "ps4",
        "timestamp": "2024-12-10T00:01:28+0000",
    }
    return base | more


def test_impressions_of_the_sample_become_searches_as_an_independent_count_says(
    sample: UbiLog, documents: list[dict[str, Any]]
) -> None:
    shown: dict[str, set[str]] = defaultdict(set)
    positions: dict[tuple[str, str], int] = {}
    for document in documents:
        if document.get("action_name") == "impression":
            attributes = document["event_attributes"]
            shown[document["query_id"]].add(attributes["object"]["object_id"])
            positions[document["query_id"], attributes["object"]["object_id"]] = attributes["position"]["ordinal"] + 1
    searches = [decode_search(r.value or b"", None, 0) for r in sample.records if r.topic == "search-events"]
    assert {search.query_id: {result.object_id for result in search.results} for search in searches} == shown
    assert sum(len(search.results) for search in searches) == 1999
    for search in searches:
        assert all(result.position == positions[search.query_id, result.object_id] for result in search.results)
        assert (search.model.name, search.model.version, search.latency_ms) == ("ubi", "unknown", None)


def test_actions_of_the_sample_become_clicks_as_an_independent_count_says(
    sample: UbiLog, documents: list[dict[str, Any]]
) -> None:
    names = {
        "click": "click",
        "item_click": "click",
        "global_click": "click",
        "add_to_cart": "add_to_cart",
        "purchase": "purchase",
    }
    counted = Counter(names[d["action_name"]] for d in documents if d.get("action_name") in names)
    clicks = [decode_click(r.value or b"", None, 0) for r in sample.records if r.topic == "click-events"]
    assert Counter(click.action_name for click in clicks) == counted
    assert counted == {"click": 359, "add_to_cart": 234, "purchase": 6}


def test_every_line_of_the_sample_is_accounted_for(sample: UbiLog, documents: list[dict[str, Any]]) -> None:
    lines = gzip.decompress(SAMPLE_LOG.read_bytes()).splitlines()
    assert sample.lines.total() + sample.dropped.total() == len(lines) == 7842
    unused = Counter(
        d["action_name"]
        for d in documents
        if d.get("action_name")
        not in {None, "impression", "click", "item_click", "global_click", "add_to_cart", "purchase"}
    )
    assert sample.dropped == {f"action not used: {name}": count for name, count in unused.items()}
    ids = {d["query_id"] for d in documents if d.get("action_name") in {None, "impression"}}
    assert sample.queries.total() == len(ids)


def test_a_converted_log_is_in_order_of_time_and_a_search_begins_with_its_first_sign(
    sample: UbiLog, documents: list[dict[str, Any]]
) -> None:
    times = [record.time_ms or 0 for record in sample.records]
    assert times == sorted(times)
    first: dict[str, datetime] = {}
    for document in documents:
        if document.get("action_name") in {None, "impression"}:
            time = datetime.fromisoformat(document["timestamp"])
            first[document["query_id"]] = min(time, first.get(document["query_id"], time))
    for record in sample.records:
        if record.topic == "search-events":
            assert record.time_ms == round(first[(record.key or b"").decode()].timestamp() * 1000)


def test_a_log_without_index_lines_reads_the_same(sample: UbiLog, tmp_path: Path) -> None:
    text = gzip.decompress(SAMPLE_LOG.read_bytes())
    plain = tmp_path / "plain.ndjson"
    plain.write_bytes(b"\n".join(line for line in text.splitlines() if not line.startswith(b'{"index"')))
    assert read_ubi([plain]).records == sample.records


def test_the_title_is_the_description_of_the_object_and_the_text_that_of_the_query(tmp_path: Path) -> None:
    impression = _event("impression", "B1", 0, user_query="ps")
    impression["event_attributes"]["object"]["description"] = "a console"
    search = decode_search(read_ubi(_write(tmp_path, impression, _query())).records[0].value or b"", None, 0)
    assert (search.results[0].title, search.user_query) == ("a console", "ps4")


@pytest.mark.parametrize(
    ("query", "outcome"),
    [
        ({"query_response_hit_ids": []}, "search with zero results"),
        ({"query_response_hit_ids": [], "query": '{"size":0,"x":1}'}, "no search: asked for no results (size 0)"),
        ({"query_response_hit_ids": [], "query": '{"size":20}'}, "search with zero results"),
        ({"query_response_hit_ids": ["B1"]}, "no search: the results were never shown"),
        ({"query_response_hit_ids": 0}, "no search: nothing shown, response not logged"),
        ({"query_response_hit_ids": ""}, "no search: nothing shown, response not logged"),
        ({"query_response_hit_ids": {}}, "no search: nothing shown, response not logged"),
        ({"query_response_hit_ids": None}, "no search: nothing shown, response not logged"),
        ({}, "no search: nothing shown, response not logged"),
    ],
)
def test_a_query_without_impressions_is_a_search_only_if_it_found_nothing(
    tmp_path: Path, query: dict[str, Any], outcome: str
) -> None:
    log = read_ubi(_write(tmp_path, _query(**query)))
    assert log.queries == {outcome: 1}
    assert len(log.records) == (outcome == "search with zero results")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "line is not JSON"),
        ("[1]", "line is no JSON object"),
        (_event("click", "B1", query_id=None), "no query_id"),
        (_event("click", "B1", client_id=""), "no client_id"),
        (_event("click", "B1", application=3), "no application"),
        (_event("click"), "click without object_id"),
        (_event("click", event_attributes="x"), "click without object_id"),
        (_event("impression", "B1"), "impression without position"),
        (_event("impression", "B1", -1), "impression without position"),
        (
            _event("click", "B1", timestamp="2018-11-13T20:20:39"),
            "timestamp is not a time with an offset, 2000 to 2089",
        ),
        (_event("click", "B1", timestamp=17), "timestamp is not a time with an offset, 2000 to 2089"),
        (_event("click", "B1", timestamp=1e300), "timestamp is not a time with an offset, 2000 to 2089"),
        (_event("scroll", "B1"), "action not used: scroll"),
        (_event("x", action_name=["click"]), "action_name is no text"),
    ],
)
def test_a_line_that_cannot_be_used_is_counted_by_its_reason(tmp_path: Path, line: Any, reason: str) -> None:
    log = read_ubi(_write(tmp_path, _event("impression", "B1", 0), line))
    assert log.dropped == {reason: 1}
    assert len(log.records) == 1


@pytest.mark.parametrize(
    ("timestamp", "time_ms"),
    [
        ("1795428000000.99999999", 1_795_428_000_000),
        ("1.7954280001239999E+12", 1_795_428_000_123),
        ("3786911999999.99999999", 3_786_911_999_999),
        ("946684799999.99999999", None),
        ("1e-99999999999999999999", None),
        ("true", None),
    ],
)
def test_epoch_milliseconds_are_cut_to_the_millisecond(tmp_path: Path, timestamp: str, time_ms: int | None) -> None:
    line = json.dumps(_event("click", "B1", timestamp=0)).replace('"timestamp": 0', f'"timestamp": {timestamp}')
    records = read_ubi(_write(tmp_path, line)).records
    assert [record.time_ms for record in records] == ([] if time_ms is None else [time_ms])


def test_numbers_among_the_attributes_of_a_query_stay_numbers(tmp_path: Path) -> None:
    query = _query(query_response_hit_ids=[], query_attributes={"radius": 1.5}, timestamp=1795428000000.5)
    search = decode_search(read_ubi(_write(tmp_path, query)).records[0].value or b"", None, 0)
    assert search.query_attributes == {"radius": 1.5}


@pytest.mark.parametrize("ordinal", [0, 2.0, 2**53, 2**64, 10**30])
def test_a_position_may_be_any_whole_number_as_in_the_contract(tmp_path: Path, ordinal: float) -> None:
    log = read_ubi(_write(tmp_path, _event("impression", "B1", ordinal), _event("click", "B1", ordinal)))
    search, click = (record.value or b"" for record in log.records)
    assert decode_search(search, None, 0).results[0].position == int(ordinal) + 1
    assert decode_click(click, None, 0).position == int(ordinal) + 1


def test_a_search_and_its_click_keep_all_that_the_log_says_of_them(tmp_path: Path) -> None:
    attributes = {"device": "mobile", "locale": "zh-CN"}
    log = read_ubi(
        _write(
            tmp_path,
            _query(query_attributes=attributes),
            _event("impression", "B1", 4, session_id="s-9"),
            _event("add_to_cart", "B1", 4),
        )
    )
    search, action = (record.value or b"" for record in log.records)
    found = decode_search(search, None, 0)
    assert (found.query_id, found.application, found.surface, found.client_id) == ("q", "shop", "search", "c")
    assert (found.session_id, found.query_attributes) == ("s-9", attributes)
    acted = decode_click(action, None, 0)
    assert (acted.query_id, acted.client_id, acted.object_id, acted.position) == ("q", "c", "B1", 5)
    assert acted.action_name == "add_to_cart"


@pytest.mark.parametrize("turn", [1, -1])
def test_of_equal_times_the_search_goes_before_its_click(tmp_path: Path, turn: int) -> None:
    log = read_ubi(_write(tmp_path, *[_event("click", "B1", 0), _event("impression", "B1", 0)][::turn]))
    assert [record.topic for record in log.records] == ["search-events", "click-events"]


@pytest.mark.parametrize("line", [{"index": {"_index": "ubi_events"}}, {"create": {}}])
def test_the_lines_between_documents_of_a_bulk_file_are_known(tmp_path: Path, line: dict[str, Any]) -> None:
    log = read_ubi(_write(tmp_path, line, _event("click", "B1")))
    assert (log.lines, log.dropped) == ({"bulk index line": 1, "click": 1}, {})


def test_an_item_seen_twice_on_a_page_counts_once_at_its_first_position(tmp_path: Path) -> None:
    log = read_ubi(
        _write(tmp_path, _event("impression", "B1", 2), _event("impression", "B1", 0), _event("impression", "B2", 1))
    )
    search = decode_search(log.records[0].value or b"", None, 0)
    assert [(result.object_id, result.position) for result in search.results] == [("B2", 2), ("B1", 3)]
    assert log.dropped == {"impression seen before on its page": 1}
