"""What is usual at a time of the day, beside a level: how much of it, and how sure that is."""

import math
from collections.abc import Sequence
from typing import Final

import msgspec

from detectors.change_point import Cohort

SURE: Final = 1.33
"""A shape that other days let be off by no more than this factor is sure: scatter around it is chance."""
STRETCH_MS: Final = 300_000
"""A stretch whose mean says what came lately."""


class Season(msgspec.Struct, frozen=True, array_like=True):
    """The time of day of one cohort; all of it is 1 where nothing is known."""

    usual: float = 1.0
    """By what factor more comes at this time than where the shape has the value 1."""
    low: float = 1.0
    """So much less than `usual` says, measured by what came in the half hour before, is usual as well: at most 1."""
    high: float = 1.0
    """Likewise more: at least 1."""
    least: float = 1.0
    """The factor of what comes at least, on whatever day, in the unit of `usual`."""

    @property
    def is_sure(self) -> bool:
        """Whether what lies off the usual is chance, and not a morning that came early."""
        return self.high <= SURE * self.low

    def weight_learned(self, events: float, weight: float, level: float) -> float:
        """Give what some events are held against where a level is learned that falls are found by.

        A morning that came early is no higher level: where the shape is not sure, as much is taken for usual as came,
        up to the most that may be.
        """
        if self.is_sure or events <= level * weight:
            return weight
        return min(events / level if level > 0 else math.inf, weight * self.high)

    def plus(self, other: "Season", share: float) -> "Season":
        """Pool with another, of which there is so large a share: what may be, may be in all of it."""
        mine = 1 - share
        return Season(
            mine * self.usual + share * other.usual,
            min(self.low, other.low),
            max(self.high, other.high),
            mine * self.least + share * other.least,
        )


def highest_lately(recent: Sequence[Cohort]) -> float:
    """Give the highest mean of the shown value over stretches of five minutes; 0 where none is whole."""
    highest = total = weight = 0.0
    first_ms = None
    for cohort in recent:
        first_ms = cohort.start_ms if first_ms is None else first_ms
        total, weight = total + cohort.shown, weight + cohort.shown_weight
        if cohort.start_ms - first_ms + 1000 * cohort.shown_weight >= STRETCH_MS:
            highest, total, weight, first_ms = max(highest, total / weight if weight else 0.0), 0.0, 0.0, None
    return highest
