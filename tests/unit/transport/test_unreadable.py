"""Reading on over records that aiokafka cannot read.

No client here can write a header name that is not UTF-8, so a log that behaves as aiokafka does stands for the broker.
"""

from dataclasses import dataclass, field
from typing import Any

from aiokafka import TopicPartition

from streams.transport.unreadable import MAX_SINGLE_RECORDS, UnreadableRecord, read_singly

A, B = TopicPartition("t", 0), TopicPartition("t", 1)


@dataclass
class Log:
    """Partitions of good offsets and bad ones; a consumer that raises at each bad one."""

    ends: dict[TopicPartition, int]
    bad: set[tuple[TopicPartition, int]] = field(default_factory=set)
    positions: dict[TopicPartition, int] = field(default_factory=dict)

    def seek(self, tp: TopicPartition, offset: int) -> None:
        self.positions[tp] = offset

    async def position(self, tp: TopicPartition) -> int:
        return self.positions[tp]

    async def getmany(self, tp: TopicPartition, *, timeout_ms: int, max_records: int) -> dict[TopicPartition, Any]:
        assert timeout_ms > 0
        assert max_records == 1
        offset = self.positions[tp]
        if offset >= self.ends[tp]:
            return {}
        if (tp, offset) in self.bad:
            raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")
        self.positions[tp] = offset + 1
        return {tp: [offset]}


async def test_reading_stops_behind_the_first_unreadable_record_of_each_partition() -> None:
    log = Log({A: 9, B: 3}, bad={(A, 4), (A, 6)})
    found = await read_singly(log, {A: 2, B: 0})
    (*before, refused) = found[A]
    assert before == [2, 3]
    assert isinstance(refused, UnreadableRecord)
    assert (refused.topic, refused.partition, refused.offset, refused.value) == ("t", 0, 4, None)
    assert found[B] == [0, 1, 2]
    assert log.positions == {A: 5, B: 3}


async def test_an_empty_partition_and_one_with_no_end_both_come_to_an_end() -> None:
    log = Log({A: 0, B: 10 * MAX_SINGLE_RECORDS})
    found = await read_singly(log, {A: 0, B: 7})
    assert A not in found
    assert found[B] == list(range(7, 7 + MAX_SINGLE_RECORDS))
