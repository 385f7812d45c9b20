"""The inputs a detector has seen since its last reset: bounded, and enough to build it again.

River's detectors are compiled or keep private sums, so their state cannot be written as plain numbers. What can be
written is what they were fed. A history that reaches `2 · keep` numbers is cut to the newest `keep`, and the detector
is built again from those at that very moment, so a detector that went on and one that was restored never differ.
"""

import math
from collections.abc import Sequence

from detectors.drift import Change, Direction

KEEP = 128


class History:
    """Numbers since the last reset, oldest first, at most `2 · keep`."""

    def __init__(self, keep: int = KEEP) -> None:
        self.values: list[float] = []
        self._keep = keep

    def append(self, x: float) -> bool:
        """Add a number; True where the history was cut, and the detector must be built again from `values`."""
        self.values.append(x)
        if len(self.values) < 2 * self._keep:
            return False
        del self.values[: -self._keep]
        return True

    def best_split(self, direction: Direction | None = None) -> Change | None:
        """Find where one change of the mean splits the numbers best (least squares), None if there is no such split.

        Args:
            direction: consider only changes this way.

        References:
            Hinkley (1970), Inference about the change-point in a sequence of random variables.
        """
        return best_split(self.values, direction)


def best_split(values: Sequence[float], direction: Direction | None = None) -> Change | None:
    """Find where one change of the mean splits numbers best, see `History.best_split`.

    >>> best_split([0.0] * 20 + [3.0] * 4)
    Change(direction='up', updates_ago=4, before=0.0, after=3.0)
    """
    n, total = len(values), math.fsum(values)
    best: Change | None = None
    best_gain, left = 0.0, 0.0
    for i in range(1, n):
        left += values[i - 1]
        before, after = left / i, (total - left) / (n - i)
        found: Direction = "up" if after > before else "down"
        gain = i * (n - i) / n * (after - before) ** 2
        if gain > best_gain and direction in (None, found):
            best, best_gain = Change(found, n - i, before, after), gain
    return best
