"""Click events as columns for the fold, with what was wrong with the others."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from detectors.click_join import ACTION_CLICK, ACTION_PURCHASE, ACTION_UNKNOWN, ClickColumns
from schemas.decode import UnknownFields, decode_click
from schemas.errors import BadRecord
from schemas.events import ClickEvent
from schemas.scores import id_hash
from schemas.topics import CLICK_EVENTS
from streams.control import read_arrival, read_watermark
from streams.routing import partitions_of
from streams.stages.bad_records import BadRecords
from streams.transport import OutRecord, Record

_ACTIONS: Final = {"click": ACTION_CLICK, "purchase": ACTION_PURCHASE}


@dataclass(slots=True)
class ClickRows:
    """What one batch of click-events holds."""

    columns: ClickColumns
    letters: list[OutRecord]
    counts: Counter[str] = field(default_factory=Counter)
    """Invalid ones by reason, misrouted ones, and those with unknown fields."""
    watermark_ms: int | None = None
    """Of a control record behind all of the clicks."""


def read_clicks(records: Sequence[Record], partitions: int, max_ahead_s: int) -> list[ClickRows]:
    """Validate the records of one partition, in order; a control record ends a part.

    Args:
        records: of one partition, in order.
        partitions: how many click-events has.
        max_ahead_s: how far ahead of its arrival an event may be dated.
    """
    parts: list[ClickRows] = []
    events: list[ClickEvent] = []
    bad = BadRecords("evaluate", CLICK_EVENTS.name)
    unknown = UnknownFields()
    partition = records[0].partition if records else 0
    for record in records:
        headers = record.headers
        watermark_ms = read_watermark(headers) if headers else None
        if watermark_ms is not None:
            parts.append(_rows(events, partition, partitions, bad, unknown))
            parts[-1].watermark_ms = watermark_ms
            events, unknown = [], UnknownFields()
            continue
        try:
            events.append(decode_click(record.value, read_arrival(headers, record.timestamp), max_ahead_s, unknown))
        except BadRecord as error:
            bad.add(error, record)
    parts.append(_rows(events, partition, partitions, bad, unknown))
    return parts


def _rows(
    events: list[ClickEvent], partition: int, partitions: int, bad: BadRecords, unknown: UnknownFields
) -> ClickRows:
    counts = Counter({f"invalid_clicks_{reason}": number for reason, number in bad.reasons.items()})
    bad.reasons.clear()
    if unknown.total:
        counts["unknown_fields_of_clicks"] = unknown.total
    if events:
        owners = partitions_of([event.query_id.encode() for event in events], partitions)
        wrong = int(np.count_nonzero(owners != partition))
        if wrong:
            counts["misrouted_clicks"] = wrong
    columns = ClickColumns(
        np.array([id_hash(event.query_id) for event in events], dtype=np.uint64),
        np.array([id_hash(event.object_id) for event in events], dtype=np.uint64),
        np.array([event.time_ms for event in events], dtype=np.int64),
        np.array([_ACTIONS.get(event.action_name, ACTION_UNKNOWN) for event in events], dtype=np.uint8),
    )
    return ClickRows(columns, bad.take(), counts)
