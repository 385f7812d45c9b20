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
from schemas.scores import FLAG_MISROUTED, FLAG_UNKNOWN_FIELDS, id_hash
from schemas.topics import CLICK_EVENTS
from streams.control import read_arrival, read_watermark
from streams.routing import partitions_of
from streams.stages.bad_records import BadRecords
from streams.transport import OutRecord, Record

_ACTIONS: Final = {
    "click": ACTION_CLICK,
    # UBI's own words for a click.
    "item_click": ACTION_CLICK,
    "global_click": ACTION_CLICK,
    "purchase": ACTION_PURCHASE,
}


@dataclass(slots=True)
class ClickRows:
    """What one batch of click-events holds."""

    columns: ClickColumns
    letters: list[OutRecord]
    invalid: Counter[str] = field(default_factory=Counter)
    """Invalid ones by reason."""
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
    flags: list[int] = []
    bad = BadRecords("evaluate", CLICK_EVENTS.name)
    unknown = UnknownFields()
    partition = records[0].partition if records else 0
    for record in records:
        watermark_ms = read_watermark(record.key, record.value, record.headers)
        if watermark_ms is not None:
            parts.append(_rows(events, flags, partition, partitions, bad))
            parts[-1].watermark_ms = watermark_ms
            events, flags = [], []
            continue
        before = unknown.total
        try:
            event = decode_click(record.value, read_arrival(record.headers, record.timestamp), max_ahead_s, unknown)
        except BadRecord as error:
            bad.add(error, record)
            continue
        events.append(event)
        flags.append(FLAG_UNKNOWN_FIELDS if unknown.total > before else 0)
    parts.append(_rows(events, flags, partition, partitions, bad))
    return parts


def _rows(events: list[ClickEvent], flags: list[int], partition: int, partitions: int, bad: BadRecords) -> ClickRows:
    invalid, bad.reasons = bad.reasons, Counter()
    flag_bits = np.array(flags, dtype=np.uint8)
    if events:
        owners = partitions_of([event.query_id.encode() for event in events], partitions)
        flag_bits[owners != partition] |= FLAG_MISROUTED
    columns = ClickColumns(
        np.array([id_hash(event.query_id) for event in events], dtype=np.uint64),
        np.array([id_hash(event.object_id) for event in events], dtype=np.uint64),
        np.array([event.time_ms for event in events], dtype=np.int64),
        np.array([_ACTIONS.get(event.action_name, ACTION_UNKNOWN) for event in events], dtype=np.uint8),
        flag_bits,
    )
    return ClickRows(columns, bad.take(), invalid)
