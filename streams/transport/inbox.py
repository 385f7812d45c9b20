"""Fetched batches that wait for the stage, in order within each partition."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Collection

from streams.transport.batch import TP, RecordBatch


class Inbox:
    """Queues per partition, served in turn; paused partitions keep what they have.

    It bounds nothing: the fetching side counts what is in here and stops at its limits.
    """

    def __init__(self) -> None:
        self._queues: OrderedDict[TP, deque[RecordBatch]] = OrderedDict()
        self._paused: set[TP] = set()
        self._changed = asyncio.Event()

    def put(self, batch: RecordBatch) -> None:
        """Append a batch to its partition's queue."""
        self._queues.setdefault(batch.tp, deque()).append(batch)
        self._changed.set()

    def put_back(self, batch: RecordBatch) -> None:
        """Undo a `get` whose partition was paused before anybody saw the batch."""
        self._queues[batch.tp].appendleft(batch)
        self._changed.set()

    async def get(self) -> RecordBatch:
        """Wait for a batch of any partition that is not paused and take it; partitions take turns."""
        while True:
            for tp, queue in self._queues.items():
                if queue and tp not in self._paused:
                    self._queues.move_to_end(tp)
                    return queue.popleft()
            self._changed.clear()
            await self._changed.wait()

    def pause(self, tps: Collection[TP]) -> None:
        """Serve nothing of these partitions."""
        self._paused.update(tps)

    def resume(self, tps: Collection[TP]) -> None:
        """Serve these partitions again."""
        self._paused.difference_update(tps)
        self._changed.set()

    def paused(self) -> frozenset[TP]:
        """Which partitions are paused."""
        return frozenset(self._paused)

    def holds(self, tp: TP) -> bool:
        """Whether anything of this partition waits."""
        return bool(self._queues.get(tp))

    def clear(self) -> None:
        """Forget all batches and pauses."""
        self._queues.clear()
        self._paused.clear()
