"""Scatter over longer stretches than a point: neighbouring points of most series are alike, and a shift takes several.

Of independent points the sum over a stretch scatters like one of its points, per unit of weight. Where levels wander it
scatters more, and it is that scatter which a lasting shift is to be told from.
"""

from typing import Final

import msgspec

FOLD: Final = 4
"""Blocks of a length that make one of the next."""
LENGTHS: Final = 3
"""Blocks of 4, 16 and 64 points."""
BELIEF: Final = 4.0
"""Blocks that the scatter of single points is worth for the scatter of longer ones."""

LEAST_MEMORY: Final = 64.0
"""Blocks of any length that are remembered: how a level wanders is seen in hours, and changes less than the level."""


class Length(msgspec.Struct, array_like=True):
    """Blocks of one length: the one that is being filled, and the scatter of those before."""

    parts: int = 0
    total: float = 0.0
    weight: float = 0.0
    squares: float = 0.0
    blocks: float = 0.0


class LongRunVariance(msgspec.Struct, array_like=True):
    """Variance of one unit of weight, over stretches of several lengths."""

    lengths: list[Length] = msgspec.field(default_factory=lambda: [Length() for _ in range(LENGTHS)])

    def learn(self, distance: float, weight: float, level_weight: float, memory: float) -> None:
        """Add a point.

        Args:
            distance: from the level before it.
            weight: of the point.
            level_weight: what that level rests on: its own error is no scatter.
            memory: how many points are remembered.
        """
        total = distance * weight
        for length in self.lengths:
            length.parts += 1
            length.total += total
            length.weight += weight
            if length.parts < FOLD:
                return
            memory = max(LEAST_MEMORY, memory / FOLD)
            decay = 1 - 1 / memory if length.blocks >= memory / 2 else 1.0
            total, weight = length.total, length.weight
            length.squares = length.squares * decay + total * total / weight / (1 + weight / level_weight)
            length.blocks = length.blocks * decay + 1
            length.parts, length.total, length.weight = 0, 0.0, 0.0

    def largest(self, of_points: float, points: float) -> tuple[float, float]:
        """Give the variance over that stretch whose is largest, at least that of single points, and its freedom.

        Args:
            of_points: variance of single points.
            points: how many that rests on.

        Returns:
            The variance, and the degrees of freedom that it is as sure as: a few long blocks are unsure.
        """
        largest, freedom = of_points, points
        for length in self.lengths:
            variance = (BELIEF * of_points + length.squares) / (BELIEF + length.blocks)
            if variance > largest:
                more = 1 - of_points / variance
                largest, freedom = variance, 1 / ((1 - more) / points + more / (BELIEF + length.blocks))
        return largest, freedom
