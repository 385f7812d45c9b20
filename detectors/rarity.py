"""Rarity: how few of the numbers before were as large."""

import math
from bisect import bisect_left, insort
from collections import deque
from typing import Any, Final

LEAST_NUMBERS: Final = 50
"""Numbers before the first that is called rare."""
CERTAIN: Final = 2.5
"""Rarity beyond this, one in 300, counts by its logarithm: it is as rare as anything in a short past can be."""


class Rarity:
    """Ranks each number among those before it, whatever their distribution is.

    Args:
        memory: the latest so many numbers are remembered.

    >>> rarity = Rarity(memory=1000)
    >>> [round(rarity.update(number % 7), 2) for number in range(70)][-1]
    0.87
    >>> round(rarity.update(7.0), 2)
    2.15

    References:
        Vovk, Nouretdinov & Gammerman (2003), Testing exchangeability on-line.
    """

    def __init__(self, memory: int) -> None:
        self._memory = memory
        self._sorted: list[float] = []
        self._order: deque[float] = deque()

    def update(self, x: float) -> float:
        """Give −log10 of the share of earlier numbers at least as large, 0 while there are few; then remember it."""
        n = len(self._sorted)
        rank = bisect_left(self._sorted, x)
        insort(self._sorted, x)
        self._order.append(x)
        if n == self._memory:
            del self._sorted[bisect_left(self._sorted, self._order.popleft())]
        if n < LEAST_NUMBERS:
            return 0.0
        rarity = max(0.0, -math.log10((n - rank + 0.5) / (n + 1)))
        return min(rarity, CERTAIN) + math.log1p(max(0.0, rarity - CERTAIN))

    def state(self) -> dict[str, Any]:
        """Give the numbers in their order."""
        return {"numbers": list(self._order)}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up where another with the same memory gave its `state`."""
        self._order = deque(state["numbers"])
        self._sorted = sorted(self._order)
