"""From a record's bytes to an event, or to the one reason why not.

A valid record takes one typed decode by msgspec. Whatever that cannot accept at once (a breach, an unknown field to be
counted, a value repeated with two types) goes to `schemas.thorough`, which alone decides. The typed decoder accepts
nothing that the thorough one refuses; a property test holds the two together.
"""

from typing import Final

import msgspec

from schemas import thorough
from schemas.errors import BadRecord
from schemas.events import CatalogItem, ClickEvent, Deployment, ModelEvent, SearchEvent
from schemas.json_text import MAX_BYTES, json_bytes
from schemas.reasons import Reason
from schemas.thorough import UnknownFields
from schemas.timestamps import check_arrival, timestamp_ms, usual_timestamp_ms
from schemas.wire import ClickRecord, ItemRecord, SearchRecord, Timestamp

__all__ = [
    "UnknownFields",
    "decode_catalog_item",
    "decode_click",
    "decode_model_event",
    "decode_search",
    "usual_click",
    "usual_search",
]

_SEARCH: Final = msgspec.json.Decoder(SearchRecord)
_CLICK: Final = msgspec.json.Decoder(ClickRecord)
_ITEM: Final = msgspec.json.Decoder(ItemRecord)

# What msgspec raises for bytes it does not accept: the last two are no errors of its own.
_NOT_ACCEPTED: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_NOT_USUAL: Final = (*_NOT_ACCEPTED, TypeError)
_TIME: Final = "$.timestamp"


def decode_search(
    raw: bytes | None, arrival_ms: int | None, max_ahead_s: int, unknown: UnknownFields | None = None
) -> SearchEvent:
    """Decode and validate one record of `search-events`.

    Args:
        raw: the record's value, with or without a Confluent header.
        arrival_ms: when the record arrived, epoch milliseconds; None switches the guard against dates ahead off.
        max_ahead_s: how far ahead of its arrival an event may be dated.
        unknown: counts the unknown fields of accepted records.

    Raises:
        BadRecord: a rule of the contract is broken; nothing else is raised, whatever the bytes.
    """
    text = json_bytes(raw)
    usual = usual_search(text)
    if usual is None:
        event = thorough.search(text, unknown or UnknownFields())
    else:
        record, time_ms = usual
        event = SearchEvent(
            record.query_id,
            time_ms,
            record.application,
            record.surface,
            record.client_id,
            record.session_id,
            record.user_query,
            record.query_attributes,
            record.model,
            record.latency_ms,
            record.results,
        )
    check_arrival(event.time_ms, arrival_ms, max_ahead_s, _TIME)
    return event


def decode_click(
    raw: bytes | None, arrival_ms: int | None, max_ahead_s: int, unknown: UnknownFields | None = None
) -> ClickEvent:
    """Decode and validate one record of `click-events`; arguments and errors as in `decode_search`."""
    text = json_bytes(raw)
    usual = usual_click(text)
    if usual is None:
        event = thorough.click(text, unknown or UnknownFields())
    else:
        record, time_ms = usual
        event = ClickEvent(
            record.query_id, time_ms, record.action_name, record.client_id, record.object_id, record.position
        )
    check_arrival(event.time_ms, arrival_ms, max_ahead_s, _TIME)
    return event


def decode_catalog_item(key: bytes | None, raw: bytes | None, unknown: UnknownFields | None = None) -> CatalogItem:
    """Decode and validate one record of `catalog-items`.

    Args:
        key: the record's key; looked at only where the value is null, which withdraws the item it names.
        raw: the record's value.
        unknown: counts the unknown fields of accepted records.

    Raises:
        BadRecord: a rule of the contract is broken.
    """
    if raw is None:
        return CatalogItem(object_id=_item_key(key), withdrawn=True)
    text = json_bytes(raw)
    return _fast_item(text) or thorough.item(text, unknown or UnknownFields())


def decode_model_event(
    raw: bytes | None, arrival_ms: int | None, max_ahead_s: int, unknown: UnknownFields | None = None
) -> ModelEvent:
    """Decode and validate one record of `model-events`; arguments and errors as in `decode_search`.

    A worker's telemetry has the worker's own clock, so the guard against dates ahead is for deployments alone.
    """
    event = thorough.model_event(json_bytes(raw), unknown or UnknownFields())
    if isinstance(event, Deployment):
        check_arrival(event.time_ms, arrival_ms, max_ahead_s, _TIME)
    return event


def usual_search(raw: bytes | None) -> tuple[SearchRecord, int] | None:
    """Decode a search that the typed decoder takes, and give its time: the shortest way for the stages.

    Returns:
        None where `decode_search` has to judge; the guard against dates ahead is left to the caller.
    """
    try:
        record = _SEARCH.decode(raw)  # type: ignore[arg-type]  # None is a TypeError
    except _NOT_USUAL:
        return None
    time_ms = _usual_time_ms(record.timestamp)
    return None if time_ms is None or len(raw or b"") > MAX_BYTES else (record, time_ms)


def usual_click(raw: bytes | None) -> tuple[ClickRecord, int] | None:
    """Decode a click likewise."""
    try:
        record = _CLICK.decode(raw)  # type: ignore[arg-type]  # as above
    except _NOT_USUAL:
        return None
    time_ms = _usual_time_ms(record.timestamp)
    return None if time_ms is None or len(raw or b"") > MAX_BYTES else (record, time_ms)


def _usual_time_ms(timestamp: Timestamp) -> int | None:
    if isinstance(timestamp, str):
        time_ms = usual_timestamp_ms(timestamp)
        if time_ms is not None:
            return time_ms
    # A float has been rounded; the thorough decoder cuts its text.
    elif isinstance(timestamp, float):
        return None
    try:
        return timestamp_ms(timestamp, _TIME)
    except BadRecord:
        return None  # whoever judges says the same, with what else is wrong before it


def _fast_item(text: bytes) -> CatalogItem | None:
    try:
        record = _ITEM.decode(text)
    except _NOT_ACCEPTED:
        return None
    return CatalogItem(
        record.object_id, record.title, record.category, record.price, record.attributes or {}, bool(record.withdrawn)
    )


def _item_key(key: bytes | None) -> str:
    if not key:
        raise BadRecord(Reason.BAD_KEY, "key", "a null value withdraws the item its key names, and there is no key")
    try:
        return key.decode("utf-8")
    except UnicodeDecodeError:
        raise BadRecord(Reason.BAD_KEY, "key", "not UTF-8; send the object_id as the key") from None
