"""What a stage is to the transport, and what the transport is to a stage."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Coroutine, Mapping
from typing import Any, Protocol

from streams.transport.batch import TP, Commit, Committed, RecordBatch


class Source(Protocol):
    """A stage's view of the partitions it owns. All methods belong to the stage's event loop."""

    @property
    def generation(self) -> int | None:
        """The generation the stage was last assigned in; None between a revocation and the next assignment."""

    async def commit(self, offsets: Mapping[TP, Commit], generation: int | None = None) -> None:
        """Commit all given partitions in one request.

        A transient error (a broker restarts, the coordinator moves) is tried again for as long as the generation lives.

        Args:
            offsets: what to commit; nothing is sent where it is empty.
            generation: the generation the offsets come from, if not the current one; an old one is refused here.

        Raises:
            CommitFailed: the generation is lost, or the worker has failed; nothing was committed.
            CommitMetadataTooLarge: a metadata string exceeds 4096 bytes.
        """

    def pause(self, tps: Collection[TP]) -> None:
        """Hand over nothing more of these partitions, from this moment on; what was fetched waits in order."""

    def resume(self, tps: Collection[TP]) -> None:
        """Hand over these partitions again, from where they were paused."""

    def paused(self) -> frozenset[TP]:
        """Which partitions are paused; none after an assignment."""

    def position(self, tp: TP) -> int:
        """Where the next batch of `tp` begins or later: the `next_offset` of the last one handed over, or the seek.

        Raises:
            KeyError: `tp` is not assigned.
        """

    def end_offset(self, tp: TP) -> int | None:
        """The end of the log as of the last fetch, transactions in progress excluded; None before the first."""

    def at_end(self, tp: TP) -> bool:
        """Whether all there is was handed over, by a broker that answered within the last seconds.

        A paused or lagging partition is never at its end.
        """

    def run_beside(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Run a coroutine beside the stage until the worker stops; its failure stops the worker."""


class Stage(ABC):
    """A fold over the log, driven by the transport.

    The callbacks are never run at the same time: a revocation waits for the batch in hand. An exception from any of
    them stops the worker, and nothing is committed after it. Blocking work in them delays other callbacks but not the
    heartbeats, which run in a thread of their own.
    """

    source: Source
    """Set by `make_app` before anything is called."""

    async def on_started(self) -> None:  # noqa: B027 - most stages need not
        """Prepare before the group is joined: read side topics to their end, start producers."""

    @abstractmethod
    async def on_assigned(self, committed: Mapping[TP, Committed]) -> Mapping[TP, int]:
        """Decide where to read on.

        Every assignment names all partitions of this worker, also those it had a moment ago: a rebalance revokes
        everything. It is empty for a standby.

        Args:
            committed: what the group committed last, read after this generation was joined, so that no older member
                can change it any more.

        Returns:
            The offset to seek to, per partition; one left out starts at its committed offset, or at the log's start.
            An offset below the log's start is raised to it.
        """

    @abstractmethod
    async def on_batch(self, batch: RecordBatch) -> None:
        """Take one batch of the current generation; the next is handed over when this returns.

        What was taken and not yet committed is the stage's to bound.
        """

    async def on_revoked(self, tps: frozenset[TP]) -> None:  # noqa: B027 - most stages need not
        """Let go of all partitions. A commit from here still counts, if the group has not given up on this member."""

    async def on_stopping(self) -> None:  # noqa: B027 - most stages need not
        """Flush and commit: no batch comes any more, no `on_revoked` either, and the group is left when this returns.

        Not called after a failure, nor for a standby.
        """

    async def on_stopped(self) -> None:  # noqa: B027 - most stages need not
        """Release what `on_started` made; also called after a failure."""
