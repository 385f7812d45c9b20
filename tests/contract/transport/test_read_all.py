import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from transport_harness import PARTITIONS, bench, wait_for

from streams.transport import TP, ReadAll, Record, TopicMissing

pytestmark = pytest.mark.kafka


async def test_a_topic_is_read_to_its_end_and_then_as_it_grows(kafka: str, tmp_path: Path) -> None:
    async with bench(kafka, tmp_path) as b:
        await b.send(3000)
        got: list[tuple[int, int]] = []

        async def keep(records: Sequence[Record]) -> None:
            got.extend((r.partition, r.offset) for r in records)

        reader = b.own(ReadAll(kafka, b.topics[0], keep))
        await reader.read_to_end()
        assert sorted(got) == [(p, offset) for p in range(PARTITIONS) for offset in range(3000)]
        tail = asyncio.create_task(reader.tail())
        await b.send(10)
        await wait_for(lambda: len(got) == PARTITIONS * 3010, "the new records")
        assert reader.positions() == {TP(b.topics[0], p): 3010 for p in range(PARTITIONS)}
        tail.cancel()
        await asyncio.gather(tail, return_exceptions=True)


async def test_catching_up_waits_for_all_that_was_there_before(kafka: str, tmp_path: Path) -> None:
    async with bench(kafka, tmp_path) as b:
        got: list[Record] = []

        async def keep(records: Sequence[Record]) -> None:
            await asyncio.sleep(0)
            got.extend(records)

        reader = b.own(ReadAll(kafka, b.topics[0], keep))
        await reader.read_to_end()
        tail = asyncio.create_task(reader.tail())
        for round_number in range(1, 6):
            await b.send(200)
            await asyncio.wait_for(reader.catch_up(), 10)
            assert len(got) == PARTITIONS * 200 * round_number
        tail.cancel()
        await asyncio.gather(tail, return_exceptions=True)


async def test_an_end_behind_an_aborted_transaction_is_reached(kafka: str, tmp_path: Path) -> None:
    async with bench(kafka, tmp_path) as b:
        producer = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=b.group)
        await producer.start()
        await producer.begin_transaction()
        await producer.send(b.topics[0], b"v", partition=0)
        await producer.abort_transaction()
        await producer.stop()
        got: list[Record] = []

        async def keep(records: Sequence[Record]) -> None:
            got.extend(records)

        reader = b.own(ReadAll(kafka, b.topics[0], keep))
        await asyncio.wait_for(reader.read_to_end(), 10)
        assert got == []


async def test_a_missing_topic_is_named(kafka: str) -> None:
    async def keep(records: Sequence[Record]) -> None:
        raise AssertionError(records)

    reader = ReadAll(kafka, "no-such-topic", keep)
    with pytest.raises(TopicMissing, match="no-such-topic"):
        await reader.read_to_end()
    await reader.stop()


async def test_a_callback_that_fails_ends_the_reading(kafka: str, tmp_path: Path) -> None:
    async with bench(kafka, tmp_path) as b:
        await b.send(1)

        async def refuse(records: Sequence[Record]) -> None:
            raise ValueError(f"{len(records)} records are not wanted")

        reader = b.own(ReadAll(kafka, b.topics[0], refuse))
        with pytest.raises(ValueError, match="1 records are not wanted"):
            await reader.read_to_end()
