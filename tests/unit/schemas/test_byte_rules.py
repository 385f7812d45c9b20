"""What holds for the bytes of every record before any field is looked at."""

import json
import sys
from collections.abc import Callable

import pytest

from schemas.decode import decode_click, decode_search
from schemas.errors import BadRecord
from schemas.events import ClickEvent
from tests.unit.schemas.contract_examples import CLICK, SEARCH, raw_field

GOOD = json.dumps(CLICK).encode()


def nested(depth: int) -> bytes:
    """A search whose deepest array is on the given level; the record itself is level 1, its attributes level 2."""
    return raw_field(SEARCH, "query_attributes", '{"a":' + "[" * (depth - 2) + "]" * (depth - 2) + "}")


@pytest.mark.parametrize(
    ("raw", "reason", "path"),
    [
        (None, "no_value", "$"),
        (b"", "not_json", "$"),
        (b"\0", "not_json", "$"),
        (b"\0\0\0\0", "not_json", "$"),
        (b"   ", "not_json", "$"),
        (b"null", "not_an_object", "$"),
        (b"[]", "not_an_object", "$"),
        (b'"text"', "not_an_object", "$"),
        (b"17", "not_an_object", "$"),
        (b"\xef\xbb\xbf" + GOOD, "byte_order_mark", "$"),
        (GOOD.decode().encode("utf-16"), "not_utf8", "$"),
        (GOOD[:-1], "not_json", "$"),
        (GOOD + GOOD, "not_json", "$"),
        (GOOD + b"\0", "not_json", "$"),
        (GOOD[:-1] + b",}", "not_json", "$"),
        (b"\x0c" + GOOD, "not_json", "$"),
        (GOOD.replace(b'"', b"'"), "not_json", "$"),
        (b"//\n" + GOOD, "not_json", "$"),
        (raw_field(CLICK, "x", "NaN"), "not_json", "$"),
        (raw_field(CLICK, "x", "Infinity"), "not_json", "$"),
        (raw_field(CLICK, "x", "-Infinity"), "not_json", "$"),
        (raw_field(CLICK, "x", "01"), "not_json", "$"),
        (raw_field(CLICK, "x", "+1"), "not_json", "$"),
        (raw_field(CLICK, "x", "1."), "not_json", "$"),
        (raw_field(CLICK, "x", '"\x01"'), "not_json", "$"),
        (raw_field(CLICK, "x", '"\n"'), "not_json", "$"),
        (raw_field(CLICK, "x", '"\\x41"'), "not_json", "$"),
        (raw_field(CLICK, "x", '"\\ud800"'), "lone_surrogate", "$"),
        (raw_field(CLICK, "x", '"\\udc00"'), "lone_surrogate", "$"),
        (raw_field(CLICK, "x", '"\\ud800\\ud800"'), "lone_surrogate", "$"),
        (raw_field(CLICK, "\\ud800", "1"), "lone_surrogate", "$"),
        (raw_field(CLICK, "action_name", '"\\uD83Dx"'), "lone_surrogate", "$"),
        (raw_field(CLICK, "x", b'"\xff"'), "not_utf8", "$"),
        (raw_field(CLICK, "x", b'"\xc0\x80"'), "not_utf8", "$"),
        (raw_field(CLICK, "x", b'"\xed\xa0\x80"'), "not_utf8", "$"),
        (raw_field(CLICK, "x", b'"\xf4\x90\x80\x80"'), "not_utf8", "$"),
        (raw_field(CLICK, "position", "1e999"), "out_of_range", "$.position"),
        (raw_field(CLICK, "timestamp", "1e999"), "out_of_range", "$.timestamp"),
        (raw_field(CLICK, "x", '{"y":[0,-1e999]}'), "out_of_range", "$.x.y[1]"),
        (raw_field(CLICK, "x", '[1e999,{"a":1e999}]'), "out_of_range", "$.x[0]"),
        (
            raw_field(CLICK, "x", '{"a":[{},[]],"b":{"c":"1e999,[","d\\u0065":-1e999},"e":1e999}'),
            "out_of_range",
            "$.x.b.de",
        ),
        (raw_field(CLICK, "x", "1e999,"), "out_of_range", "$.x"),
        (raw_field(CLICK, "query_id", "[0,1e999]")[:-1] + b',"query_id":"q"}', "out_of_range", "$.query_id[1]"),
        (raw_field(CLICK, "x", "[true,1" + "0" * 5000 + "]"), "out_of_range", "$.x[1]"),
        (b"1e999", "out_of_range", "$"),
        (raw_field(CLICK, "x", "[" * 500 + "]" * 500), "too_deep", "$"),
        (raw_field(CLICK, "x", "[" * 100_000), "too_deep", "$"),
        (raw_field(CLICK, "x", '{"a":' * 100_000), "too_deep", "$"),
    ],
)
def test_bytes_that_are_no_contract_record_are_refused_with_the_reason(
    raw: bytes | None, reason: str, path: str
) -> None:
    with pytest.raises(BadRecord) as refused:
        decode_click(raw, None, 300)
    assert (refused.value.reason, refused.value.path) == (reason, path)


@pytest.mark.parametrize(
    "raw",
    [
        GOOD,
        b" \t\r\n" + GOOD + b" \n",
        b"\0\0\0\0\7" + GOOD,
        b"\0\xff\xff\xff\xff" + GOOD,
        raw_field(CLICK, "action_name", '"\\u0000"'),
        raw_field(CLICK, "action_name", '"\\ud83d\\ude00"'),
        raw_field(CLICK, "action_name", '"\\\\ud800"'),
        raw_field(CLICK, "action_name", '"\x7f\\/"'),
        raw_field(CLICK, "x", "1e-999"),
        raw_field(CLICK, "x", '"[[[["'),
        raw_field(CLICK, "x", json.dumps("[" * 2000)),
        raw_field(CLICK, "x", json.dumps('\\"' + "{" * 2000)),
        raw_field(CLICK, "x", "[" * 499 + "]" * 499),
        raw_field(CLICK, "x", "[" + ",".join(["{}"] * 2000) + "]"),
        GOOD.replace(b"query_id", b"query\\u005fid"),
    ],
)
def test_unusual_bytes_within_the_rules_are_accepted(raw: bytes) -> None:
    assert isinstance(decode_click(raw, None, 300), ClickEvent)


def test_a_record_of_one_mebibyte_is_accepted_and_one_byte_more_is_not() -> None:
    room = 1_048_576 - len(raw_field(CLICK, "x", '""'))
    full = raw_field(CLICK, "x", '"' + "a" * room + '"')
    assert decode_click(b"\0\0\0\0\1" + full, None, 300).query_id == "q-81f3"
    with pytest.raises(BadRecord) as refused:
        decode_click(full + b" ", None, 300)
    assert refused.value.reason == "too_large"


def test_nesting_is_accepted_to_level_500_and_refused_beyond() -> None:
    assert decode_search(nested(500), None, 300).query_id == "q-81f3"
    with pytest.raises(BadRecord) as refused:
        decode_search(nested(501), None, 300)
    assert refused.value.reason == "too_deep"


def test_an_overwritten_field_is_still_held_to_the_rules_of_the_record() -> None:
    twice = nested(501)[:-1] + b',"query_attributes":{}}'
    with pytest.raises(BadRecord) as refused:
        decode_search(twice, None, 300)
    assert refused.value.reason == "too_deep"


def test_the_verdict_does_not_depend_on_how_deep_the_callers_stack_is() -> None:
    def at_depth(levels: int, call: Callable[[], str]) -> str:
        return call() if levels == 0 else at_depth(levels - 1, call)

    frames, frame = 0, sys._getframe()  # noqa: SLF001 - how much of the stack is left
    while frame is not None and (frame := frame.f_back) is not None:
        frames += 1
    levels = sys.getrecursionlimit() - frames - 60
    assert at_depth(levels, lambda: decode_search(nested(500), None, 300).query_id) == "q-81f3"
