"""Runs a served model on batches that are put together of many requests."""

import asyncio
from concurrent.futures import Executor
from dataclasses import dataclass, field
from itertools import pairwise
from time import monotonic

import numpy as np

from inference.protocol.refusals import Reason, Refused
from inference.server.batch_queue import BatchLimits, BatchQueue, Waiting
from inference.server.model_figures import ModelFigures
from inference.server.served_model import Columns, Computed, ServedModel


@dataclass(frozen=True, slots=True)
class Answered:
    """A request's part of a batch, and how long it waited and the batch took."""

    computed: Computed
    queue_s: float
    compute_s: float


@dataclass(slots=True, eq=False)
class _Asked:
    columns: Columns
    answer: "asyncio.Future[Answered]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Batcher:
    """The queue of one model.

    While a batch is computed a second one may be handed over, if it is full, so that the computing thread never waits
    for the event loop; what is not full yet goes on gathering.

    Args:
        model: computes.
        limits: of batches and of the queue.
        executor: whose threads compute; shared by all models of a worker.
        figures: where requests are counted.
    """

    def __init__(self, model: ServedModel, limits: BatchLimits, executor: Executor, figures: ModelFigures) -> None:
        self.model = model
        self.figures = figures
        self.limits = limits
        self._executor = executor
        self._queue: BatchQueue[_Asked] = BatchQueue(limits)
        self._under_way: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._shrunk = asyncio.Event()
        """A batch has ended, or somebody has left the queue."""
        self._task = asyncio.create_task(self._run(), name=f"batches of {model}")

    @property
    def queued_rows(self) -> int:
        """Rows that wait for a batch."""
        return self._queue.rows

    @property
    def queued_requests(self) -> int:
        """Requests that wait for a batch."""
        return len(self._queue)

    async def ask(self, columns: Columns) -> Answered:
        """Compute some rows together with those of others. A caller that is cancelled has nothing computed.

        Raises:
            Refused: the queue is full, or the model failed on these rows.
        """
        rows = len(columns[0])
        if rows > self.limits.queue_rows:
            message = f"{self.model}: {rows} rows in one request, at most {self.limits.queue_rows} may wait; send fewer"
            raise Refused(Reason.TOO_LARGE, message)
        if not self._queue.has_room(rows):
            message = (
                f"{self.model}: {self._queue.rows} rows wait, at most {self.limits.queue_rows} may; try again later"
            )
            raise Refused(Reason.FULL, message)
        waiting = self._queue.add(_Asked(columns), rows, monotonic())
        self._changed.set()
        try:
            return await waiting.request.answer
        except asyncio.CancelledError:
            self._queue.leave(waiting)
            self._shrunk.set()
            raise

    async def close(self) -> None:
        """Compute what waits, then end."""
        while self._queue.rows or self._under_way:
            self._shrunk.clear()
            await self._shrunk.wait()  # what waits is due before long
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            self._changed.clear()
            may_hand_over = not self._under_way or (len(self._under_way) == 1 and self._queue.is_full())
            batch = self._queue.take(monotonic()) if may_hand_over else []
            if batch:
                task = asyncio.create_task(self._compute(batch))
                self._under_way.add(task)
                task.add_done_callback(self._ended)
                continue
            due_s = self._queue.due_s() if may_hand_over else None
            try:
                async with asyncio.timeout(None if due_s is None else max(0.0, due_s - monotonic())):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._changed.set()
        self._shrunk.set()

    async def _compute(self, batch: list[Waiting[_Asked]]) -> None:
        began_s = monotonic()
        rows = sum(waiting.rows for waiting in batch)
        columns = [
            [text for waiting in batch for text in waiting.request.columns[place]]
            for place in range(len(self.model.inputs))
        ]
        try:
            computed, compute_s = await self._on_thread(columns)
        except Exception as error:  # noqa: BLE001 - whatever the libraries raise, only its own requests fail
            if len(batch) > 1:
                for waiting in batch:  # one request's rows shall not fail everybody else's
                    await self._compute([waiting])
                return
            message = f"{self.model}: computing {rows} rows failed: {error}"
            self._fail(batch[0], Refused(Reason.FAILED, message))
            return
        self.figures.executed(rows, compute_s)
        ends = np.cumsum([0, *(waiting.rows for waiting in batch)]).tolist()
        for waiting, (start, end) in zip(batch, pairwise(ends), strict=True):
            self._answer(waiting, computed, slice(start, end), began_s - waiting.arrived_s, compute_s)

    async def _on_thread(self, columns: Columns) -> tuple[Computed, float]:
        def compute() -> tuple[Computed, float]:
            started_s = monotonic()
            return self.model.compute(columns), monotonic() - started_s

        return await asyncio.get_running_loop().run_in_executor(self._executor, compute)

    def _answer(
        self, waiting: Waiting[_Asked], computed: Computed, part: slice, queue_s: float, compute_s: float
    ) -> None:
        broken = computed.broken[part]
        if broken.any():
            message = (
                f"{self.model}: what it gave for {int(broken.sum())} of {waiting.rows} rows, the first row "
                f"{int(broken.argmax())}, is not a number; the model is broken: load another version"
            )
            self._fail(waiting, Refused(Reason.FAILED, message))
            return
        arrays = {name: array[part] for name, array in computed.arrays.items()}
        if not waiting.request.answer.done():
            waiting.request.answer.set_result(Answered(Computed(arrays, broken), queue_s, compute_s))

    def _fail(self, waiting: Waiting[_Asked], error: Refused) -> None:
        if not waiting.request.answer.done():
            waiting.request.answer.set_exception(error)
