"""Steps over records that aiokafka cannot read, so that one of them stops no worker.

Kafka takes header names of any bytes, and aiokafka raises `UnicodeDecodeError` for those that are not UTF-8. It throws
away what it had unpacked before, so reading goes back to where it was and comes forward one record at a time.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from streams.transport.batch import Record

MAX_SINGLE_RECORDS = 500
"""Of one partition at once; where the record lies further on, the next poll comes back here."""
_WAIT_MS = 500

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class UnreadableRecord:
    """What is left of a record that cannot be read: its place. The stage refuses it as one without a value."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None = None
    value: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()
    serialized_value_size: int = 0


async def read_singly(consumer: Any, positions: Mapping[Any, int]) -> dict[Any, list[Record]]:
    """Read partitions again, one record at a time, up to and over the first record of each that cannot be read.

    Args:
        consumer: aiokafka's, whose last `getmany` raised `UnicodeDecodeError`.
        positions: by aiokafka `TopicPartition`: the next offset that nobody was given yet.

    Returns:
        The records by partition; an unreadable one is the last of its partition.
    """
    for tp, position in positions.items():
        consumer.seek(tp, position)
    found: dict[Any, list[Record]] = {}
    for tp in positions:
        records: list[Record] = []
        while len(records) < MAX_SINGLE_RECORDS:
            try:
                one = await consumer.getmany(tp, timeout_ms=_WAIT_MS, max_records=1)
            except UnicodeDecodeError as error:
                offset = await consumer.position(tp)
                _log.error(
                    "record %d of %s[%d] has a header whose name is not UTF-8 (%s): it is refused without its value",
                    *(offset, tp.topic, tp.partition, error),
                )
                records.append(UnreadableRecord(tp.topic, tp.partition, offset, time.time_ns() // 1_000_000))
                consumer.seek(tp, offset + 1)
                break
            if not one:
                break
            records += one[tp]
        if records:
            found[tp] = records
    return found
