"""What is on its way from the shop to Kafka: mostly for moments, rarely for minutes, and now and then twice."""

from bisect import bisect_left
from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

_TRANSPORT_MS: Final = 80.0
_STRAGGLER_SHARE: Final = 0.002
_STRAGGLER_S: Final = (5.0, 25.0)
"""Out of order, but within the lateness that is waited for."""
_LATE_SHARE: Final = 0.0005
_LATE_S: Final = (60.0, 600.0)
_REPEAT_SHARE: Final = 0.001
_REPEAT_S: Final = 5.0


class Emitted(NamedTuple):
    """One record as it reaches Kafka: when (event time, epoch milliseconds), the topic's catalogue name, key, value."""

    arrival_ms: int
    topic: str
    key: bytes
    value: bytes


class _Pending(NamedTuple):
    arrival_ms: int
    number: int
    record: Emitted


class Outbox:
    """Records that have been sent and have not yet arrived."""

    def __init__(self) -> None:
        self._pending: list[_Pending] = []
        self._sent = 0

    def push(self, arrival_ms: int, topic: str, key: bytes, value: bytes) -> None:
        """Send a record that will arrive then."""
        # Of records that arrive together the one sent first goes first; their bytes are never compared.
        self._pending.append(_Pending(arrival_ms, self._sent, Emitted(arrival_ms, topic, key, value)))
        self._sent += 1

    def arrived_before(self, end_ms: int | None) -> Iterator[Emitted]:
        """Hand over what has arrived by then, in order of arrival; None: all there is."""
        self._pending.sort()
        count = len(self._pending) if end_ms is None else bisect_left(self._pending, (end_ms,))
        for pending in self._pending[:count]:
            yield pending.record
        del self._pending[:count]


def draw_journeys(rng: np.random.Generator, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Draw when events arrive, and when some arrive again.

    Args:
        rng: the source of chance.
        times: of the events, epoch milliseconds, shape (events,).

    Returns:
        Arrivals and second arrivals (0: none), epoch milliseconds, shape (events,).
    """
    count = len(times)
    arrivals = times + 1 + rng.exponential(_TRANSPORT_MS, count).astype(np.int64)
    chance = rng.random(count)
    straggles = (rng.uniform(*_STRAGGLER_S, count) * 1000).astype(np.int64)
    lates = (rng.uniform(*_LATE_S, count) * 1000).astype(np.int64)
    arrivals += np.where(chance < _LATE_SHARE, lates, np.where(chance < _STRAGGLER_SHARE, straggles, 0))
    repeats = rng.random(count) < _REPEAT_SHARE
    again = np.where(repeats, arrivals + 1 + (rng.uniform(0, _REPEAT_S, count) * 1000).astype(np.int64), 0)
    return arrivals, again
