import asyncio
import json
import signal
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from transport_harness import PARTITIONS, bench, check_runs, compact_eagerly, read, wait_for

pytestmark = pytest.mark.kafka


async def test_workers_that_join_and_leave_under_load_lose_nothing_and_stop_cleanly(kafka: str, tmp_path: Path) -> None:
    async with bench(kafka, tmp_path) as b:
        first = await b.worker()
        await first.assigned()
        async with b.load():
            second = await b.worker()
            await second.assigned()
            await wait_for(lambda: len(first.owned()) == len(second.owned()) == 2, "two partitions each")
            assert first.owned().isdisjoint(second.owned())
            assert await second.stop() == 0
            await wait_for(lambda: len(first.owned()) == PARTITIONS, "all partitions again")
        check_runs(await b.delivered())
        assert await first.stop() == 0
        assert {tp: state.offset for tp, state in (await b.committed()).items()} == b.sent


async def test_a_killed_worker_is_replaced_from_its_last_commit(kafka: str, tmp_path: Path) -> None:
    async with bench(kafka, tmp_path) as b:
        first = await b.worker()
        second = await b.worker()
        await first.assigned()
        await wait_for(lambda: len(first.owned()) == len(second.owned()) == 2, "two partitions each")
        async with b.load():
            second.process.send_signal(signal.SIGKILL)
            await second.exited()
            await wait_for(lambda: len(first.owned()) == PARTITIONS, "all partitions")
        check_runs(await b.delivered())


async def test_a_zombie_commits_nothing_and_joins_as_a_new_member(kafka: str, tmp_path: Path) -> None:
    async with bench(kafka, tmp_path) as b:
        zombie = await b.worker(delay_s=0.1, limits={"poll_records": 10})
        await zombie.assigned()
        async with b.load():
            await wait_for(lambda: b.sent[TopicPartition(b.topics[0], 0)] > 400, "some load")
            successor = await b.worker()
            await wait_for(lambda: len(zombie.owned()) == len(successor.owned()) == 2, "two partitions each")
            zombie.process.send_signal(signal.SIGSTOP)
            await wait_for(lambda: len(successor.owned()) == PARTITIONS, "the successor has all", 15)
        await b.delivered()
        before = await b.committed()
        zombie.process.send_signal(signal.SIGCONT)
        await wait_for(lambda: len(zombie.events("assigned")) > 2, "the zombie joins again")
        assert zombie.events("commit failed"), "a zombie's commit was taken"
        assert await zombie.stop() == 0
        await wait_for(lambda: len(successor.owned()) == PARTITIONS, "the successor has all again")
        check_runs([o for o in await b.outputs() if o["generation"] is not None])
        after = await b.committed()
        assert all(after[tp].offset >= state.offset for tp, state in before.items())


async def test_a_handler_that_fails_stops_the_worker_before_its_offsets_move(kafka: str, tmp_path: Path) -> None:
    async with bench(kafka, tmp_path) as b:
        await b.send(100)
        failing = await b.worker(fail_after_batches=2)
        assert await failing.exited() == 1
        assert "the handler fails on purpose" in failing.errors()
        outputs = await b.outputs()
        taken = {o["partition"]: o["next"] for o in outputs if "next" in o}
        committed = {tp.partition: state.offset for tp, state in (await b.committed()).items()}
        assert len(taken) == 2
        assert committed == taken
        assert not failing.events("stopping"), "a stage that failed was asked to flush and commit"
        await b.worker()
        check_runs(await b.delivered())


async def test_a_worker_that_gets_stuck_when_all_is_committed_ends_all_the_same(kafka: str, tmp_path: Path) -> None:
    async with bench(kafka, tmp_path) as b:
        stuck = await b.worker(stopped_s=300)
        await stuck.assigned()
        await b.send(100)
        await b.delivered()
        stuck.process.send_signal(signal.SIGTERM)
        assert await stuck.exited(20) == 0
        assert stuck.events("stopped")
        assert "the worker does not end by itself" in stuck.errors()
        await b.committed_up_to(100)


async def test_a_worker_whose_last_flush_gets_stuck_ends_as_one_that_failed(kafka: str, tmp_path: Path) -> None:
    async with bench(kafka, tmp_path) as b:
        stuck = await b.worker(stopping_s=300)
        await stuck.assigned()
        await b.send(100)
        stuck.process.send_signal(signal.SIGTERM)
        assert await stuck.exited(40) == 1
        assert not stuck.events("stopping")
        assert "the worker does not end by itself" in stuck.errors()
        await b.worker()
        check_runs(await b.delivered())


async def test_pausing_and_resuming_neither_loses_nor_repeats(kafka: str, tmp_path: Path) -> None:
    async with bench(kafka, tmp_path) as b:
        worker = await b.worker(toggle=True, limits={"poll_records": 50, "queued_records": 100})
        await worker.assigned()
        async with b.load():
            await asyncio.sleep(2)  # the load's duration, not a wait for something
        outputs = await b.delivered()
        check_runs(outputs)
        offsets = [(o["partition"], offset) for o in outputs for offset in o.get("offsets", ())]
        assert len(offsets) == len(set(offsets))


async def test_metadata_comes_back_with_the_offset_it_was_committed_with(kafka: str, tmp_path: Path) -> None:
    async with bench(kafka, tmp_path) as b:
        first = await b.worker()
        assert await first.assigned() == {f"{b.topics[0]}[{p}]": [None, ""] for p in range(PARTITIONS)}
        async with b.load():
            second = await b.worker()
            seen = await second.assigned()
            again = await first.assigned(2)
        for offset, metadata in [*seen.values(), *again.values()]:
            assert offset is not None
            assert json.loads(metadata) == {"next": offset}


async def test_a_stage_may_read_again_from_below_the_commit(kafka: str, tmp_path: Path) -> None:
    async with bench(kafka, tmp_path) as b:
        await b.send(50)
        first = await b.worker()
        await b.delivered()
        assert await first.stop() == 0
        second = await b.worker(rewind=20)
        await second.assigned()
        await b.send(10)
        await b.delivered()
        outputs = [o for o in await b.outputs() if o["worker"] == "worker1"]
        assert {o["seek"] for o in outputs if "seek" in o} == {30}
        for p in range(PARTITIONS):
            read = [offset for o in outputs if o["partition"] == p for offset in o.get("offsets", ())]
            assert read == list(range(30, 60))


async def test_a_stage_commits_what_it_holds_before_a_graceful_stop(kafka: str, tmp_path: Path) -> None:
    async with bench(kafka, tmp_path) as b:
        await b.send(50)
        worker = await b.worker(lazy=True)
        await b.delivered()
        assert await b.committed() == {}
        assert await worker.stop() == 0
        assert {tp: state.offset for tp, state in (await b.committed()).items()} == b.sent
        successor = await b.worker()
        # It left the group, so its successor need not wait for the session timeout.
        await asyncio.wait_for(successor.assigned(), 5)


async def test_gaps_of_transactions_are_stepped_over_and_committed_past(kafka: str, tmp_path: Path) -> None:
    async with bench(kafka, tmp_path) as b:
        worker = await b.worker()
        await worker.assigned()
        await b.send(10)
        for ending in ("commit", "abort"):
            producer = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=f"{b.group}-{ending}")
            await producer.start()
            await producer.begin_transaction()
            for p in range(PARTITIONS):
                for _ in range(5):
                    await producer.send(b.topics[0], b"in a transaction", partition=p)
            await (producer.commit_transaction() if ending == "commit" else producer.abort_transaction())
            await producer.stop()
        # 0..9 plain, 10..14 committed, 15 marker, 16..20 aborted, 21 marker
        tps = [TopicPartition(b.topics[0], p) for p in range(PARTITIONS)]
        check_runs(await b.delivered({tp: set(range(15)) for tp in tps}))
        await b.committed_up_to(22)


async def test_gaps_of_compaction_are_stepped_over(kafka: str, tmp_path: Path) -> None:
    await compact_eagerly(kafka)
    config = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.01", "segment.ms": "100"}
    async with bench(kafka, tmp_path, config=config) as b:

        async def append() -> None:
            for p in range(PARTITIONS):
                batch = b.producer.create_batch()
                for i in range(20):
                    batch.append(key=str(i % 7).encode(), value=b"v", timestamp=None)
                await (await b.producer.send_batch(batch, b.topics[0], partition=p))

        async def offsets() -> dict[int, set[int]]:
            found: dict[int, set[int]] = {p: set() for p in range(PARTITIONS)}
            for record in await read(kafka, b.topics[0]):
                found[record.partition].add(record.offset)
            return found

        await append()
        await asyncio.sleep(0.15)  # the segment's age, at which the next record closes it
        await append()
        before = await offsets()
        while max(map(len, before.values())) == 40:  # the test's timeout ends it
            await asyncio.sleep(0.2)
            before = await offsets()
        await b.worker()
        await b.committed_up_to(40)
        after = await offsets()  # compaction may have gone on while the worker read
        outputs = await b.outputs()
        check_runs(outputs)
        for p in range(PARTITIONS):
            got = {offset for o in outputs if o["partition"] == p for offset in o.get("offsets", ())}
            assert after[p] <= got <= before[p]


async def test_a_handler_that_blocks_longer_than_the_session_keeps_its_partitions(kafka: str, tmp_path: Path) -> None:
    async with bench(kafka, tmp_path) as b:
        await b.send(10)
        worker = await b.worker(block_s=7.5)
        await b.delivered()
        assert len(worker.events("assigned")) == 1
        assert not worker.events("commit failed")


async def test_partitions_of_topics_with_equally_many_are_assigned_together(kafka: str, tmp_path: Path) -> None:
    async with bench(kafka, tmp_path, topics=2) as b:
        workers = [await b.worker() for _ in range(3)]
        await wait_for(lambda: all(w.owned() for w in workers), "three owners")
        await wait_for(lambda: sum(len(w.owned()) for w in workers) == 2 * PARTITIONS, "every partition once")
        await b.send(20)
        check_runs(await b.delivered())
        assert await workers[0].stop() == 0
        await wait_for(lambda: sum(len(w.owned()) for w in workers[1:]) == 2 * PARTITIONS, "two owners")
        for worker in workers:
            for event in worker.events("assigned"):
                partitions = [
                    {tp.partition("[")[2] for tp in event["committed"] if tp.startswith(topic)} for topic in b.topics
                ]
                assert partitions[0] == partitions[1]
