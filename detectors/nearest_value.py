"""Nearest value: how far is a number from all that was seen, at this time of day or ever?"""

from bisect import bisect_left, insort
from collections import deque
from typing import Any, Final

DAY_S: Final = 86_400


class NearestValue:
    """Gives each number's distance to the nearest one of the past.

    Unlike a deviation from a mean, it takes several levels as usual, weekdays and weekends for one, and finds a number
    between them as new as one beyond.

    Args:
        parts: into how many parts a day is cut, each with numbers of its own; 1 for none.
        delay_s: a number is held against others only after this time, so that an anomaly is new as long as it lasts.
        memory: the latest so many numbers are remembered.

    >>> nearest = NearestValue(parts=2, delay_s=0.0, memory=1000)
    >>> [nearest.update(x, hour * 3600.0) for hour, x in [(1, 5.0), (2, 5.5), (13, 9.0), (14, 5.0)]]
    [0.0, 0.5, 0.0, 4.0]
    """

    def __init__(self, parts: int, delay_s: float, memory: int) -> None:
        self._part_s = DAY_S / parts
        self._delay_s = delay_s
        self._memory = memory
        self._sorted: list[list[float]] = [[] for _ in range(parts)]
        self._order: deque[tuple[float, float]] = deque()
        self._waiting: deque[tuple[float, float]] = deque()

    def update(self, x: float, time_s: float) -> float:
        """Give the distance, 0 where there is nothing to hold it against; times do not go back."""
        while self._waiting and self._waiting[0][1] <= time_s - self._delay_s:
            self._learn(*self._waiting.popleft())
        values = self._part(time_s)
        place = bisect_left(values, x)
        self._waiting.append((x, time_s))
        return min((abs(x - near) for near in values[max(0, place - 1) : place + 1]), default=0.0)

    def state(self) -> dict[str, Any]:
        """Give the numbers with their times."""
        return {"learned": [list(one) for one in self._order], "waiting": [list(one) for one in self._waiting]}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up where another with the same settings gave its `state`."""
        for values in self._sorted:
            values.clear()
        self._order.clear()
        for x, time_s in state["learned"]:
            self._learn(x, time_s)
        self._waiting = deque((x, time_s) for x, time_s in state["waiting"])

    def _learn(self, x: float, time_s: float) -> None:
        insort(self._part(time_s), x)
        self._order.append((x, time_s))
        if len(self._order) > self._memory:
            old, then_s = self._order.popleft()
            values = self._part(then_s)
            del values[bisect_left(values, old)]

    def _part(self, time_s: float) -> list[float]:
        return self._sorted[min(int(time_s % DAY_S / self._part_s), len(self._sorted) - 1)]
