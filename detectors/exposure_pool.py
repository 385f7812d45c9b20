"""Exposure over enough searches to compare: the divergence of few impressions is mostly noise."""

import math
from typing import Any

import msgspec

from detectors.bounded_values import bound_counts
from detectors.divergence import jensen_shannon
from detectors.observation import Observation
from detectors.reference import Reference
from schemas.rollup import Rollup

POOL_S = 1800
"""A pool that takes longer to fill is dropped."""


class ExposurePool:
    """Pools impressions by category until enough searches are in, and compares them with the reference.

    The divergence D of n impressions from their own distribution falls as 1/n, but √(n·D) has a level and a scatter
    that do not depend on n: that is what the point holds.

    Args:
        min_searches: how many searches make a point.
    """

    def __init__(self, min_searches: int) -> None:
        self._min_searches = min_searches
        self._searches = 0
        self._start_ms = 0
        self._exposure: dict[str, int] = {}
        self.point: Observation | None = None
        """The pool that the latest cohort completed, None where it completed none."""

    def take(self, rollup: Rollup, reference: Reference) -> None:
        """Add a label-free cohort."""
        self.point = None
        shares = reference.exposure_shares()
        if shares is None or not rollup.exposure:
            return
        if not self._searches:
            self._start_ms = rollup.cohort_start_ms
        elif rollup.cohort_start_ms - self._start_ms > POOL_S * 1000:
            self._clear()
            self._start_ms = rollup.cohort_start_ms
        self._searches += rollup.searches
        for name, count in rollup.exposure.items():
            self._exposure[name] = self._exposure.get(name, 0) + count
        self._exposure = bound_counts(self._exposure)
        if self._searches < self._min_searches:
            return
        n, divergence = sum(self._exposure.values()), jensen_shannon(self._exposure, shares)
        self.point = Observation(
            numerator_total=math.sqrt(n * divergence),
            denominator_total=1.0,
            n_total=self._searches,
            variance_total=0.0,
            shown_total=divergence,
            shown_weight_total=1.0,
            root_n=n,
        )
        self._clear()

    def state(self) -> dict[str, Any]:
        """Give the pool as plain numbers and names."""
        return {
            "searches": self._searches,
            "start_ms": self._start_ms,
            "exposure": dict(self._exposure),
            "point": msgspec.to_builtins(self.point),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up where another one gave its `state`."""
        self._searches, self._start_ms = state["searches"], state["start_ms"]
        self._exposure = dict(state["exposure"])
        self.point = msgspec.convert(state["point"], Observation | None)

    def _clear(self) -> None:
        self._searches, self._start_ms, self._exposure = 0, 0, {}
