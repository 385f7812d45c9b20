"""Whether a dead letter can go back, and as which record: a pure function of the letter and of what is known now."""

import base64
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from schemas.dead_letters import MAX_KEPT_KEY_BYTES, DeadLetter, Origin, dead_letter_key
from schemas.decode import decode_catalog_item, decode_click, decode_model_event, decode_search
from schemas.errors import BadRecord
from schemas.events import Deployment
from schemas.reasons import Reason
from schemas.topics import CATALOG_ITEMS, CLICK_EVENTS, MODEL_EVENTS, SEARCH_EVENTS
from streams.control import ARRIVAL_HEADER, RETRY_HEADER, read_arrival

EVENT_TOPICS: Final = frozenset({SEARCH_EVENTS.name, CLICK_EVENTS.name, CATALOG_ITEMS.name, MODEL_EVENTS.name})
NEWEST_COUNTS: Final = frozenset({CATALOG_ITEMS.name, MODEL_EVENTS.name})
"""Topics in which a later record of a key takes the place of an earlier one."""


class Verdict(StrEnum):
    """What becomes of a dead letter."""

    SENT = "sent"
    SENT_BEFORE = "sent_before"
    CUT = "cut"
    """The letter does not hold all of the record."""
    STILL_INVALID = "still_invalid"
    RETURNED = "returned"
    """It was sent back once and refused again, though these settings take it: the workers judge otherwise."""
    LATE = "late"
    """It would count nowhere: its partition's watermark has passed it."""
    SUPERSEDED = "superseded"
    """A newer record of the same key lies in the topic, and this one would undo it."""
    FOREIGN = "foreign"
    """Its origin is no topic of events."""


class Content(msgspec.Struct, frozen=True):
    """What a valid record is about."""

    key: bytes
    """By the contract: query_id, object_id, model name."""
    time_ms: int | None
    """Event time; None of an item."""


class Back(msgspec.Struct, frozen=True):
    """A record to send back."""

    origin: Origin
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
    partition: int | None
    """None: that of the key."""


class Known(msgspec.Struct, frozen=True):
    """What the judge must know besides the letter."""

    max_ahead_s: int
    now_ms: int
    watermarks_ms: Mapping[tuple[str, int], int] = {}
    """By topic and partition: nothing older counts any more."""
    newest: Mapping[tuple[str, bytes], tuple[int, int]] = {}
    """By topic and key, of topics in NEWEST_COUNTS: partition and offset of the newest record."""


class Judgement(msgspec.Struct, frozen=True):
    """The verdict about one letter; `back` where it may be sent."""

    verdict: Verdict
    back: Back | None
    """The record that would be sent; None where there is no whole one."""
    still: str = ""
    """The rule it breaks today."""


def content(topic: str, key: bytes | None, value: bytes | None, arrival_ms: int | None, max_ahead_s: int) -> Content:
    """Read a record of an event topic as the stages read it.

    Raises:
        BadRecord: it breaks its contract.
    """
    if topic == SEARCH_EVENTS.name:
        search = decode_search(value, arrival_ms, max_ahead_s)
        return Content(search.query_id.encode(), search.time_ms)
    if topic == CLICK_EVENTS.name:
        click = decode_click(value, arrival_ms, max_ahead_s)
        return Content(click.query_id.encode(), click.time_ms)
    if topic == CATALOG_ITEMS.name:
        return Content(decode_catalog_item(key, value).object_id.encode(), None)
    event = decode_model_event(value, arrival_ms, max_ahead_s)
    return Content((event.model.name if isinstance(event, Deployment) else event.worker).encode(), event.time_ms)


def judge(letter: DeadLetter, known: Known, *, force: bool = False) -> Judgement:
    """Decide about a letter that was not sent back before.

    Args:
        letter: as it lies in the topic.
        known: settings and the state of the topics.
        force: send also what is still invalid, was returned, is late or superseded; never what is cut or foreign.
    """
    if letter.origin.topic not in EVENT_TOPICS:
        return Judgement(Verdict.FOREIGN, None)
    try:
        value = _value(letter)
        key = None if letter.key_base64 is None else base64.b64decode(letter.key_base64, validate=True)
    except ValueError:  # somebody else's letter
        return Judgement(Verdict.CUT, None)
    if letter.original_sha256 is not None or len(key or b"") >= MAX_KEPT_KEY_BYTES:
        return Judgement(Verdict.CUT, None)
    headers = [(RETRY_HEADER, dead_letter_key(letter.origin))]
    if letter.arrival is not None:
        # The guard against dates ahead then judges as it did; an event does not become plausible by lying around.
        headers.append((ARRIVAL_HEADER, letter.arrival.encode()))
    arrival_ms = read_arrival(headers, known.now_ms)
    try:
        about = content(letter.origin.topic, key, value, arrival_ms, known.max_ahead_s)
    except BadRecord as error:
        # Nobody knows which key it should have: it goes where it was.
        back = Back(letter.origin, key, value, headers, letter.origin.partition)
        return Judgement(Verdict.SENT if force else Verdict.STILL_INVALID, back, error.reason)
    back = Back(letter.origin, about.key, value, headers, None)
    verdict = Verdict.SENT
    if not force:
        verdict = Verdict.RETURNED if letter.retry_of is not None else _against(known, letter.origin, about)
    return Judgement(verdict, back)


def _against(known: Known, origin: Origin, about: Content) -> Verdict:
    watermark_ms = known.watermarks_ms.get((origin.topic, origin.partition))
    if watermark_ms is not None and about.time_ms is not None and about.time_ms < watermark_ms:
        return Verdict.LATE
    newest = known.newest.get((origin.topic, about.key))
    if newest is not None and newest != (origin.partition, origin.offset):
        return Verdict.SUPERSEDED
    return Verdict.SENT


def _value(letter: DeadLetter) -> bytes | None:
    # Of an empty and of a null value the same is kept; the reason tells which it was.
    null = letter.original_bytes == 0 and letter.reason in {Reason.NO_VALUE, Reason.BAD_KEY}
    return None if null else base64.b64decode(letter.original_base64, validate=True)
