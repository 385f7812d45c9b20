"""Starts echo workers, loads their topics, and judges what they wrote."""

import asyncio
import json
import os
import signal
import sys
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

T = TypeVar("T")
PARTITIONS = 4
WORKER = Path(__file__).with_name("echo_worker.py")


async def wait_for(condition: Callable[[], Any], what: str, deadline_s: float = 15.0) -> Any:
    """Wait until the condition gives something true, and give that."""
    end = asyncio.get_running_loop().time() + deadline_s
    while not (value := condition()):
        if asyncio.get_running_loop().time() > end:
            raise AssertionError(f"waited {deadline_s} s in vain: {what}")
        await asyncio.sleep(0.02)
    return value


class WorkerProcess:
    """One echo worker and its life-cycle events."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self.process = process
        self.log = log

    def events(self, kind: str) -> list[dict[str, Any]]:
        lines = self.log.read_text().splitlines()
        found = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
        return [event for event in found if event["event"] == kind]

    def owned(self) -> set[str]:
        """What it was assigned last."""
        assigned = self.events("assigned")
        return set(assigned[-1]["committed"]) if assigned else set()

    async def assigned(self, times: int = 1) -> dict[str, Any]:
        """Wait for the n-th assignment: committed offset and metadata by partition."""
        events = await wait_for(
            lambda: (e := self.events("assigned")) if len(self.events("assigned")) >= times else None, "assignment"
        )
        committed: dict[str, Any] = events[times - 1]["committed"]
        return committed

    async def exited(self, deadline_s: float = 10.0) -> int:
        return await asyncio.wait_for(self.process.wait(), deadline_s)

    async def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return await self.exited()

    def errors(self) -> str:
        return self.log.with_suffix(".err").read_text()


class Bench:
    """Topics of one test, the load on them, and the workers that read them."""

    def __init__(self, brokers: str, folder: Path, topics: int) -> None:
        self.brokers = brokers
        self.folder = folder
        mark = uuid.uuid4().hex[:8]
        self.topics = [f"in{i}-{mark}" for i in range(topics)]
        self.out = f"out-{mark}"
        self.group = f"group-{mark}"
        self.workers: list[WorkerProcess] = []
        self.sent: dict[TopicPartition, int] = defaultdict(int)
        self.producer: Any = None
        self.owned: list[Any] = []

    def own(self, thing: T) -> T:
        """Stop it when the test ends, however it ends."""
        self.owned.append(thing)
        return thing

    async def worker(self, **options: Any) -> WorkerProcess:
        number = len(self.workers)
        log = self.folder / f"worker{number}.log"
        options = {
            "brokers": self.brokers,
            "group": self.group,
            "topics": self.topics,
            "out": self.out,
            "name": f"worker{number}",
        } | options
        with log.open("wb") as out, log.with_suffix(".err").open("wb") as err:
            process = await asyncio.create_subprocess_exec(
                sys.executable, str(WORKER), json.dumps(options), stdout=out, stderr=err, env=os.environ | {}
            )
        worker = WorkerProcess(process, log)
        self.workers.append(worker)
        return worker

    async def send(self, records: int, *, topic: str | None = None, size: int = 50) -> None:
        """Append so many records to each partition."""
        for tp in [TopicPartition(t, p) for t in self.topics for p in range(PARTITIONS)]:
            if topic in {None, tp.topic}:
                batch = self.producer.create_batch()
                for _ in range(records):
                    assert batch.append(key=None, value=b"x" * size, timestamp=None) is not None
                await (await self.producer.send_batch(batch, tp.topic, partition=tp.partition))
                self.sent[tp] += records

    @asynccontextmanager
    async def load(self) -> AsyncIterator[None]:
        """Append to all partitions as long as the block runs."""
        running = True

        async def run() -> None:
            while running:
                await self.send(40)
                await asyncio.sleep(0.03)

        task = asyncio.create_task(run())
        try:
            yield
        finally:
            running = False
            await task

    async def outputs(self) -> list[dict[str, Any]]:
        """All output records; in order within each partition."""
        return [json.loads(r.value) | {"partition": r.partition} for r in await read(self.brokers, self.out)]

    async def delivered(self, expected: dict[TopicPartition, set[int]] | None = None) -> list[dict[str, Any]]:
        """Wait until every offset was written at least once, and give all outputs."""
        expected = expected or {tp: set(range(count)) for tp, count in self.sent.items()}
        end = asyncio.get_running_loop().time() + 20
        while True:
            outputs = await self.outputs()
            seen: dict[TopicPartition, set[int]] = defaultdict(set)
            for o in outputs:
                seen[TopicPartition(o["topic"], o["partition"])].update(o.get("offsets", ()))
            if all(seen[tp] >= offsets for tp, offsets in expected.items()):
                assert all(seen[tp] == offsets for tp, offsets in expected.items())
                return outputs
            if asyncio.get_running_loop().time() > end:
                missing = {tp: sorted(offsets - seen[tp])[:5] for tp, offsets in expected.items()}
                raise AssertionError(f"never delivered: {missing}; {[w.errors()[-2000:] for w in self.workers]}")
            await asyncio.sleep(0.1)

    async def committed_up_to(self, offset: int) -> None:
        """Wait until the group has committed exactly this offset of every partition."""
        end = asyncio.get_running_loop().time() + 10
        while (found := {state.offset for state in (await self.committed()).values()}) != {offset}:
            assert asyncio.get_running_loop().time() < end, f"committed {found}, not {offset}"
            await asyncio.sleep(0.1)

    async def committed(self) -> dict[TopicPartition, Any]:
        """What the group has committed, read by an admin client."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.brokers)
        await admin.start()
        try:
            offsets: dict[TopicPartition, Any] = await admin.list_consumer_group_offsets(self.group)
            return {tp: state for tp, state in offsets.items() if state.offset >= 0}
        finally:
            await admin.close()


def check_runs(outputs: Sequence[dict[str, Any]]) -> None:
    """Check that runs are contiguous, and begin between what was committed and what was delivered before them."""
    runs: dict[tuple[str, int], dict[tuple[int, str], list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for o in outputs:
        runs[o["topic"], o["partition"]][o["generation"], o["worker"]].append(o)
    for source, by_run in runs.items():
        delivered = 0
        committed = 0
        for (generation, worker), entries in sorted(by_run.items()):
            where = f"{source}, generation {generation}, {worker}"
            assert "seek" in entries[0], f"{where}: a batch before the assignment"
            position = entries[0]["seek"]
            assert committed <= position <= delivered, f"{where}: begins at {position}, not in {committed}..{delivered}"
            for entry in entries[1:]:
                assert "seek" not in entry, f"{where}: assigned twice"
                if "next" in entry:
                    offsets = entry["offsets"]
                    assert offsets == sorted(set(offsets)), where
                    assert not offsets or (offsets[0] >= position and offsets[-1] < entry["next"]), where
                    assert entry["next"] > position, where
                    position = entry["next"]
                else:
                    committed = max(committed, entry["committed"])
            delivered = max(delivered, position)


async def read(brokers: str, topic: str) -> list[Any]:
    """All records of a topic, by plain aiokafka."""
    consumer = AIOKafkaConsumer(bootstrap_servers=brokers, auto_offset_reset="earliest", fetch_max_wait_ms=50)
    await consumer.start()
    try:
        tps = [TopicPartition(topic, p) for p in range(PARTITIONS)]
        consumer.assign(tps)
        ends = await consumer.end_offsets(tps)
        await consumer.seek_to_beginning(*tps)
        records = []
        while any([await consumer.position(tp) < ends[tp] for tp in tps]):
            for batch in (await consumer.getmany(timeout_ms=100)).values():
                records.extend(batch)
        return records
    finally:
        await consumer.stop()


@asynccontextmanager
async def bench(
    brokers: str, folder: Path, topics: int = 1, config: dict[str, str] | None = None
) -> AsyncIterator[Bench]:
    """Make topics, and clean up the workers afterwards."""
    made = Bench(brokers, folder, topics)
    admin = AIOKafkaAdminClient(bootstrap_servers=brokers)
    await admin.start()
    new = [NewTopic(t, PARTITIONS, 1, topic_configs=config or {}) for t in made.topics]
    await admin.create_topics([*new, NewTopic(made.out, PARTITIONS, 1)])
    await admin.close()
    made.producer = AIOKafkaProducer(bootstrap_servers=brokers, max_batch_size=1024 * 1024)
    await made.producer.start()
    try:
        yield made
    finally:
        for thing in made.owned:
            await thing.stop()
        await made.producer.stop()
        for worker in made.workers:
            if worker.process.returncode is None:
                worker.process.send_signal(signal.SIGKILL)
                await worker.process.wait()


async def compact_eagerly(brokers: str) -> None:
    """Let the brokers look for something to compact twice a second; by default they do so every 15 seconds."""
    admin = AIOKafkaAdminClient(bootstrap_servers=brokers)
    await admin.start()
    try:
        for broker in (await admin.describe_cluster())["brokers"]:
            changed = {"log.cleaner.backoff.ms": "500"}
            await admin.alter_configs([ConfigResource(ConfigResourceType.BROKER, str(broker["node_id"]), changed)])
    finally:
        await admin.close()
