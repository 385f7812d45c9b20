"""The reference of a series: what its exposure and latency looked like while it was learned.

A reference is learned once, from the first cohorts of a series, and stays until a change has been accepted as the new
level; then it is learned again. It holds counts only, so it is the same on every machine.
"""

import math
from collections.abc import Mapping

import msgspec

from detectors.bounded_values import bound_counts
from schemas.rollup import Rollup, Sketch

LEARN_S = 200
"""Seconds of event time with searches that a reference covers at least."""
LEARN_SEARCHES = 300
"""Searches it rests on at least."""


class Reference(msgspec.Struct):
    """Exposure and latency of a series' earlier window; `ready` once both have been seen long enough."""

    seconds: int = 0
    searches: int = 0
    exposure: dict[str, int] = {}
    latency_count: int = 0
    latency_bins: dict[int, int] = {}

    @property
    def ready(self) -> bool:
        """Whether it has been learned, and stays as it is."""
        return self.seconds >= LEARN_S and self.searches >= LEARN_SEARCHES

    def learn(self, rollup: Rollup) -> None:
        """Add a cohort; does nothing once the reference is ready."""
        if self.ready or not rollup.searches:
            return
        self.seconds += rollup.bucket_s
        self.searches += rollup.searches
        for name, count in rollup.exposure.items():
            self.exposure[name] = self.exposure.get(name, 0) + count
        self.exposure = bound_counts(self.exposure)
        self.latency_count += rollup.latency_ms.count
        for index, count in rollup.latency_ms.bins.items():
            self.latency_bins[index] = self.latency_bins.get(index, 0) + count

    def exposure_shares(self) -> Mapping[str, int] | None:
        """Give impressions by category, or None while it is being learned or where nothing was shown."""
        return self.exposure if self.ready and self.exposure else None

    def latency_bin(self, q: float) -> int | None:
        """Give the sketch bin that holds the reference's quantile q, None while learning or without latencies."""
        if not self.ready or not self.latency_bins:
            return None
        rank = math.floor(q * (self.latency_count - 1))
        seen = self.latency_count - sum(self.latency_bins.values())  # values too small for a bin come first
        for index in sorted(self.latency_bins):
            seen += self.latency_bins[index]
            if seen > rank:
                return index
        return max(self.latency_bins)


def exceedances(sketch: Sketch, bin_index: int) -> int:
    """Count the values of a sketch in bins above `bin_index`: exact, because bins are whole."""
    return sum(count for index, count in sketch.bins.items() if index > bin_index)
