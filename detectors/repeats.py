"""Repeats: what has been said need not be said again, unless it is worse."""

import math
from bisect import bisect_left, insort
from collections import deque
from typing import Any, Final

WORSE: Final = 1.2
"""A score so many times the one that was passed on is passed on right after it; later less is asked."""
REFRACTORY_UPDATES: Final = 300
"""After so many numbers any score is passed on."""
DISCOUNT: Final = 4.0
"""What a score loses for each tenfold of earlier ones as high."""
MEMORY: Final = 512


class Repeats:
    """Passes on the first score of an episode, and less of it the more episodes before were as bad.

    One series has an odd hour every day, another once in a year. With the discount one limit fits both.

    >>> repeats = Repeats()
    >>> episodes = [3.0, 3.1, 5.0, 4.0], [0.0] * 300 + [4.5, 4.5], [0.0] * 300 + [4.0]
    >>> [[round(repeats.update(score), 2) for score in episode][-4:] for episode in episodes]
    [[3.0, 0.0, 5.0, 0.0], [0.0, 0.0, 3.3, 0.0], [0.0, 0.0, 0.0, 2.09]]
    """

    def __init__(self) -> None:
        self._held = 0.0
        self._left = 0
        self._sorted: list[float] = []
        self._order: deque[float] = deque()

    def update(self, score: float) -> float:
        """Give what is passed on of a score of at least 0."""
        limit = self._held * WORSE * self._left / REFRACTORY_UPDATES
        self._left = max(0, self._left - 1)
        if score <= limit:
            return 0.0
        self._held, self._left = score, REFRACTORY_UPDATES
        as_high = len(self._sorted) - bisect_left(self._sorted, score)
        insort(self._sorted, score)
        self._order.append(score)
        if len(self._order) > MEMORY:
            del self._sorted[bisect_left(self._sorted, self._order.popleft())]
        return max(0.0, score - DISCOUNT * math.log10(1 + as_high))

    def state(self) -> dict[str, Any]:
        """Give the latest score that was passed on, and those before."""
        return {"held": self._held, "left": self._left, "passed": list(self._order)}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up where another gave its `state`."""
        self._held, self._left = state["held"], state["left"]
        self._order = deque(state["passed"])
        self._sorted = sorted(self._order)
