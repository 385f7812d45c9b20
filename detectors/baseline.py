"""The baseline of a series: its own past level and how much pooled cohorts scatter around it."""

import math

import msgspec

from detectors.observation import Observation


class Baseline(msgspec.Struct):
    """A weighted mean and scatter with exponential memory; learns from its first point on, without a reference.

    Points are ratios x = numerator/denominator with weight w = denominator. The scatter is Σ w(x − mean)², so
    scatter/(points − 1) estimates the variance of one unit of denominator *as seen between cohorts*: it contains the
    dependence within pages, and whatever else makes cohorts differ more than their sampling does.
    """

    points: float = 0.0
    """Points remembered, decayed."""
    numerator: float = 0.0
    denominator: float = 0.0
    scatter: float = 0.0
    shown: float = 0.0
    shown_weight: float = 0.0

    def learn(self, x: Observation, memory: float) -> None:
        """Add a pooled point; earlier ones fade with a mean age of `memory` points."""
        decay = 1 - 1 / memory if self.points >= memory / 2 else 1.0
        for_mean = self.denominator * decay
        if for_mean:
            distance = x.ratio - self.level
            # Welford's update for weighted points.
            joint = for_mean * x.denominator_total / (for_mean + x.denominator_total)
            self.scatter = self.scatter * decay + joint * distance * distance
        self.points = self.points * decay + 1
        self.numerator = self.numerator * decay + x.numerator_total
        self.denominator = for_mean + x.denominator_total
        self.shown = self.shown * decay + x.shown_total
        self.shown_weight = self.shown_weight * decay + x.shown_weight_total

    @property
    def level(self) -> float:
        """The mean ratio; 0 before the first point."""
        return self.numerator / self.denominator if self.denominator else 0.0

    @property
    def shown_level(self) -> float:
        """The mean in the signal's own unit."""
        return self.shown / self.shown_weight if self.shown_weight else 0.0

    @property
    def scatter_per_unit(self) -> float:
        """Variance of the ratio over one unit of denominator as seen between cohorts.

        From few points it may be too small by chance: it is raised by as much as keeps quantiles of Student's t with
        so many degrees of freedom near those of the normal (three deviations out).
        """
        freedom = self.points - 1
        return self.scatter / freedom * (1 + 4 / freedom) if freedom > 0 else 0.0

    def unit_variance(self, x: Observation) -> float:
        """Variance of the ratio over one unit of denominator: seen between cohorts, at least what sampling makes."""
        sampling = x.variance_total / x.denominator_total
        if x.counts:
            # Poisson at the level. A level of zero has no scatter yet: reckon with half an event more than was seen.
            sampling = (self.numerator + 0.5) / (self.denominator + 1)
        return max(self.scatter_per_unit, sampling)

    def deviation(self, x: Observation) -> float:
        """Standard deviation that a point like `x` has around the level, with the level's own error; at least 1e-9."""
        weights = 1 / x.denominator_total + 1 / self.denominator
        return max(1e-9, math.sqrt(self.unit_variance(x) * weights))
