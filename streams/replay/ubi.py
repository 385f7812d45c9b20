"""A User Behavior Insights log as searches and clicks.

UBI 1.3.0 has queries (what was asked, and the ids that the engine returned) and events (what people saw and did).
A search is what people saw, so:

- the impressions with one query_id become one search; its time is the first sign of it, its text the query document's;
- the ids that the engine returned (`query_response_hit_ids`) are not impressions: many were never on a screen, and a
  CTR over them would be of something else. A query without impressions becomes a search only if each of its responses
  is empty and none had asked for nothing (`"size":0`, as facet requests do): then it is a search with zero results;
- `click`, `item_click` and `global_click` become clicks; `add_to_cart` and `purchase` stay what they are;
- positions count from 0 there and from 1 here; latency is not in UBI; the model is `ubi`, version `unknown`.

Everything else is counted by its reason. The log is read whole before the first record is known, since a query's
impressions may lie far apart, and comes out in order of time. `merge.place_sorted` says which times are plausible: a
click dated 2050 is sent, for the pipeline to judge, and ends nothing.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal, InvalidOperation
from itertools import chain
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from schemas.encode import encode_click, encode_search
from schemas.events import ClickEvent, ModelRef, Result, SearchEvent
from schemas.json_text import number_text
from schemas.timestamps import END_MS, FIRST_MS
from schemas.topics import CLICK_EVENTS, SEARCH_EVENTS
from streams.replay.lines import read_lines
from streams.replay.records import Record

ACTIONS: Final = {
    "click": "click",
    "item_click": "click",
    "global_click": "click",
    "add_to_cart": "add_to_cart",
    "purchase": "purchase",
}
"""UBI's names of actions that we use, and ours."""
SAMPLE_LOG: Final = Path(__file__).parents[1] / "shop" / "data" / "ubi" / "ubi_queries_events.ndjson.gz"
"""A real log that comes with matchwatch."""
UBI_MODEL: Final = ModelRef(name="ubi", version="unknown")
"""UBI does not say which model ranked."""

_WITH_RESULTS: Final = "search with results"
_ZERO_RESULTS: Final = "search with zero results"
_BULK_LINES: Final = frozenset({"index", "create"})
_NO_HITS_WANTED: Final = re.compile(r'"size"\s*:\s*0\b')


class UbiLog(NamedTuple):
    """A converted log: records in order of time, and what became of the lines."""

    records: list[Record]
    lines: Counter[str]
    """Lines that were used, by what they are."""
    dropped: Counter[str]
    """Lines that were not used, by reason; with `lines` these are all lines that are not empty."""
    queries: Counter[str]
    """What became of each query_id that has a query or an impression."""


class _Query(NamedTuple):
    """All that is known of one query_id."""

    documents: list[dict[str, Any]]
    impressions: dict[str, dict[str, Any]]
    """By object_id, the first of each."""


def read_ubi(paths: Iterable[Path]) -> UbiLog:
    """Convert UBI logs, OpenSearch bulk NDJSON or plain NDJSON, gzip or not."""
    queries: dict[str, _Query] = {}
    records: list[Record] = []
    lines: Counter[str] = Counter()
    dropped: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    for document in _documents(paths, lines, dropped):
        reason = _why_unusable(document)
        if reason is not None:
            dropped[reason] += 1
            continue
        action = document.get("action_name")
        query = queries.get(document["query_id"], _Query([], {}))
        if action is None:
            query.documents.append(document)
        elif action != "impression":
            records.append(_click(document))
        elif query.impressions.setdefault(_object_id(document) or "", document) is not document:
            dropped["impression seen before on its page"] += 1
            continue
        if action in {None, "impression"}:
            queries[document["query_id"]] = query
        lines["query" if action is None else action] += 1
    for query_id, query in queries.items():
        outcome = _outcome(query)
        outcomes[outcome] += 1
        if outcome in {_WITH_RESULTS, _ZERO_RESULTS}:
            records.append(_search(query_id, query))
    # Stable: of equal times the search, which sorts before, goes first.
    records.sort(key=lambda record: (record.time_ms or 0, record.topic == CLICK_EVENTS.name))
    return UbiLog(records, lines, dropped, outcomes)


def _documents(paths: Iterable[Path], lines: Counter[str], dropped: Counter[str]) -> Iterator[dict[str, Any]]:
    for line in chain.from_iterable(map(read_lines, paths)):
        if not line.strip():
            continue
        try:
            document = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            dropped["line is not JSON"] += 1
            continue
        if not isinstance(document, dict):
            dropped["line is no JSON object"] += 1
        elif len(document) == 1 and next(iter(document)) in _BULK_LINES:
            lines["bulk index line"] += 1
        else:
            if isinstance(document.get("timestamp"), float):
                document["timestamp"] = _exact_number(line, "timestamp")
            yield document


def _exact_number(line: bytes, name: str) -> Decimal | None:
    """Read a number as it is written: as a `float` it may have been rounded up to the next millisecond."""
    try:
        return Decimal(number_text(line, name))
    except InvalidOperation:  # an exponent of twenty digits
        return None


def _why_unusable(document: dict[str, Any]) -> str | None:
    action = document.get("action_name")
    if not isinstance(action, str | None):
        return "action_name is no text"
    if action is not None and action != "impression" and action not in ACTIONS:
        return f"action not used: {action[:60]}"
    for name in ("query_id", "client_id", "application"):
        value = document.get(name)
        if not isinstance(value, str) or not value:
            return f"no {name}"
    reason = None
    if _time_ms(document) is None:
        reason = "timestamp is not a time with an offset, 2000 to 2089"
    elif action is not None and _object_id(document) is None:
        reason = f"{action} without object_id"
    elif action == "impression" and _position(document) is None:
        reason = "impression without position"
    return reason


def _time_ms(document: dict[str, Any]) -> int | None:
    """Read a UBI timestamp: ISO 8601 with an offset (also `+0000`, as OpenSearch writes it) or epoch milliseconds."""
    value = document.get("timestamp")
    if isinstance(value, str):
        try:
            time = datetime.fromisoformat(value)
        except ValueError:
            return None
        if time.tzinfo is None:
            return None
        found = int(time.replace(microsecond=0).timestamp()) * 1000 + time.microsecond // 1000
    elif isinstance(value, int | Decimal) and not isinstance(value, bool):
        found = int(value)
    else:
        return None
    return found if FIRST_MS <= found < END_MS else None


def _part(document: dict[str, Any], group: str, name: str) -> Any:
    attributes = document.get("event_attributes")
    inner = attributes.get(group) if isinstance(attributes, dict) else None
    return inner.get(name) if isinstance(inner, dict) else None


def _object_id(document: dict[str, Any]) -> str | None:
    value = _part(document, "object", "object_id")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value else None


def _position(document: dict[str, Any]) -> int | None:
    ordinal = _part(document, "position", "ordinal")
    # 2.0 is the whole number 2, in the contract too, and there is no largest.
    whole = isinstance(ordinal, int) or (isinstance(ordinal, float) and ordinal.is_integer())
    return int(ordinal) + 1 if whole and not isinstance(ordinal, bool) and ordinal >= 0 else None


def _click(document: dict[str, Any]) -> Record:
    time_ms = _time_ms(document) or 0
    event = ClickEvent(
        query_id=document["query_id"],
        time_ms=time_ms,
        action_name=ACTIONS[document["action_name"]],
        client_id=document["client_id"],
        object_id=_object_id(document) or "",
        position=_position(document),
    )
    return Record(CLICK_EVENTS.name, event.query_id.encode(), encode_click(event), time_ms)


def _outcome(query: _Query) -> str:
    if query.impressions:
        return _WITH_RESULTS
    responses = [document.get("query_response_hit_ids") for document in query.documents]
    if not all(isinstance(response, list) for response in responses):
        return "no search: nothing shown, response not logged"
    if any(responses):
        return "no search: the results were never shown"
    if any(_NO_HITS_WANTED.search(str(document.get("query", ""))) for document in query.documents):
        return "no search: asked for no results (size 0)"
    return _ZERO_RESULTS


def _search(query_id: str, query: _Query) -> Record:
    everything = [*query.documents, *query.impressions.values()]
    time_ms = min(_time_ms(document) or END_MS for document in everything)
    first = everything[0]
    texts = [text for document in everything if isinstance(text := document.get("user_query"), str)]
    sessions = [text for document in everything if isinstance(text := document.get("session_id"), str)]
    attributes = [found for document in query.documents if isinstance(found := document.get("query_attributes"), dict)]
    results = [_result(object_id, impression) for object_id, impression in query.impressions.items()]
    event = SearchEvent(
        query_id=query_id,
        time_ms=time_ms,
        application=first["application"],
        surface="search",
        client_id=first["client_id"],
        session_id=sessions[0] if sessions else None,
        user_query=texts[0] if texts else "",
        query_attributes=attributes[0] if attributes else {},
        model=UBI_MODEL,
        latency_ms=None,
        results=sorted(results, key=lambda result: result.position),
    )
    return Record(SEARCH_EVENTS.name, query_id.encode(), encode_search(event), time_ms)


def _result(object_id: str, impression: dict[str, Any]) -> Result:
    title = _part(impression, "object", "description")
    return Result(
        object_id=object_id,
        position=_position(impression) or 1,
        title=title if isinstance(title, str) and title else None,
    )
