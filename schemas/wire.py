"""The event topics' records as written in JSON: the form that fast decoder, encoders and JSON Schemas share."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from schemas.events import (
    Count,
    ModelRef,
    NonEmpty,
    Position,
    Result,
    Role,
    Share,
    Surface,
    WorkerModel,
)

Scalar = str | int | float | bool | None
# Attributes may hold anything. The typed decoder takes what is nested at most twice, so that nothing it accepts can be
# nested too deeply; the thorough decoder takes the rest.
Attributes = dict[str, Scalar | list[Scalar] | dict[str, Scalar]]
# A float is here only so that it is refused as late as possible: it has been rounded, so its text is read instead.
Timestamp = str | int | float
Latency = Annotated[float, Meta(ge=0)]


class SearchRecord(msgspec.Struct, gc=False, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """One search with the page that was shown."""

    query_id: NonEmpty
    timestamp: Timestamp
    application: NonEmpty
    surface: Surface
    client_id: NonEmpty
    session_id: str | None = None
    user_query: str
    query_attributes: Attributes
    model: ModelRef
    latency_ms: Latency | None
    results: list[Result]


ActionName = Annotated[
    str,
    Meta(
        description="click (or item_click, global_click) and purchase have a meaning; any other is valid, and ignored"
    ),
]


class ClickRecord(msgspec.Struct, gc=False, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Something a person did with a shown item."""

    query_id: NonEmpty
    timestamp: Timestamp
    action_name: ActionName
    client_id: NonEmpty
    object_id: NonEmpty
    position: Position | None = None


class ItemRecord(msgspec.Struct, gc=False, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """What the shop says about an item; in files, `withdrawn` stands for the null value of the topic."""

    object_id: NonEmpty
    title: str | None = None
    category: str | None = None
    price: float | None = None
    attributes: Attributes | None = None
    withdrawn: bool | None = None


class DeploymentRecord(msgspec.Struct, gc=False, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """A model version takes a role."""

    type: Literal["deployment"]
    timestamp: Timestamp
    model: ModelRef
    role: Role
    share: Share | None = None
    by: str | None = None
    note: str | None = None


class WorkerRecord(msgspec.Struct, gc=False, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """How a pool worker is."""

    type: Literal["worker"]
    timestamp: Timestamp
    worker: NonEmpty
    models: list[WorkerModel]
    rss_bytes: Count | None = None
    gpu_memory_bytes: Count | None = None
    queue_depth: Count | None = None
    rows_total: Count | None = None
