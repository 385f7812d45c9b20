"""Which requests make up the next batch, and when it is due. Pure: times are handed in."""

from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """How requests are put together.

    Attributes:
        max_rows: a batch is due as soon as it has so many rows, and has no more unless one request does alone.
        max_delay_s: how long the first request of a batch waits for others.
        queue_rows: rows that may wait; what comes beyond them is refused.
    """

    max_rows: int = 256
    max_delay_s: float = 0.002
    queue_rows: int = 8192


@dataclass(slots=True, eq=False)
class Waiting(Generic[_T]):
    """A request in the queue."""

    request: _T
    rows: int
    arrived_s: float


class BatchQueue(Generic[_T]):
    """Requests in the order in which they came; whole requests leave, as batches.

    >>> queue = BatchQueue(BatchLimits(max_rows=3, max_delay_s=1.0, queue_rows=9))
    >>> for name in "abc":
    ...     _ = queue.add(name, 2, 0.0)
    >>> [waiting.request for waiting in queue.take(0.1)]
    ['a']
    >>> queue.due_s()
    0.1
    """

    def __init__(self, limits: BatchLimits) -> None:
        self._limits = limits
        self._waiting: deque[Waiting[_T]] = deque()
        self.rows = 0
        """Rows that wait."""

    def __len__(self) -> int:
        """Requests that wait."""
        return len(self._waiting)

    def has_room(self, rows: int) -> bool:
        """Whether a request of so many rows may wait; one that is larger than the whole queue may never."""
        return self.rows + rows <= self._limits.queue_rows

    def add(self, request: _T, rows: int, now_s: float) -> Waiting[_T]:
        """Let a request wait for its batch. Ask `has_room` first."""
        waiting = Waiting(request, rows, now_s)
        self._waiting.append(waiting)
        self.rows += rows
        return waiting

    def leave(self, waiting: Waiting[_T]) -> None:
        """Take out a request whose client has gone; nothing if its batch is under way."""
        try:
            self._waiting.remove(waiting)
        except ValueError:
            return
        self.rows -= waiting.rows

    def is_full(self) -> bool:
        """Whether the next batch has all the rows that it may have."""
        return self.rows >= self._limits.max_rows

    def due_s(self) -> float | None:
        """When the next batch is due, now or later; None if nothing waits."""
        if not self._waiting:
            return None
        first_s = self._waiting[0].arrived_s
        return first_s if self.is_full() else first_s + self._limits.max_delay_s

    def take(self, now_s: float) -> list[Waiting[_T]]:
        """Give the next batch if it is due, else nothing: the longest run of requests that has no rows too many."""
        due_s = self.due_s()
        if due_s is None or now_s < due_s:
            return []
        batch: list[Waiting[_T]] = []
        rows = 0
        while self._waiting and (not batch or rows + self._waiting[0].rows <= self._limits.max_rows):
            first = self._waiting.popleft()
            batch.append(first)
            rows += first.rows
        self.rows -= rows
        return batch
