"""Kinds of dirt that change one line in place: most make it invalid, some are odd but valid.

Each kind takes a seeded generator and the event as a dictionary that is its own to change, and gives the new line.
The names of invalid kinds say what is broken; those in `VALID` keep every number as it was, unless the name says else.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from typing import Any

Event = dict[str, Any]
Kind = Callable[[Random, Event], bytes]

SEARCH_REQUIRED = (
    "query_id",
    "application",
    "client_id",
    "surface",
    "user_query",
    "query_attributes",
    "model",
    "latency_ms",
    "results",
    "timestamp",
)
CLICK_REQUIRED = ("query_id", "object_id", "action_name", "client_id", "timestamp")


def line(event: Any) -> bytes:
    """Write an event as one line of JSON."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def time_of(event: Event) -> datetime:
    """Read the timestamp of a clean event."""
    return datetime.fromisoformat(event["timestamp"])


def stamp(time: datetime) -> str:
    """Write a time with milliseconds, in UTC."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}Z"


def with_raw(event: Event, raw: str) -> bytes:
    """Add raw text as the first field: for what `json` would not write."""
    return b"{" + raw.encode("utf-8", "surrogatepass") + b"," + line(event)[1:]


def setting(**changes: Any) -> Kind:
    """Make a kind that sets fields."""
    return lambda _, event: line({**event, **changes})


def adding(raw: str) -> Kind:
    """Make a kind that adds raw text in front of the fields."""
    return lambda _, event: with_raw(event, raw)


def at(form: str) -> Kind:
    """Make a kind that writes the same time in another form (strftime)."""
    return lambda _, event: line({**event, "timestamp": time_of(event).astimezone(UTC).strftime(form)})


def _without_one_of(names: tuple[str, ...]) -> Kind:
    def drop(rng: Random, event: Event) -> bytes:
        del event[rng.choice(names)]
        return line(event)

    return drop


def _null_in_one_of(names: tuple[str, ...]) -> Kind:
    return lambda rng, event: line({**event, rng.choice([name for name in names if name != "latency_ms"]): None})


def _wrong_type(rng: Random, event: Event) -> bytes:
    wrong = {"query_id": 17, "client_id": ["c"], "timestamp": True, "object_id": {}, "action_name": 1, "position": "1"}
    wrong |= {"application": False, "surface": 3, "user_query": 4, "query_attributes": "{}", "model": "shop-rank"}
    wrong |= {"latency_ms": "41.7", "results": {}, "session_id": 9}
    name = rng.choice([name for name in wrong if name in event])
    return line({**event, name: wrong[name]})


def _cut_short(rng: Random, event: Event) -> bytes:
    whole = line(event)
    return whole[: rng.randrange(1, len(whole))].rstrip() or b"{"


def _not_an_object(rng: Random, event: Event) -> bytes:
    return rng.choice([line([event]), b"17", b'"text"', b"null", b"true", b"[]", b"hello, world", b"<event/>"])


def _bad_utf8(rng: Random, event: Event) -> bytes:
    bad = rng.choice([b"\xff", b"\xc0\xaf", b"\xed\xa0\xbd", b"\xe4\xbd", b"\xf5\x80\x80\x80"])
    return b'{"note":"' + bad + b'",' + line(event)[1:]


def _deep(levels: int) -> Kind:
    return adding('"note":' + "[" * levels + "]" * levels)


def _oversized(rng: Random, event: Event) -> bytes:
    return line({**event, "note": "x" * ((1 << 20) + rng.randrange(1, 1000))})


def _epoch_ms(_: Random, event: Event) -> bytes:
    milliseconds = (time_of(event) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    return line({**event, "timestamp": milliseconds})


def _epoch_ms_with_fraction(_: Random, event: Event) -> bytes:
    milliseconds = (time_of(event) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    return line({**event, "timestamp": milliseconds + 0.75})


def _other_offset(rng: Random, event: Event) -> bytes:
    zone = timezone(rng.choice([1, -1]) * timedelta(hours=rng.randrange(1, 13), minutes=rng.choice([0, 30, 45])))
    return line({**event, "timestamp": time_of(event).astimezone(zone).isoformat(timespec="milliseconds")})


def _nanoseconds(_: Random, event: Event) -> bytes:
    return line({**event, "timestamp": stamp(time_of(event))[:-1] + "999999Z"})


def _last_of_repeated_fields(rng: Random, event: Event) -> bytes:
    first = rng.choice(
        ['"query_id":"another"', '"query_id":17', '"timestamp":"2099-01-01T00:00:00Z"', '"client_id":""']
    )
    return with_raw(event, first)


def _escaped(_: Random, event: Event) -> bytes:
    return json.dumps(event, ensure_ascii=True).encode()


def _in_one_result(**change: Any) -> Kind:
    def break_one(rng: Random, event: Event) -> bytes:
        event["results"] = event["results"] or [{"object_id": "sku-1", "position": 1}]
        rng.choice(event["results"]).update(change)
        return line(event)

    return break_one


def _result_without(name: str) -> Kind:
    def drop(rng: Random, event: Event) -> bytes:
        event["results"] = event["results"] or [{"object_id": "sku-1", "position": 1}]
        del rng.choice(event["results"])[name]
        return line(event)

    return drop


def _item_shown_twice(rng: Random, event: Event) -> bytes:
    if event["results"]:
        again = {**rng.choice(event["results"]), "position": rng.randrange(1, 40)}
        event["results"].insert(rng.randrange(len(event["results"]) + 1), again)
    return line(event)


def _page_out_of_order(rng: Random, event: Event) -> bytes:
    rng.shuffle(event["results"])
    return line(event)


def _equal_positions(_: Random, event: Event) -> bytes:
    for result in event["results"]:
        result["position"] = (result["position"] + 1) // 2
    return line(event)


INVALID_ANYWHERE: dict[str, Kind] = {
    "cut short": _cut_short,
    "text after the object": lambda _, event: line(event) + b"}",
    "two objects": lambda _, event: line(event) + line(event),
    "single quotes": lambda _, event: line(event).replace(b'"', b"'"),
    "trailing comma": lambda _, event: line(event)[:-1] + b",}",
    "comment": lambda _, event: line(event) + b" // sent twice",
    "not an object": _not_an_object,
    "empty line": lambda _, __: b"",
    "blank line": lambda _, __: b"  \t ",
    "wrong type": _wrong_type,
    "NaN in an unknown field": adding('"note":NaN'),
    "infinity in an unknown field": adding('"note":[-Infinity]'),
    "1e999 in an unknown field": adding('"note":{"value":1e999}'),
    "leading zero": adding('"note":007'),
    "hexadecimal number": adding('"note":0x1F'),
    "bad escape": adding(r'"note":"\x41"'),
    "bad UTF-8": _bad_utf8,
    "lone surrogate in an unknown field": adding(r'"note":"\ud83d and more"'),
    "lone surrogate in a field name": adding(r'"\ude00":1'),
    "control character": adding('"note":"a\x01b"'),
    "tab in a string": adding('"note":"a\tb"'),
    "NUL byte": adding('"note":"a\0b"'),
    "byte order mark": lambda _, event: b"\xef\xbb\xbf" + line(event),
    "UTF-16": lambda _, event: line(event).decode().encode("utf-16-be").replace(b"\n", b""),
    "nested 600 deep": _deep(600),
    "never closed, 5000 deep": lambda _, event: line(event)[:-1] + b',"note":' + b"[" * 5000,
    "oversized": _oversized,
    "empty query id": setting(query_id=""),
    "empty client id": setting(client_id=""),
    "time of 1970": setting(timestamp="1970-01-01T00:00:00Z"),
    "time of 1999": setting(timestamp="1999-12-31T23:59:59.999Z"),
    "time of 2099": setting(timestamp="2099-12-31T23:59:59Z"),
    "time of 2090": setting(timestamp="2090-01-01T00:00:00.000Z"),
    "time as epoch seconds": lambda _, event: line({**event, "timestamp": int(time_of(event).timestamp())}),
    "time as digits in a string": lambda _, event: line({**event, "timestamp": str(int(time_of(event).timestamp()))}),
    "time without offset": at("%Y-%m-%dT%H:%M:%S"),
    "time with a space": at("%Y-%m-%d %H:%M:%SZ"),
    "time with second 60": at("%Y-%m-%dT%H:%M:60Z"),
    "time with hour 24": at("%Y-%m-%dT24:00:00Z"),
    "time of 30 February": at("%Y-02-30T%H:%M:%SZ"),
    "time without seconds": at("%Y-%m-%dT%H:%MZ"),
    "time in basic format": at("%Y%m%dT%H%M%SZ"),
    "time is a date": at("%Y-%m-%d"),
    "time with an empty fraction": at("%Y-%m-%dT%H:%M:%S.Z"),
    "time with a comma": at("%Y-%m-%dT%H:%M:%S,5Z"),
    "time with blanks around": at(" %Y-%m-%dT%H:%M:%SZ"),
    "time with offset 24:00": at("%Y-%m-%dT%H:%M:%S+24:00"),
    "time with a short offset": at("%Y-%m-%dT%H:%M:%S+0000"),
    "time is NaN": lambda _, event: with_raw({k: v for k, v in event.items() if k != "timestamp"}, '"timestamp":NaN'),
    "time is 1e999": lambda _, event: with_raw(
        {k: v for k, v in event.items() if k != "timestamp"}, '"timestamp":1e999'
    ),
    "time is negative": setting(timestamp=-1),
}
INVALID_SEARCH: dict[str, Kind] = {
    "search: missing field": _without_one_of(SEARCH_REQUIRED),
    "search: null in a required field": _null_in_one_of(SEARCH_REQUIRED),
    "search: empty application": setting(application=""),
    "search: unknown surface": setting(surface="homepage"),
    "search: empty model name": setting(model={"name": "", "version": "3"}),
    "search: empty model version": setting(model={"name": "shop-rank", "version": ""}),
    "search: model version is a number": setting(model={"name": "shop-rank", "version": 3}),
    "search: model without version": setting(model={"name": "shop-rank"}),
    "search: negative latency": setting(latency_ms=-0.5),
    "search: latency NaN": lambda _, event: with_raw(
        {name: value for name, value in event.items() if name != "latency_ms"}, '"latency_ms":NaN'
    ),
    "search: latency 1e999": lambda _, event: with_raw(
        {name: value for name, value in event.items() if name != "latency_ms"}, '"latency_ms":1e999'
    ),
    "search: 1e999 in query_attributes": lambda _, event: with_raw(
        {name: value for name, value in event.items() if name != "query_attributes"},
        '"query_attributes":{"device":-1e999}',
    ),
    "search: lone surrogate in the query": lambda _, event: with_raw(
        {name: value for name, value in event.items() if name != "user_query"}, r'"user_query":"\udc00"'
    ),
    "search: result is null": lambda _, event: line({**event, "results": [*event["results"], None]}),
    "search: position 0": _in_one_result(position=0),
    "search: position negative": _in_one_result(position=-3),
    "search: position 1.5": _in_one_result(position=1.5),
    "search: position in a string": _in_one_result(position="2"),
    "search: position true": _in_one_result(position=True),
    "search: position null": _in_one_result(position=None),
    "search: result without position": _result_without("position"),
    "search: result without object id": _result_without("object_id"),
    "search: empty object id": _in_one_result(object_id=""),
    "search: object id is a number": _in_one_result(object_id=17),
    "search: title is a number": _in_one_result(title=17),
    "search: price in a string": _in_one_result(price="299.0"),
}
INVALID_CLICK: dict[str, Kind] = {
    "click: missing field": _without_one_of(CLICK_REQUIRED),
    "click: null in a required field": _null_in_one_of(CLICK_REQUIRED),
    "click: empty object id": setting(object_id=""),
    "click: position 0": setting(position=0),
    "click: position negative": setting(position=-1),
    "click: position 2.5": setting(position=2.5),
    "click: position in a string": setting(position="2"),
}
VALID_ANYWHERE: dict[str, Kind] = {
    "time as epoch milliseconds": _epoch_ms,
    "time as epoch milliseconds with a fraction": _epoch_ms_with_fraction,
    "time with another offset": _other_offset,
    "time with nanoseconds": _nanoseconds,
    "time in lower case": lambda _, event: line({**event, "timestamp": stamp(time_of(event)).lower()}),
    "time with offset -00:00": lambda _, event: line({**event, "timestamp": stamp(time_of(event))[:-1] + "-00:00"}),
    "last of repeated fields": _last_of_repeated_fields,
    "unknown fields": lambda rng, event: line({**event, "note": {"a": [1, {"b": None}], "c": "✓"}, "x": rng.random()}),
    "escaped throughout": _escaped,
    "escaped surrogate pair": adding(r'"note":"\ud83d\ude00"'),
    "blanks around and inside": lambda _, event: b" \t" + json.dumps(event, ensure_ascii=False).encode() + b" \r",
    "nested 400 deep": _deep(400),
    "brackets in a string": lambda _, event: line({**event, "note": "[{" * 700}),
    "escaped NUL in an unknown field": adding(r'"note":"\u0000"'),
}
VALID_SEARCH: dict[str, Kind] = {
    "search: latency null": setting(latency_ms=None),
    "search: latency whole number": setting(latency_ms=40),
    "search: latency zero": setting(latency_ms=0),
    "search: session null": setting(session_id=None),
    "search: empty query": setting(user_query=""),
    "search: escaped NUL in the query": setting(user_query="a\0b"),
    "search: no results": setting(results=[]),
    "search: result fields null": _in_one_result(title=None, category=None, price=None),
    "search: item shown twice": _item_shown_twice,
    "search: page out of order": _page_out_of_order,
    "search: equal positions": _equal_positions,
    "search: position of a million": _in_one_result(position=1_000_000),
    "search: odd query attributes": setting(query_attributes={"device": 7, "locale": None, "deep": {"a": [1, 2]}}),
}
VALID_CLICK: dict[str, Kind] = {
    "click: position null": setting(position=None),
    "click: position elsewhere": setting(position=999),
    "click: unknown action": setting(action_name="hover"),
    "click: action in capitals": setting(action_name="CLICK"),
    "click: UBI's name of a click": setting(action_name="item_click"),
    "click: purchase": setting(action_name="purchase"),
    "click: on an unknown search": lambda rng, event: line({**event, "query_id": f"nowhere-{rng.randrange(10**9)}"}),
    "click: on an item not shown": setting(object_id="never-shown"),
}
INVALID_ITEM: dict[str, Kind] = {
    "item: object id missing": _without_one_of(("object_id",)),
    "item: empty object id": setting(object_id=""),
    "item: title is a number": setting(title=17),
    "item: price in a string": setting(price="9"),
    "item: attributes is a list": setting(attributes=[]),
    "item: cut short": _cut_short,
    "item: not an object": _not_an_object,
    "item: bad UTF-8": _bad_utf8,
    "item: NaN": adding('"note":NaN'),
    "item: empty line": lambda _, __: b"",
}
