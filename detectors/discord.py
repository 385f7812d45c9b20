"""Discord: how unlike all before it is the shape of the latest numbers?"""

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

SLACK: Final = 1024
"""Numbers above the memory at which the oldest so many are dropped."""
ROUNDING: Final = 1e-10
"""Distances below this share of the largest number are taken for rounding."""

FARTHEST: Final = 100.0
"""How far outside of all numbers so far, in their range, a number is taken to be at most. Of a squared distance beyond
it rounding would stay behind in all later ones."""
LARGEST: Final = 1e100
"""Squares of larger numbers overflow."""


class Discord:
    """Gives the distance of the latest window of numbers to the nearest earlier one that does not overlap it.

    The squared distances to all earlier windows follow from those of the number before: one pair comes, one goes. So a
    number that is far outside of all before it is taken for one that is less so, which is as new.

    Args:
        width: numbers of a window.
        memory: at least the latest so many numbers are held against.

    >>> discord = Discord(width=6, memory=1000)
    >>> distances = [discord.update(index % 12 if not 100 < index < 104 else 5.0) for index in range(120)]
    >>> [index for index, distance in enumerate(distances) if distance > 0.5 and index >= 24]
    [103, 104, 105, 106, 107, 108]

    References:
        Keogh, Lin & Fu (2005), HOT SAX: efficiently finding the most unusual time series subsequence; Yeh et al.
        (2016), Matrix profile I.
    """

    def __init__(self, width: int, memory: int) -> None:
        self._width = width
        self._memory = max(memory, 2 * width)
        self._values = np.zeros(self._memory + SLACK)
        self._squares = np.zeros(self._memory + SLACK)
        """Squared distance of the latest window to the one that ends at each value."""
        self._n = 0
        self._largest = 0.0
        self._lowest, self._highest = math.inf, -math.inf

    def update(self, x: float) -> float:
        """Give the root mean squared distance, 0 as long as no earlier window is whole."""
        if self._n == len(self._values):
            self._drop()
        n, width, values, squares = self._n, self._width, self._values, self._squares
        x = self._within_reach(x)
        self._largest = max(self._largest, abs(x))
        values[n] = x
        if n:
            steps = values[:n] - x
            steps *= steps
            steps[1:] += squares[: n - 1]
            if n > width:
                gone = values[: n - width] - values[n - width]
                gone *= gone
                steps[width:] -= gone
            squares[:n] = steps
        self._n = n + 1
        if n + 1 < 2 * width:
            return 0.0
        # The window that ends at `n - width` is the latest that shares no value with this one.
        nearest = math.sqrt(max(0.0, float(squares[width - 1 : n - width + 1].min())) / width)
        return nearest if nearest > ROUNDING * self._largest else 0.0

    def state(self) -> dict[str, Any]:
        """Give the numbers and their distances."""
        n = self._n
        return {
            "values": self._values[:n].tolist(),
            "squares": self._squares[:n].tolist(),
            "largest": self._largest,
            "range": [self._lowest, self._highest] if n else None,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up where another with the same settings gave its `state`."""
        self._n = len(state["values"])
        self._values[: self._n] = state["values"]
        self._squares[: self._n] = state["squares"]
        self._largest = state["largest"]
        # A state from before the range was looked at has none: what is left of the numbers has one.
        known = state.get("range") or (state["values"] and [min(state["values"]), max(state["values"])])
        self._lowest, self._highest = known or (math.inf, -math.inf)

    def _within_reach(self, x: float) -> float:
        x = min(max(x, -LARGEST), LARGEST)
        reach = FARTHEST * (self._highest - self._lowest)
        if self._lowest < self._highest:
            x = min(max(x, self._lowest - reach), self._highest + reach)
        self._lowest, self._highest = min(self._lowest, x), max(self._highest, x)
        return x

    def _drop(self) -> None:
        """Forget the oldest; the first windows that are then left lack values, and get the sums of what they have."""
        self._n -= SLACK
        for array in (self._values, self._squares):
            array[: self._n] = array[SLACK:].copy()
        latest: npt.NDArray[np.float64] = self._values[: self._n]
        for end in range(self._width - 1):
            own = latest[: end + 1]
            self._squares[end] = float(((own - latest[self._n - end - 1 :]) ** 2).sum())
