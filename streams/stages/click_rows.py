"""Click events as columns for the fold, with what was wrong with the others."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from detectors.click_join import ACTION_CLICK, ACTION_PURCHASE, ACTION_UNKNOWN, ClickColumns
from schemas.decode import UnknownFields, decode_click, usual_click
from schemas.errors import BadRecord
from schemas.events import ClickEvent
from schemas.scores import FLAG_MISROUTED, FLAG_UNKNOWN_FIELDS, hash_bytes
from schemas.topics import CLICK_EVENTS
from schemas.wire import ClickRecord
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
    rows = _Rows()
    bad = BadRecords("evaluate", CLICK_EVENTS.name)
    unknown = UnknownFields()
    partition = records[0].partition if records else 0
    max_ahead_ms = max_ahead_s * 1000
    for record in records:
        arrival_ms = read_arrival(record.headers, record.timestamp) if record.headers else record.timestamp
        usual = usual_click(record.value)
        if usual is not None and (arrival_ms is None or usual[1] - arrival_ms <= max_ahead_ms):
            rows.add(*usual, 0)
            continue
        watermark_ms = read_watermark(record.key, record.value, record.headers)
        if watermark_ms is not None:
            parts.append(rows.part(partition, partitions, bad))
            parts[-1].watermark_ms = watermark_ms
            rows = _Rows()
            continue
        before = unknown.total
        try:
            event = decode_click(record.value, arrival_ms, max_ahead_s, unknown)
        except BadRecord as error:
            bad.add(error, record)
            continue
        rows.add(event, event.time_ms, FLAG_UNKNOWN_FIELDS if unknown.total > before else 0)
    parts.append(rows.part(partition, partitions, bad))
    return parts


class _Rows:
    """Valid clicks of one partition, in order."""

    def __init__(self) -> None:
        self._keys: list[bytes] = []
        self._query_ids: list[int] = []
        self._item_ids: list[int] = []
        self._times_ms: list[int] = []
        self._actions: list[int] = []
        self._flags: list[int] = []

    def add(self, event: ClickEvent | ClickRecord, time_ms: int, flags: int) -> None:
        """Add one."""
        key = event.query_id.encode()
        self._keys.append(key)
        self._query_ids.append(hash_bytes(key))
        self._item_ids.append(hash_bytes(event.object_id.encode()))
        self._times_ms.append(time_ms)
        self._actions.append(_ACTIONS.get(event.action_name, ACTION_UNKNOWN))
        self._flags.append(flags)

    def part(self, partition: int, partitions: int, bad: BadRecords) -> ClickRows:
        """Give them as columns, with what was refused beside them."""
        invalid, bad.reasons = bad.reasons, Counter()
        flags = np.array(self._flags, dtype=np.uint8)
        flags[partitions_of(self._keys, partitions) != partition] |= FLAG_MISROUTED
        columns = ClickColumns(
            np.array(self._query_ids, dtype=np.uint64),
            np.array(self._item_ids, dtype=np.uint64),
            np.array(self._times_ms, dtype=np.int64),
            np.array(self._actions, dtype=np.uint8),
            flags,
        )
        return ClickRows(columns, bad.take(), invalid)
