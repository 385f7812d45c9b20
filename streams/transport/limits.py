"""How much may wait between the broker and a stage."""

from dataclasses import dataclass

from streams.transport.batch import TP


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds per partition; a partition at a bound is not polled until the stage has taken some of it.

    The most that is held of one partition is a bound plus one poll, and one fetch that waits in the consumer.
    """

    queued_records: int = 4_000
    queued_bytes: int = 2 * 1024 * 1024
    """Small: what waits long is no longer in the processor's cache when it is read, and its pages are new each time."""
    poll_records: int = 2_000
    """The most records of one poll, over all partitions; so also of one batch."""
    fetch_bytes: int = 1024 * 1024
    """The most of one partition in one fetch, compressed; a larger single record still passes."""


class Budget:
    """Counts what is queued of each partition, and says which are full."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._records: dict[TP, int] = {}
        self._bytes: dict[TP, int] = {}

    def take(self, tp: TP, records: int, size_bytes: int) -> None:
        """Count a batch that was queued."""
        self._records[tp] = self._records.get(tp, 0) + records
        self._bytes[tp] = self._bytes.get(tp, 0) + size_bytes

    def give_back(self, tp: TP, records: int, size_bytes: int) -> None:
        """Count a batch that left the queue."""
        self.take(tp, -records, -size_bytes)

    def full(self, tp: TP) -> bool:
        """Whether this partition must not be polled."""
        return (
            self._records.get(tp, 0) >= self._limits.queued_records
            or self._bytes.get(tp, 0) >= self._limits.queued_bytes
        )

    def clear(self) -> None:
        """Forget everything, when the partitions are revoked."""
        self._records.clear()
        self._bytes.clear()
