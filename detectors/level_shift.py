"""What points say about a lasting shift of a level, in nats: of counts by Poisson's law, of means by the normal one.

Both are held against the scatter that the series itself shows, which divides the evidence: pages whose items are alike,
cohorts that differ by more than their sampling, levels that wander.
"""

import math
from typing import Final, NamedTuple

from detectors.shift_cusum import SIZES

LEAST_LEFT: Final = 0.05
"""A shift down leaves at least so much of a rate: what is nothing at all is no chance."""


class Expectation(NamedTuple):
    """What points are held against."""

    level: float
    variance: float
    """Of the ratio, over one unit of denominator."""
    effect: float
    """The smallest shift worth an alert, above 0."""
    sign: float
    """1 up, -1 down."""

    def evidence(self, *, counts: bool) -> tuple[list[float], list[float]]:
        """Give what each event and each unit of weight adds to the log-likelihood of a shift over none, by size.

        A point has its numerator of events and its denominator of weight.
        """
        level, variance = self.level, self.variance
        if not counts:
            shifts = [self.sign * self.effect * size for size in SIZES]
            return [x / variance for x in shifts], [-x * (level + x / 2) / variance for x in shifts]
        law = level / variance
        rates = [self._shifted(size) for size in SIZES]
        return [law * math.log(rate / level) for rate in rates], [law * (level - rate) for rate in rates]

    def steps(self, weight: float, *, counts: bool) -> tuple[float, ...]:
        """Give the standard deviation of the evidence of a point of that weight, for each of the sizes."""
        deviation = math.sqrt(weight / self.variance)
        if not counts:
            return tuple(size * self.effect * deviation for size in SIZES)
        return tuple(abs(math.log(self._shifted(size) / self.level)) * self.level * deviation for size in SIZES)

    def _shifted(self, size: float) -> float:
        return max(self.level + self.sign * self.effect * size, self.level * LEAST_LEFT)
