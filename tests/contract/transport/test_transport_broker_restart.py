import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from transport_harness import PARTITIONS, bench, check_runs, wait_for

from streams.stack.jars import java, kafka_jars
from streams.stack.kafka import start_kafka
from streams.stack.process import spawn, stop
from streams.transport import OrderedProducer, OutRecord, ReadAll, Record

pytestmark = pytest.mark.kafka


async def test_a_broker_that_restarts_delays_everything_and_loses_nothing(tmp_path: Path) -> None:
    home = tmp_path / "kafka"
    brokers, server = await asyncio.to_thread(start_kafka, home)
    try:
        async with bench(brokers, tmp_path) as b:
            worker = await b.worker()
            await worker.assigned()
            await b.send(100)
            got: list[Record] = []

            async def keep(records: Sequence[Record]) -> None:
                got.extend(records)

            reader = b.own(ReadAll(brokers, b.topics[0], keep))
            await reader.read_to_end()
            tail = asyncio.create_task(reader.tail())
            producer = b.own(OrderedProducer(brokers))
            await producer.start()

            await asyncio.to_thread(stop, server, 0.0)
            sending = asyncio.create_task(producer.send_ordered(b.topics[0], 0, [OutRecord(None, b"v")]))
            command = [
                java(),
                "-Xmx512m",
                "-XX:+UseSerialGC",
                "-cp",
                f"{kafka_jars()}/*",
                "kafka.Kafka",
                str(home / "server.properties"),
            ]
            server = spawn(command, home / "kafka.log")
            await asyncio.wait_for(sending, 60)
            b.sent[next(tp for tp in b.sent if tp.partition == 0)] += 1
            await b.send(100)
            check_runs(await b.delivered())
            await wait_for(lambda: len(got) == PARTITIONS * 200 + 1, "the reader goes on")

            tail.cancel()
            await asyncio.gather(tail, return_exceptions=True)
            assert await worker.stop() == 0
    finally:
        await asyncio.to_thread(stop, server, 0.0)
