"""Drives one stage: hands it batches and rebalances one at a time, and carries its commits.

Everything here runs in the stage's event loop.
"""

import asyncio
import logging
import time
from collections.abc import Collection, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from schemas.errors import MatchwatchError
from streams.transport.assignment import Assignment
from streams.transport.batch import TP, Commit, Committed, RecordBatch
from streams.transport.commit_request import check_metadata
from streams.transport.errors import CommitFailed, OffsetsBeyondLog
from streams.transport.inbox import Inbox
from streams.transport.limits import Limits
from streams.transport.stage import Stage

if TYPE_CHECKING:
    from streams.transport.app import StageApp
    from streams.transport.consumer_thread import BatchConsumerThread

_log = logging.getLogger(__name__)

_FRESH_MS = 3_000
"""A fetch answer this old no longer says where the log ends."""


class Driver:
    """A stage's `Source`, and the one caller of its callbacks."""

    def __init__(self, app: "StageApp", stage: Stage, limits: Limits) -> None:
        self.limits = limits
        self.inbox = Inbox()
        self._app = app
        self._stage = stage
        self._thread: BatchConsumerThread | None = None
        self._turn = asyncio.Lock()
        self._commit_turn = asyncio.Lock()
        self._busy_since_s: float | None = None
        """When the handler took the batch that it still has, on a monotonic clock."""
        self._told: Assignment | None = None
        """The assignment the stage knows; it may commit in its name."""
        self._positions: dict[TP, int] = {}
        self._stopping = False
        self._failed = False
        self._beside: set[asyncio.Task[None]] = set()

    def connect(self, thread: "BatchConsumerThread") -> None:
        """Learn which thread fetches."""
        self._thread = thread

    @property
    def busy_s(self) -> float:
        """How long the handler has had its present batch, seconds; 0 where it waits for one."""
        return 0.0 if self._busy_since_s is None else time.monotonic() - self._busy_since_s

    @property
    def is_connected(self) -> bool:
        """Whether a broker is connected."""
        return self._thread is not None and self._thread.is_connected()

    @property
    def thread(self) -> "BatchConsumerThread":
        """The thread that fetches.

        Raises:
            CommitFailed: nothing is connected yet.
        """
        if self._thread is None:
            raise CommitFailed("the worker is not connected yet: commit from on_assigned on")
        return self._thread

    # What the thread calls

    async def assigned(self, assignment: Assignment) -> None:
        """Ask the stage where to read on, then open the assignment."""
        async with self._turn:
            if self._stopping or self._failed or not self.thread.is_newest(assignment):
                return
            try:
                committed = await self.thread.call(self.thread.committed(assignment))
                self._told = assignment
                self.inbox.clear()
                self._positions = {}
                wanted = await self._stage.on_assigned(committed)
                seeks = {tp: seek_offset(tp, state, wanted.get(tp)) for tp, state in committed.items()}
                self._positions = dict(seeks)
                if await self.thread.call(self.thread.open_assignment(assignment, seeks)):
                    self._app.on_assignment_open()
            except Exception as error:  # noqa: BLE001 - anything unforeseen stops the worker
                await self.fail(error)

    async def revoked(self) -> None:
        """Let the stage let go, after the batch in hand; the group is joined again after this."""
        async with self._turn:
            told = self._told
            if told is None or self._stopping or self._failed:
                return
            try:
                await self._stage.on_revoked(told.tps)
            except Exception as error:  # noqa: BLE001 - anything unforeseen stops the worker
                await self.fail(error)
            finally:
                self._told = None
                self.inbox.clear()
                self._positions = {}

    def deliver(self, assignment: Assignment, batches: Sequence[RecordBatch]) -> None:
        """Queue what a poll brought."""
        if self._told is assignment and self.thread.is_newest(assignment):
            for batch in batches:
                self.inbox.put(batch)

    # What the agent calls

    async def hand_over(self, batch: RecordBatch) -> None:
        """Give one batch to the stage, unless it was revoked while it waited.

        Raises:
            Exception: whatever the stage raised; nothing is committed any more.
        """
        async with self._turn:
            told = self._told
            if told is None or batch.generation != told.generation or self._stopping or self._failed:
                return
            if batch.tp in self.inbox.paused():
                self.inbox.put_back(batch)
                return
            self._positions[batch.tp] = batch.next_offset
            self._busy_since_s = time.monotonic()
            try:
                await self._stage.on_batch(batch)
            except Exception as error:
                self._failed = True
                self._app.on_failure()
                _say(error)
                raise
            finally:
                self._busy_since_s = None
            self.thread.thread_loop.call_soon_threadsafe(self.thread.give_back, told, batch)

    # Start and stop

    async def start(self) -> None:
        """Let the stage prepare, before the group is joined."""
        try:
            await self._stage.on_started()
        except MatchwatchError as error:
            _say(error)
            raise

    async def stop(self) -> None:
        """Let the stage flush and commit; nothing is handed over afterwards."""
        async with self._turn:
            if self._stopping:
                return
            try:
                if not self._failed and self._told is not None:
                    await self._stage.on_stopping()
            except MatchwatchError as error:
                _say(error)
                raise
            finally:
                self._stopping = True
                for task in self._beside:
                    task.cancel()

    async def stopped(self) -> None:
        """Let the stage release what it made."""
        await asyncio.gather(*self._beside, return_exceptions=True)
        await self._stage.on_stopped()

    async def fail(self, error: BaseException) -> None:
        """Stop the worker; nothing is handed over or committed any more."""
        _say(error)
        self._failed = True
        self._app.on_failure()
        await self._app.crash(error)

    # Source

    @property
    def generation(self) -> int | None:
        """The generation the stage was last assigned in."""
        return None if self._told is None else self._told.generation

    async def commit(self, offsets: Mapping[TP, Commit], generation: int | None = None) -> None:
        """Commit all given partitions in one request; see `Source`."""
        told = self._told
        if self._failed or self._stopping:
            raise CommitFailed("the worker is stopping: nothing was committed")
        if told is None or generation not in {None, told.generation}:
            raise CommitFailed(f"generation {generation or ''} is revoked: nothing was committed")
        foreign = offsets.keys() - told.tps
        if foreign:
            raise CommitFailed(f"{sorted(foreign)} are not assigned to this worker: nothing was committed")
        check_metadata(offsets)
        async with self._commit_turn:
            if self._failed:
                raise CommitFailed("the worker has failed: nothing was committed")
            if offsets:
                await self.thread.call(self.thread.commit_in_generation(told, offsets))

    def pause(self, tps: Collection[TP]) -> None:
        """Hand over nothing more of these partitions."""
        self.inbox.pause(tps)

    def resume(self, tps: Collection[TP]) -> None:
        """Hand over these partitions again."""
        self.inbox.resume(tps)

    def paused(self) -> frozenset[TP]:
        """Which partitions are paused."""
        return self.inbox.paused()

    def position(self, tp: TP) -> int:
        """Where the next batch begins or later."""
        return self._positions[tp]

    def end_offset(self, tp: TP) -> int | None:
        """The end of the log as of the last fetch."""
        state = self.thread.fetch_state(tp)
        return None if state is None else state.lso

    def at_end(self, tp: TP) -> bool:
        """Whether all there is was handed over."""
        state = self.thread.fetch_state(tp)
        if state is None or state.lso is None or tp in self.inbox.paused() or self.inbox.holds(tp):
            return False
        fresh = time.time() * 1000 - state.timestamp < _FRESH_MS
        return fresh and bool(self._positions.get(tp, -1) >= state.lso)

    def run_beside(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Run a coroutine beside the stage; its failure stops the worker."""
        task = asyncio.get_running_loop().create_task(self._supervise(work), name=name)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    async def _supervise(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001 - anything unforeseen stops the worker
            await self.fail(error)


def _say(error: BaseException) -> None:
    """Say what went wrong before the traceback does, in one line, where it is an error of our own with its cure."""
    if isinstance(error, MatchwatchError):
        _log.critical("%s", error)


def seek_offset(tp: TP, committed: Committed, wanted: int | None) -> int:
    """Where to read on: where the stage wants, else at the commit, else at the log's start; never below that."""
    furthest = max(committed.offset or 0, wanted or 0)
    if furthest > committed.log_end:
        raise OffsetsBeyondLog(
            f"{tp.topic}[{tp.partition}] has been read up to {furthest}, and its log ends at {committed.log_end}: the "
            "topic was created anew, and others still hold what was made of the old one; choose another "
            "kafka.topic_prefix and kafka.group_prefix"
        )
    if wanted is None:
        wanted = committed.log_start if committed.offset is None else committed.offset
    return max(wanted, committed.log_start)
