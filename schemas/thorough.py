"""The thorough decoder: the authority on which event records are valid, and on what is wrong with the others.

It reads a generic JSON object field by field, in the order of the contract, and names the first breach. It takes a few
times as long as the typed decoder of `schemas.decode`, which hands it every record it cannot accept at once.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeVar, get_args

from schemas import checks
from schemas.errors import BadRecord
from schemas.events import (
    CatalogItem,
    ClickEvent,
    Deployment,
    ModelEvent,
    ModelRef,
    Result,
    Role,
    SearchEvent,
    Surface,
    WorkerModel,
    WorkerTelemetry,
)
from schemas.json_text import json_object, number_text
from schemas.reasons import Reason
from schemas.timestamps import timestamp_ms
from schemas.wire import ClickRecord, DeploymentRecord, ItemRecord, SearchRecord, WorkerRecord

Event = TypeVar("Event")
Object = Mapping[str, Any]

_SURFACES: Final = get_args(Surface)
_ROLES: Final = get_args(Role)


class UnknownFields:
    """Counts the fields of accepted records that the contract does not name."""

    def __init__(self) -> None:
        self.total = 0

    def add(self, record: Object, known: type) -> None:
        """Count one object's fields that a struct does not have."""
        self.total += len(record.keys() - set(known.__struct_fields__))  # type: ignore[attr-defined]  # structs


def search(text: bytes, unknown: UnknownFields) -> SearchEvent:
    """Decode a search."""
    record = json_object(text)
    event = _at_root(_search, record, text)
    unknown.add(record, SearchRecord)
    unknown.add(record["model"], ModelRef)
    for result in record["results"]:
        unknown.add(result, Result)
    return event


def click(text: bytes, unknown: UnknownFields) -> ClickEvent:
    """Decode a click."""
    record = json_object(text)
    event = _at_root(_click, record, text)
    unknown.add(record, ClickRecord)
    return event


def item(text: bytes, unknown: UnknownFields) -> CatalogItem:
    """Decode a catalogue item."""
    record = json_object(text)
    event = _at_root(_item, record, text)
    unknown.add(record, ItemRecord)
    return event


def model_event(text: bytes, unknown: UnknownFields) -> ModelEvent:
    """Decode a deployment or a worker's telemetry."""
    record = json_object(text)
    event = _at_root(_model_event, record, text)
    if isinstance(event, Deployment):
        unknown.add(record, DeploymentRecord)
        unknown.add(record["model"], ModelRef)
    else:
        unknown.add(record, WorkerRecord)
        for model in record["models"]:
            unknown.add(model, WorkerModel)
    return event


def _at_root(read: Callable[[Object, bytes], Event], record: Object, text: bytes) -> Event:
    try:
        return read(record, text)
    except BadRecord as error:
        raise checks.below("$", error) from None


def _search(record: Object, text: bytes) -> SearchEvent:
    return SearchEvent(
        query_id=checks.name_text(record, "query_id"),
        time_ms=_time(record, text),
        application=checks.name_text(record, "application"),
        surface=checks.choice(record, "surface", _SURFACES),
        client_id=checks.name_text(record, "client_id"),
        session_id=checks.optional_text(record, "session_id"),
        user_query=checks.text(record, "user_query"),
        query_attributes=checks.mapping(record, "query_attributes"),
        model=_model(record),
        latency_ms=_latency(record),
        results=_each(record, "results", _result),
    )


def _click(record: Object, text: bytes) -> ClickEvent:
    return ClickEvent(
        query_id=checks.name_text(record, "query_id"),
        time_ms=_time(record, text),
        action_name=checks.text(record, "action_name"),
        client_id=checks.name_text(record, "client_id"),
        object_id=checks.name_text(record, "object_id"),
        position=checks.optional_integer(record, "position", least=1, most=None),
    )


def _item(record: Object, _text: bytes) -> CatalogItem:
    return CatalogItem(
        object_id=checks.name_text(record, "object_id"),
        title=checks.optional_text(record, "title"),
        category=checks.optional_text(record, "category"),
        price=checks.optional_number(record, "price"),
        attributes={} if record.get("attributes") is None else checks.mapping(record, "attributes"),
        withdrawn=record.get("withdrawn") is not None and checks.boolean(record, "withdrawn"),
    )


def _model_event(record: Object, text: bytes) -> ModelEvent:
    if checks.choice(record, "type", ("deployment", "worker")) == "deployment":
        return Deployment(
            time_ms=_time(record, text),
            model=_model(record),
            role=checks.choice(record, "role", _ROLES),
            share=checks.optional_number(record, "share", least=0, most=1),
            by=checks.optional_text(record, "by"),
            note=checks.optional_text(record, "note"),
        )
    return WorkerTelemetry(
        time_ms=_time(record, text),
        worker=checks.name_text(record, "worker"),
        models=_each(record, "models", _worker_model),
        rss_bytes=checks.optional_integer(record, "rss_bytes", least=0),
        gpu_memory_bytes=checks.optional_integer(record, "gpu_memory_bytes", least=0),
        queue_depth=checks.optional_integer(record, "queue_depth", least=0),
        rows_total=checks.optional_integer(record, "rows_total", least=0),
    )


def _time(record: Object, text: bytes) -> int:
    value = checks.present(record, "timestamp")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        message = "neither a string nor a number; send 2026-11-23T10:00:00.123Z or epoch milliseconds"
        raise BadRecord(Reason.BAD_TIMESTAMP, ".timestamp", message)
    if isinstance(value, float):
        return timestamp_ms(_exact(value, number_text(text, "timestamp")), ".timestamp")
    return timestamp_ms(value, ".timestamp")


def _exact(value: float, written: str) -> Decimal:
    try:
        return Decimal(written)
    except InvalidOperation:  # an exponent of twenty digits: the float is 0, or the record was refused before
        return Decimal(value)


def _model(record: Object) -> ModelRef:
    model = checks.mapping(record, "model")
    try:
        return ModelRef(name=checks.name_text(model, "name"), version=checks.name_text(model, "version"))
    except BadRecord as error:
        raise checks.below(".model", error) from None


def _latency(record: Object) -> float | None:
    # Required, though it may be null: a shop that measures no latency says so.
    if checks.present(record, "latency_ms") is None:
        return None
    return checks.number(record, "latency_ms", least=0)


def _each(record: Object, name: str, read: Callable[[Object], Event]) -> list[Event]:
    values = []
    for index, value in enumerate(checks.array(record, name)):
        try:
            if not isinstance(value, dict):
                raise BadRecord(Reason.WRONG_TYPE, "", "not an object; it must be one")
            values.append(read(value))
        except BadRecord as error:
            raise checks.below(f".{name}[{index}]", error) from None
    return values


def _result(result: Object) -> Result:
    return Result(
        object_id=checks.name_text(result, "object_id"),
        position=checks.integer(result, "position", least=1, most=None),
        title=checks.optional_text(result, "title"),
        category=checks.optional_text(result, "category"),
        price=checks.optional_number(result, "price"),
    )


def _worker_model(model: Object) -> WorkerModel:
    return WorkerModel(
        name=checks.name_text(model, "name"),
        version=checks.name_text(model, "version"),
        state=checks.name_text(model, "state"),
    )
