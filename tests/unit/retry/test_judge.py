import json
from typing import Any

import msgspec
import pytest

from schemas.dead_letters import MAX_KEPT_BYTES, DeadLetter, Origin, dead_letter
from schemas.errors import BadRecord
from streams.control import ARRIVAL_HEADER, RETRY_HEADER
from streams.retry.judge import Known, Verdict, judge

T0 = 1_795_428_000_000
KNOWN = Known(max_ahead_s=300, now_ms=T0)


def search(**fields: Any) -> bytes:
    event = {
        "query_id": "q-1",
        "timestamp": T0,
        "application": "shop",
        "surface": "search",
        "client_id": "c",
        "user_query": "",
        "query_attributes": {},
        "model": {"name": "rank", "version": "1"},
        "latency_ms": None,
        "results": [],
    }
    return json.dumps({**event, **fields}).encode()


def letter(
    value: bytes | None,
    *,
    topic: str = "search-events",
    reason: str = "wrong_type",
    key: bytes | None = b"q-1",
    arrival: str | None = str(T0),
) -> DeadLetter:
    return dead_letter(BadRecord(reason, "$", "wrong"), Origin(topic, 2, 7), "score", value, key, arrival=arrival)


def test_what_is_valid_by_now_goes_back_as_it_came_with_its_first_arrival() -> None:
    judgement = judge(letter(search()), KNOWN)
    assert judgement.verdict is Verdict.SENT
    assert judgement.back is not None
    assert (judgement.back.value, judgement.back.key, judgement.back.partition) == (search(), b"q-1", None)
    assert judgement.back.headers == [(RETRY_HEADER, b"search-events/2/7"), (ARRIVAL_HEADER, str(T0).encode())]


def test_an_event_dated_ahead_does_not_become_valid_by_lying_around() -> None:
    ahead = letter(search(timestamp=T0 + 301_000), reason="too_far_ahead")
    later = msgspec.structs.replace(KNOWN, now_ms=T0 + 10_000_000)
    assert judge(ahead, later).verdict is Verdict.STILL_INVALID
    assert judge(ahead, later).still == "too_far_ahead"
    assert judge(ahead, msgspec.structs.replace(KNOWN, max_ahead_s=301)).verdict is Verdict.SENT
    assert judge(letter(search(timestamp=T0 + 301_000), arrival="none"), KNOWN).verdict is Verdict.SENT
    of_an_old_program = letter(search(timestamp=T0 + 301_000), arrival=None)
    assert judge(of_an_old_program, KNOWN).verdict is Verdict.STILL_INVALID


def test_a_record_without_a_key_gets_that_of_its_contract() -> None:
    judgement = judge(letter(search(), key=None), KNOWN)
    assert judgement.back is not None
    assert judgement.back.key == b"q-1"


def test_what_would_be_refused_again_stays_unless_forced_and_then_goes_where_it_lay() -> None:
    broken = letter(b"{", reason="not_json", key=None)
    assert judge(broken, KNOWN).verdict is Verdict.STILL_INVALID
    forced = judge(broken, KNOWN, force=True)
    assert forced.verdict is Verdict.SENT
    assert forced.back is not None
    assert (forced.back.key, forced.back.value, forced.back.partition) == (None, b"{", 2)


@pytest.mark.parametrize(
    "cut",
    [
        letter(search(user_query="x" * MAX_KEPT_BYTES), reason="out_of_range"),
        letter(search(), key=b"k" * 10_001),
        msgspec.structs.replace(letter(search()), original_base64="=?"),
    ],
)
def test_half_a_record_is_never_sent(cut: DeadLetter) -> None:
    assert judge(cut, KNOWN, force=True).verdict is Verdict.CUT


def test_nothing_is_written_to_a_topic_that_only_a_letter_names() -> None:
    assert judge(letter(search(), topic="alerts"), KNOWN, force=True).verdict is Verdict.FOREIGN


def test_an_event_that_its_watermark_has_passed_counts_nowhere_so_it_stays() -> None:
    known = msgspec.structs.replace(KNOWN, watermarks_ms={("search-events", 2): T0 + 1, ("click-events", 2): 0})
    assert judge(letter(search()), known).verdict is Verdict.LATE
    assert judge(letter(search()), known, force=True).verdict is Verdict.SENT
    assert judge(letter(search(timestamp=T0 + 1)), known).verdict is Verdict.SENT


def test_an_item_that_was_changed_since_is_not_changed_back() -> None:
    item = letter(b'{"object_id":"sku-1"}', topic="catalog-items", key=b"sku-1")
    place = ("catalog-items", b"sku-1")
    assert judge(item, msgspec.structs.replace(KNOWN, newest={place: (2, 7)})).verdict is Verdict.SENT
    assert judge(item, msgspec.structs.replace(KNOWN, newest={place: (2, 8)})).verdict is Verdict.SUPERSEDED


def test_a_withdrawal_goes_back_as_a_null_value() -> None:
    withdrawal = letter(None, topic="catalog-items", reason="bad_key", key=b"sku-1")
    judgement = judge(withdrawal, KNOWN)
    assert judgement.verdict is Verdict.SENT
    assert judgement.back is not None
    assert judgement.back.value is None
    empty = judge(letter(b"", reason="not_json"), KNOWN, force=True)
    assert empty.back is not None
    assert empty.back.value == b""


def test_what_was_refused_again_does_not_go_round_in_circles() -> None:
    again = msgspec.structs.replace(letter(search()), retry_of="search-events/1/3")
    assert judge(again, KNOWN).verdict is Verdict.RETURNED
    assert judge(again, KNOWN, force=True).verdict is Verdict.SENT
    broken = msgspec.structs.replace(letter(b"{"), retry_of="search-events/1/3")
    assert judge(broken, KNOWN).verdict is Verdict.STILL_INVALID
