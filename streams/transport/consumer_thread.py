"""The thread in which aiokafka fetches, keeps the group and commits.

It has an event loop of its own, so a stage that computes for seconds loses no heartbeat. The poll loop runs in it,
hands whole record lists to the stage's loop, and never waits for the stage: a partition whose budget is spent is left
out of the next poll. Everything here belongs to the thread's loop, except where a docstring says otherwise.
"""
# ruff: noqa: SLF001 - positions, commit metadata and generations are private in aiokafka; its version is pinned

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from operator import attrgetter
from typing import Any, TypeVar

import aiokafka  # type: ignore[import-untyped]  # aiokafka ships no types
from aiokafka.abc import ConsumerRebalanceListener  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError, OffsetOutOfRangeError  # type: ignore[import-untyped]
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, server_list

from streams.transport.assignment import Assignment
from streams.transport.batch import TP, Commit, Committed, Record, RecordBatch
from streams.transport.commit_request import send_commit
from streams.transport.driver import Driver
from streams.transport.errors import CommitFailed, PositionLost
from streams.transport.limits import Budget
from streams.transport.unreadable import read_singly

T = TypeVar("T")

_POLL_S = 0.1
"""How long a poll waits for records; also how soon a partition that was left out is polled again."""
_FETCH_WAIT_MS = 250
"""How long the broker holds an empty fetch. Faust's 1500 would delay a resumed partition that long, since aiokafka has
one fetch a broker in flight."""
_RETRY_S = 0.1
_value_size = attrgetter("serialized_value_size")


class RebalanceListener(ConsumerRebalanceListener):  # type: ignore[misc]  # its base has no types
    """Passes rebalances on to the stage, and closes the old assignment before anything is awaited."""

    def __init__(self, thread: "BatchConsumerThread") -> None:
        self._thread = thread

    def on_partitions_revoked(self, revoked: frozenset[Any]) -> Awaitable[None]:
        """Stop polling at once; the group is joined again when the stage has let go."""
        del revoked  # an eager rebalance revokes everything
        self._thread.close_assignment()
        return self._thread.tell_revoked()

    def on_partitions_assigned(self, assigned: frozenset[Any]) -> None:
        """Note the new assignment; what follows must not delay the heartbeats, which start when this returns."""
        self._thread.note_assignment(frozenset(TP(tp.topic, tp.partition) for tp in assigned))


class BatchConsumerThread(AIOKafkaConsumerThread):
    """Faust's consumer thread, with a poll loop that hands over record lists."""

    driver: Driver
    """Set by the consumer before the thread starts."""

    _newest: Assignment | None = None
    """The assignment of the newest generation joined; what may still commit."""
    _open: Assignment | None = None
    """The assignment that is being polled: none while revoked, or until the stage has said where to seek."""
    _open_tps: tuple[tuple[TP, Any], ...] = ()
    _delivered: dict[TP, int]
    _budget: Budget
    _changed: asyncio.Event
    _poll_turn: asyncio.Lock
    """Held by a poll in progress, and while positions are set. A poll that began under an older assignment would take
    records from the new positions, and they would be dropped with it."""

    async def on_start(self) -> None:
        """Connect."""
        self._changed = asyncio.Event()
        self._poll_turn = asyncio.Lock()
        await super().on_start()

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        conf = self.app.conf
        limits = self.driver.limits
        return aiokafka.AIOKafkaConsumer(
            client_id=conf.broker_client_id,
            group_id=conf.id,
            bootstrap_servers=server_list(transport.url, transport.default_port),
            partition_assignment_strategy=[self.app.assignor],
            enable_auto_commit=False,
            # Every partition is sought explicitly; a lost position must stop the worker, not skip silently.
            auto_offset_reset="none",
            # Aborted transactions of the shop's producers are not events.
            isolation_level="read_committed",
            max_partition_fetch_bytes=limits.fetch_bytes,
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            request_timeout_ms=int(conf.broker_request_timeout * 1000),
            session_timeout_ms=int(conf.broker_session_timeout * 1000),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1000),
            metadata_max_age_ms=conf.consumer_metadata_max_age_ms,
            connections_max_idle_ms=conf.consumer_connections_max_idle_ms,
        )

    # The assignment

    def close_assignment(self) -> None:
        """Poll no more, and drop what a poll in progress brings."""
        self._open = None
        self.app.on_rebalance_start()

    async def tell_revoked(self) -> None:
        """Wait until the stage has let go of its partitions."""
        await self._in_stage_loop(self.driver.revoked())

    def note_assignment(self, tps: frozenset[TP]) -> None:
        """Begin a new generation: the stage is asked where to read on, and polling waits for its answer."""
        coordinator = self._ensure_consumer()._coordinator
        assignment = Assignment(coordinator.generation, coordinator.member_id, tps)
        self._newest = assignment
        self.app.consumer_generation_id = assignment.generation
        asyncio.run_coroutine_threadsafe(self.driver.assigned(assignment), self.parent_loop)

    def is_newest(self, assignment: Assignment) -> bool:
        """Whether no rebalance has begun since; callable from any thread."""
        return self._newest is assignment

    async def committed(self, assignment: Assignment) -> dict[TP, Committed]:
        """Read what the group committed last, with its metadata.

        The group's older generations can commit nothing any more once this one is joined, so what is read is final.
        """
        if not assignment.tps:
            return {}
        consumer = self._ensure_consumer()
        tps = [aiokafka.TopicPartition(*tp) for tp in assignment.tps]
        # `consumer.committed()` drops the metadata; this is what it calls.
        offsets = await consumer._coordinator.fetch_committed_offsets(tps)
        starts = await consumer.beginning_offsets(tps)
        ends = await consumer.end_offsets(tps)
        return {
            TP(*tp): Committed(
                offsets[tp].offset if tp in offsets else None,
                offsets[tp].metadata if tp in offsets else "",
                starts[tp],
                ends[tp],
            )
            for tp in tps
        }

    async def open_assignment(self, assignment: Assignment, seeks: Mapping[TP, int]) -> bool:
        """Seek and start polling, unless a rebalance has begun in the meantime."""
        consumer = self._ensure_consumer()
        async with self._poll_turn:
            subscription = consumer._subscription.subscription
            if self._newest is not assignment or subscription._reassignment_in_progress:
                return False
            for tp, offset in seeks.items():
                consumer.seek(aiokafka.TopicPartition(*tp), offset)
            self._open_tps = tuple(
                (tp, subscription.assignment.state_value(aiokafka.TopicPartition(*tp))) for tp in assignment.tps
            )
            self._delivered = dict(seeks)
            self._budget = Budget(self.driver.limits)
            self._open = assignment
        self._changed.set()
        return True

    # Polling

    async def poll_until_cancelled(self, deliver: Callable[[Assignment, Sequence[RecordBatch]], None]) -> None:
        """Poll all partitions whose budget allows it, and pass what they bring to `deliver` on the stage's loop."""
        consumer = self._ensure_consumer()
        # Within this context aiokafka counts the member as active. Otherwise it leaves the group when all partitions
        # have been full for max_poll_interval_ms, though the worker is only waiting for the pool.
        with consumer._subscription.fetch_context():
            while True:
                async with self._poll_turn:
                    assignment = self._open
                    batches = await self._poll(consumer, assignment) if assignment is not None else None
                if batches and assignment is not None:
                    self.parent_loop.call_soon_threadsafe(deliver, assignment, batches)
                if batches is None:
                    if consumer._coordinator is not None:  # there is none before the subscription
                        consumer._coordinator.check_errors()
                    await self._wait_for_change()

    async def _poll(self, consumer: aiokafka.AIOKafkaConsumer, assignment: Assignment) -> list[RecordBatch] | None:
        """Poll once; None where no partition may be polled."""
        ready = [aiokafka.TopicPartition(*tp) for tp in assignment.tps if not self._budget.full(tp)]
        if not ready:
            return None
        try:
            records = await consumer.getmany(
                *ready, timeout_ms=int(_POLL_S * 1000), max_records=self.driver.limits.poll_records
            )
        except KafkaError as error:
            if self._open is not assignment:
                return []  # an error of partitions that are sought anew before they are polled again
            if isinstance(error, OffsetOutOfRangeError):
                places = ", ".join(f"{tp.topic}[{tp.partition}] at {offset}" for tp, offset in error.args[0].items())
                raise PositionLost(
                    f"{places}: the log holds nothing there any more, it was deleted before it was read; the worker "
                    "ends, and its next start reads on from where the log begins and counts what is lost"
                ) from error
            raise
        except UnicodeDecodeError:
            if self._open is not assignment:
                return []
            records = await read_singly(consumer, {tp: self._delivered[TP(*tp)] for tp in ready})
        # Where the assignment was revoked while the poll waited, the next owner reads these records again.
        return self._batches(assignment, records) if self._open is assignment else []

    def _batches(self, assignment: Assignment, records: Mapping[Any, Sequence[Record]]) -> list[RecordBatch]:
        batches = []
        for tp, state in self._open_tps:
            position: int = state.position
            if position == self._delivered[tp]:
                continue
            # The position moves without records over transaction markers and compacted tails.
            of_tp = records.get(tp, ())
            size = sum(map(_value_size, of_tp))
            self._delivered[tp] = position
            self._budget.take(tp, len(of_tp), size)
            batches.append(RecordBatch(tp, of_tp, position, assignment.generation, size))
        return batches

    async def _wait_for_change(self) -> None:
        self._changed.clear()
        try:
            await asyncio.wait_for(self._changed.wait(), timeout=_POLL_S)
        except TimeoutError:
            return

    def give_back(self, assignment: Assignment, batch: RecordBatch) -> None:
        """Count a batch as taken by the stage."""
        if self._open is assignment:
            was_full = self._budget.full(batch.tp)
            self._budget.give_back(batch.tp, len(batch.records), batch.size_bytes)
            if was_full:
                self._changed.set()

    # Commits

    async def commit_in_generation(self, assignment: Assignment, offsets: Mapping[TP, Commit]) -> None:
        """Commit in one request, again after transient errors for as long as the generation is the newest.

        Raises:
            CommitFailed: the generation is lost, or the consumer closes.
        """
        coordinator = self._ensure_consumer()._coordinator
        while self._newest is assignment and not coordinator._closing.done():
            if await send_commit(coordinator, self.app.conf.id, assignment, offsets):
                return
            await asyncio.sleep(_RETRY_S)
        raise CommitFailed(
            f"generation {assignment.generation} of group {self.app.conf.id} is over: nothing was committed"
        )

    # Between the threads

    def _crash(self, reason: BaseException) -> None:
        # mode sets this thread's events from whichever thread crashes, which wakes nobody (and asyncio's debug mode
        # refuses it, so that the worker would never end).
        if not self.thread_loop.is_closed():
            self.thread_loop.call_soon_threadsafe(super()._crash, reason)

    def _stopped_set(self) -> None:
        if not self.thread_loop.is_closed():  # it is after a crash in it
            super()._stopped_set()

    async def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the thread's loop; called from the stage's loop."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self.thread_loop))

    async def _in_stage_loop(self, work: Coroutine[Any, Any, T]) -> T:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self.parent_loop))

    def is_connected(self) -> bool:
        """Whether any broker is connected; plain reads, from any thread."""
        consumer = self._consumer
        return consumer is not None and any(one.connected() for one in tuple(consumer._client._conns.values()))

    def fetch_state(self, tp: TP) -> Any:
        """Give aiokafka's state of one partition (position, lso, timestamp), or None; plain reads, from any thread."""
        for open_tp, state in self._open_tps if self._open is not None else ():
            if open_tp == tp:
                return state
        return None
