"""The baseline of a series: its own past level and how much pooled cohorts scatter around it."""

import math

import msgspec

from detectors.long_run_variance import LongRunVariance
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
    n: float = 0.0
    interval_ms: float = 0.0
    """From point to point."""
    longer: LongRunVariance = msgspec.field(default_factory=LongRunVariance)

    def learn(self, x: Observation, memory: float, interval_ms: float = 0.0) -> None:
        """Add a pooled point; earlier ones fade with a mean age of `memory` points.

        Args:
            x: the point.
            memory: how many points are remembered.
            interval_ms: how long after the point before it came.
        """
        weight, points, season = x.denominator_total, self.points, x.season
        decay = 1 - 1 / memory if points >= memory / 2 else 1.0
        for_mean = self.denominator * decay
        if for_mean and season is not None and not season.is_sure and points > 1:
            # Where nobody knows when the morning comes, the distance is no chance: the scatter stays what it is.
            self.scatter *= points * decay / (points - 1)
        elif for_mean:
            distance = x.numerator_total / weight - self.numerator / self.denominator
            self.longer.learn(distance, weight, for_mean, memory)
            # Welford's update for weighted points.
            joint = for_mean * weight / (for_mean + weight)
            self.scatter = self.scatter * decay + joint * distance * distance
        self.points = points = points * decay + 1
        self.n = self.n * decay + x.n_total
        self.interval_ms += (interval_ms - self.interval_ms) / points
        self.numerator = self.numerator * decay + x.numerator_total
        self.denominator = for_mean + weight
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
            sampling = self.event_level
        return max(self.scatter_per_unit, sampling)

    def long_run_variance(self, x: Observation) -> tuple[float, float]:
        """Variance of the ratio over one unit of denominator, over the stretch whose is largest; and its freedom."""
        of_points = self.scatter / (self.points - 1) if self.points > 1 else 0.0
        sampling = self.event_level if x.counts else x.variance_total / x.denominator_total
        variance, freedom = self.longer.largest(max(of_points, sampling), self.points)
        return max(1e-18, variance), freedom

    @property
    def event_level(self) -> float:
        """The level of what is counted, above 0: where nothing was seen, half an event is."""
        return (self.numerator + 0.5) / (self.denominator + 1)

    def deviation(self, x: Observation) -> float:
        """Standard deviation that a point like `x` has around the level, with the level's own error; at least 1e-9."""
        weights = 1 / x.denominator_total + 1 / self.denominator
        return max(1e-9, math.sqrt(self.unit_variance(x) * weights))
