"""In whose name a commit is made: a real coordinator of aiokafka, a real broker."""

import asyncio
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from transport_harness import bench

from streams.transport.assignment import Assignment
from streams.transport.batch import TP, Commit
from streams.transport.commit_request import send_commit
from streams.transport.errors import CommitFailed

pytestmark = pytest.mark.kafka


async def test_a_member_that_has_lost_its_group_commits_nothing_though_nobody_else_is_in_it(
    kafka: str, tmp_path: Path
) -> None:
    """The coordinator then has no generation, and what commits without one may, as a tool may, in an empty group."""
    async with bench(kafka, tmp_path) as b:
        consumer = b.own(AIOKafkaConsumer(*b.topics, bootstrap_servers=kafka, group_id=b.group))
        await consumer.start()
        async with asyncio.timeout(20):
            while not consumer.assignment():
                await consumer.getmany(timeout_ms=100)
        coordinator = consumer._coordinator  # noqa: SLF001 - what the transport hands over
        place = TP(b.topics[0], 0)
        mine = Assignment(coordinator.generation, coordinator.member_id, frozenset([place]))
        assert await send_commit(coordinator, b.group, mine, {place: Commit(7)})
        await coordinator._maybe_leave_group()  # noqa: SLF001 - as aiokafka does when it closes
        with pytest.raises(CommitFailed, match="has gone on without generation"):
            await send_commit(coordinator, b.group, mine, {place: Commit(3)})
        assert (await b.committed())[TopicPartition(*place)].offset == 7
