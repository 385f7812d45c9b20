"""From an event to the bytes of its record: the contract's field order, absent optional fields left out."""

from typing import Final

import msgspec

from schemas.events import CatalogItem, ClickEvent, Deployment, ModelEvent, SearchEvent, WorkerTelemetry
from schemas.timestamps import format_timestamp
from schemas.wire import ClickRecord, DeploymentRecord, ItemRecord, SearchRecord, WorkerRecord

_ENCODER: Final = msgspec.json.Encoder()


def encode_search(event: SearchEvent) -> bytes:
    """Write a search as the JSON of `search-events`."""
    record = SearchRecord(
        query_id=event.query_id,
        timestamp=format_timestamp(event.time_ms),
        application=event.application,
        surface=event.surface,
        client_id=event.client_id,
        session_id=event.session_id,
        user_query=event.user_query,
        query_attributes=event.query_attributes,
        model=event.model,
        latency_ms=event.latency_ms,
        results=event.results,
    )
    return _ENCODER.encode(record)


def encode_click(event: ClickEvent) -> bytes:
    """Write a click as the JSON of `click-events`."""
    record = ClickRecord(
        query_id=event.query_id,
        timestamp=format_timestamp(event.time_ms),
        action_name=event.action_name,
        client_id=event.client_id,
        object_id=event.object_id,
        position=event.position,
    )
    return _ENCODER.encode(record)


def encode_catalog_item(item: CatalogItem) -> bytes:
    """Write an item as the JSON of `catalog-items`; a withdrawn one as in files, the topic wants a null value."""
    record = ItemRecord(
        object_id=item.object_id,
        title=item.title,
        category=item.category,
        price=item.price,
        attributes=None if item.withdrawn and not item.attributes else item.attributes,
        withdrawn=True if item.withdrawn else None,
    )
    return _ENCODER.encode(record)


def encode_deployment(event: Deployment) -> bytes:
    """Write a deployment as the JSON of `model-events`."""
    record = DeploymentRecord(
        type="deployment",
        timestamp=format_timestamp(event.time_ms),
        model=event.model,
        role=event.role,
        share=event.share,
        by=event.by,
        note=event.note,
    )
    return _ENCODER.encode(record)


def encode_worker_telemetry(event: WorkerTelemetry) -> bytes:
    """Write a worker's telemetry as the JSON of `model-events`."""
    record = WorkerRecord(
        type="worker",
        timestamp=format_timestamp(event.time_ms),
        worker=event.worker,
        models=event.models,
        rss_bytes=event.rss_bytes,
        gpu_memory_bytes=event.gpu_memory_bytes,
        queue_depth=event.queue_depth,
        rows_total=event.rows_total,
    )
    return _ENCODER.encode(record)


def encode_model_event(event: ModelEvent) -> bytes:
    """Write either kind of `model-events`."""
    return encode_deployment(event) if isinstance(event, Deployment) else encode_worker_telemetry(event)
