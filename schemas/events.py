"""What the shop and its deployments tell us, as the house sees it: validated, times in epoch milliseconds."""

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

MAX_INTEGER: Final = 2**53 - 1
"""Largest integer that every JSON reader keeps exact (RFC 8259 section 6); larger counts are out of range."""

NonEmpty = Annotated[str, Meta(min_length=1)]
Position = Annotated[int, Meta(ge=1)]  # of any size: it is compared, never counted with
Count = Annotated[int, Meta(ge=0, le=MAX_INTEGER)]
Share = Annotated[float, Meta(ge=0, le=1)]

Surface = Literal["search", "recommendation", "ads", "support"]
Role = Literal["live", "canary", "shadow", "retired"]

# The parts below forbid unknown fields so that the typed decoder hands every record that has some to the thorough
# decoder, which counts them: msgspec skips an unknown field without looking at its UTF-8 or its numbers.


class ModelRef(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """The shop's ranking model, as an event names it."""

    name: NonEmpty
    version: NonEmpty


class Result(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True, omit_defaults=True):
    """One shown item."""

    object_id: NonEmpty
    position: Position
    """Shown rank, from 1."""
    title: str | None = None
    category: str | None = None
    price: float | None = None
    """In the shop's currency."""


class SearchEvent(msgspec.Struct, frozen=True, gc=False):
    """One search (or recommendation, ad or support request) with the page that was shown."""

    query_id: str
    time_ms: int
    """Event time, epoch milliseconds."""
    application: str
    surface: Surface
    client_id: str
    session_id: str | None
    user_query: str
    """May be empty."""
    query_attributes: dict[str, Any]
    model: ModelRef
    latency_ms: float | None
    """As the shop measured it; None where it does not."""
    results: list[Result]
    """As sent, in the order of the record; an empty list is a search with zero results."""


class ClickEvent(msgspec.Struct, frozen=True, gc=False):
    """Something a person did with a shown item."""

    query_id: str
    time_ms: int
    """Event time, epoch milliseconds."""
    action_name: str
    """`click` (or UBI's `item_click`, `global_click`) and `purchase` mean something; others are valid, and ignored."""
    client_id: str
    object_id: str
    position: int | None = None
    """Shown rank, from 1; validated, never looked at."""


class CatalogItem(msgspec.Struct, frozen=True, gc=False):
    """What the shop says about an item: the newest record of an `object_id` counts."""

    object_id: str
    title: str | None = None
    category: str | None = None
    price: float | None = None
    attributes: dict[str, Any] = msgspec.field(default_factory=dict)
    withdrawn: bool = False
    """True where the shop no longer has the item."""


class Deployment(msgspec.Struct, frozen=True, gc=False):
    """A model version takes a role."""

    time_ms: int
    """Event time, epoch milliseconds."""
    model: ModelRef
    role: Role
    share: float | None = None
    """Share of the traffic, 0 to 1; None where the deployment does not say."""
    by: str | None = None
    note: str | None = None


class WorkerModel(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """One model on a pool worker."""

    name: NonEmpty
    version: NonEmpty
    state: NonEmpty
    """`ready`, or what stands in the way of it."""


class WorkerTelemetry(msgspec.Struct, frozen=True, gc=False):
    """How a pool worker is; its clock is its own."""

    time_ms: int
    """The worker's wall clock, epoch milliseconds."""
    worker: str
    models: list[WorkerModel]
    rss_bytes: int | None = None
    gpu_memory_bytes: int | None = None
    queue_depth: int | None = None
    rows_total: int | None = None
    """Query-item rows scored since the worker started."""


ModelEvent = Deployment | WorkerTelemetry
