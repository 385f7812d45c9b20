"""The grammar of times: what is a time, which millisecond it is, and what is none."""

import calendar
import json
import re
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from schemas.decode import decode_click
from schemas.errors import BadRecord
from schemas.timestamps import END_MS, FIRST_MS, format_timestamp, timestamp_ms
from tests.unit.schemas.contract_examples import CLICK, raw_field

TEN = 1_795_428_000_000


def decoded(literal: str) -> int:
    return decode_click(raw_field(CLICK, "timestamp", literal), None, 300).time_ms


def test_the_bounds_are_the_first_instants_of_2000_and_2090() -> None:
    assert calendar.timegm((2000, 1, 1, 0, 0, 0)) * 1000 == FIRST_MS
    assert calendar.timegm((2090, 1, 1, 0, 0, 0)) * 1000 == END_MS


@pytest.mark.parametrize(
    ("literal", "expected"),
    [
        ('"2026-11-23T10:00:00Z"', TEN),
        ('"2026-11-23t10:00:00z"', TEN),
        ('"2026-11-23T10:00:00.1Z"', TEN + 100),
        ('"2026-11-23T10:00:00.1239999999999999999999Z"', TEN + 123),
        ('"2026-11-23T10:00:00.9999999Z"', TEN + 999),
        ('"2026-11-23T18:00:00+08:00"', TEN),
        ('"2026-11-23T04:30:00-05:30"', TEN),
        ('"2026-11-23T10:00:00-00:00"', TEN),
        ('"2026-11-24T09:59:00+23:59"', TEN),
        ('"2026-11-23T10:00:00\\u005a"', TEN),
        ('"2024-02-29T00:00:00Z"', 1_709_164_800_000),
        ('"1999-12-31T23:30:00-01:00"', FIRST_MS + 1_800_000),
        ('"2000-01-01T00:00:00Z"', FIRST_MS),
        ('"2089-12-31T23:59:59.999Z"', END_MS - 1),
        ('"2090-01-01T00:30:00+01:00"', END_MS - 1_800_000),
        ("1795428000000", TEN),
        ("1795428000000.0", TEN),
        ("1.795428e12", TEN),
        ("1.7954280001239999E+12", TEN + 123),
        ("1795428000123.9999", TEN + 123),
        ("1795428000123.99999999999999", TEN + 123),
        ("3786911999999.99999999999999", END_MS - 1),
        ("946684800000", FIRST_MS),
    ],
)
def test_a_time_is_cut_to_its_millisecond(literal: str, expected: int) -> None:
    assert decoded(literal) == expected


@pytest.mark.parametrize(
    ("literal", "reason"),
    [
        *[
            (json.dumps(text), "bad_timestamp")
            for text in (
                "2026-11-23T10:00:00",
                "2026-11-23 10:00:00Z",
                "2026-11-23T10:00:60Z",
                "2026-12-31T23:59:60Z",
                "2026-11-23T24:00:00Z",
                "2026-11-23T10:60:00Z",
                "2026-11-23T10:00Z",
                "2026-11-23T10:00:00.Z",
                "2026-11-23T10:00:00,5Z",
                "2026-11-23T10:00:00+0800",
                "2026-11-23T10:00:00+08",
                "2026-11-23T10:00:00+24:00",
                "2026-11-23T10:00:00+08:60",
                "2026-11-23T10:00:00\N{MINUS SIGN}08:00",
                "2026-11-23T10:00:00ZZ",
                "2026-11-23T10:00:00Z\n",
                " 2026-11-23T10:00:00Z",
                "2026-11-23T10:00:00Z ",
                "2026-11-23",
                "20261123T100000Z",
                "2026-W48-1T10:00:00Z",
                "2026-02-29T10:00:00Z",
                "2026-00-10T10:00:00Z",
                "2026-13-10T10:00:00Z",
                "2026-11-00T10:00:00Z",
                "2026-11-31T10:00:00Z",
                "0000-01-01T00:00:00Z",
                "+2026-11-23T10:00:00Z",
                "02026-11-23T10:00:00Z",
                "26-11-23T10:00:00Z",
                "２０２６-11-23T10:00:00Z",
                "2026-11-23T10:00:0٣Z",
                "1795428000000",
                "1795428000000.5",
                "now",
                "",
            )
        ],
        ("true", "bad_timestamp"),
        ("false", "bad_timestamp"),
        ("null", "bad_timestamp"),
        ("[1795428000000]", "bad_timestamp"),
        ('"1999-12-31T23:59:59.999Z"', "before_2000"),
        ('"2000-01-01T00:00:00+00:01"', "before_2000"),
        ('"0001-01-01T00:00:00+23:59"', "before_2000"),
        ('"2090-01-01T00:00:00Z"', "after_2089"),
        ('"2089-12-31T23:59:59-00:01"', "after_2089"),
        ('"9999-12-31T23:59:59-23:59"', "after_2089"),
        ("946684799999", "before_2000"),
        ("946684799999.99999999999999", "before_2000"),
        ("1795428000", "before_2000"),
        ("0", "before_2000"),
        ("-1795428000000", "before_2000"),
        ("1e-999", "before_2000"),
        ("1e-99999999999999999999", "before_2000"),
        ("3786912000000", "after_2089"),
        ("1e300", "after_2089"),
        ("1" + "0" * 400, "after_2089"),
    ],
)
def test_what_is_no_time_of_an_event_is_refused(literal: str, reason: str) -> None:
    with pytest.raises(BadRecord) as refused:
        decoded(literal)
    assert (refused.value.reason, refused.value.path) == (reason, "$.timestamp")


def test_a_refused_number_is_shown_cut_like_the_times_it_is_compared_with() -> None:
    for literal, shown in (
        ("946684799999.9999999999", "946684799999.999 lies before 2000"),
        ("1" + "9" * 400, "1.99999999999999e+400 lies after 2089"),
        ("5", "5 lies before 2000"),
    ):
        with pytest.raises(BadRecord, match=re.escape(f"$.timestamp: {shown}")):
            decoded(literal)


def test_numbers_and_texts_name_the_same_instants_as_the_standard_library() -> None:
    for time_ms in range(FIRST_MS, END_MS, 86_399_999_983):
        text = datetime.fromtimestamp(time_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{time_ms % 1000:03d}Z"
        assert format_timestamp(time_ms) == text
        assert timestamp_ms(text, "$") == timestamp_ms(time_ms, "$") == timestamp_ms(Decimal(time_ms), "$") == time_ms
