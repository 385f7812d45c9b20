import asyncio
from pathlib import Path

import pytest
from transport_harness import PARTITIONS, bench, read

from streams.transport import MAX_RECORD_BYTES, OrderedProducer, OutRecord, RecordTooLarge, SendFailed, TopicMissing

pytestmark = pytest.mark.kafka


async def test_concurrent_sends_to_one_partition_lie_in_the_order_of_the_calls(kafka: str, tmp_path: Path) -> None:
    async with bench(kafka, tmp_path) as b:
        producer = b.own(OrderedProducer(kafka, max_batch_bytes=500))
        await producer.start()
        calls = [[OutRecord(None, f"{call}/{i}".encode()) for i in range(100)] for call in range(5)]
        await asyncio.gather(*(producer.send_ordered(b.out, 1, records) for records in calls))
        assert [r.value for r in await read(kafka, b.out)] == [record.value for call in calls for record in call]


async def test_keys_headers_and_empty_values_arrive_as_sent(kafka: str, tmp_path: Path) -> None:
    async with bench(kafka, tmp_path) as b:
        producer = b.own(OrderedProducer(kafka))
        await producer.start()
        await producer.send_ordered(b.out, 0, [])
        await producer.send_ordered(b.out, 0, [OutRecord(b"k", None, [("h", b"1")]), OutRecord(None, b"")])
        records = await read(kafka, b.out)
        assert [(r.key, r.value, r.headers) for r in records] == [(b"k", None, (("h", b"1"),)), (None, b"", ())]


async def test_a_record_that_is_too_large_is_refused_before_anything_is_sent(kafka: str, tmp_path: Path) -> None:
    async with bench(kafka, tmp_path) as b:
        producer = b.own(OrderedProducer(kafka))
        await producer.start()
        largest = OutRecord(b"k", bytes(range(256)) * (MAX_RECORD_BYTES // 256))
        with pytest.raises(RecordTooLarge, match=f"the topic takes {MAX_RECORD_BYTES}"):
            await producer.send_ordered(b.out, 0, [OutRecord(None, b"before"), OutRecord(None, b"x" * 2_000_000)])
        await producer.send_ordered(b.out, 0, [largest])
        assert [r.value for r in await read(kafka, b.out)] == [largest.value]


async def test_nothing_follows_a_batch_that_the_broker_refused(kafka: str, tmp_path: Path) -> None:
    async with bench(kafka, tmp_path, config={"max.message.bytes": "1000"}) as b:
        producer = b.own(OrderedProducer(kafka))
        await producer.start()
        noise = bytes((i * i * 31 + i // 7) % 256 for i in range(5000))
        with pytest.raises(RecordTooLarge):
            await producer.send_ordered(b.topics[0], 0, [OutRecord(None, noise)])
        with pytest.raises(SendFailed):
            await producer.send_ordered(b.topics[0], 0, [OutRecord(None, b"after")])
        # The broker itself refuses what comes out of sequence, but only where the batch is missing.
        with pytest.raises(SendFailed):
            await producer.send_ordered(b.out, 1, [OutRecord(None, b"elsewhere")])
        assert await read(kafka, b.topics[0]) == []
        assert await read(kafka, b.out) == []


async def test_a_send_that_was_cancelled_stays_ahead_of_the_next(kafka: str, tmp_path: Path) -> None:
    async with bench(kafka, tmp_path) as b:
        producer = b.own(OrderedProducer(kafka))
        await producer.start()
        await producer.send_ordered(b.out, 0, [OutRecord(None, b"0")])
        task = asyncio.create_task(producer.send_ordered(b.out, 0, [OutRecord(None, b"1")]))
        await asyncio.sleep(0)
        task.cancel()
        await producer.send_ordered(b.out, 0, [OutRecord(None, b"2")])
        assert [r.value for r in await read(kafka, b.out)] in ([b"0", b"1", b"2"], [b"0", b"2"])


async def test_keys_go_where_other_producers_put_them(kafka: str, tmp_path: Path) -> None:
    async with bench(kafka, tmp_path) as b:
        producer = b.own(OrderedProducer(kafka))
        await producer.start()
        for key in (b"q-1", b"q-2", "运动鞋".encode()):
            metadata = await b.producer.send_and_wait(b.out, b"v", key=key)
            assert await producer.partition_for(b.out, key) == metadata.partition
        assert await producer.partition_for(b.out, None) in range(PARTITIONS)
        with pytest.raises(TopicMissing, match="no-such-topic"):
            await producer.partition_for("no-such-topic", b"k")
