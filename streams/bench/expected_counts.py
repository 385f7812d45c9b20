"""What the rollups must hold, counted from what was written and by none of the code that counts in evaluate."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from schemas.rollup import Rollup
from schemas.scores import Series
from schemas.settings import FoldSettings
from streams.shop.clicks import POSITIONS

Key = tuple[Series, int, int]
"""Series, cohort's start and horizon."""


class ExpectedCounts:
    """Searches, impressions and clicks by series, cohort and horizon."""

    def __init__(self, fold: FoldSettings, series: Sequence[Series]) -> None:
        self._bucket_ms = fold.bucket_s * 1000
        self._horizons_s = fold.horizons_s
        self._series = series
        self._searches: Counter[tuple[int, int]] = Counter()
        self._clicks: Counter[tuple[int, int, int]] = Counter()

    def add(
        self,
        times_ms: NDArray[np.int64],
        series: NDArray[np.uint16],
        clicked: NDArray[np.int64],
        delays_ms: NDArray[np.int64],
    ) -> None:
        """Add searches and their clicks.

        Args:
            times_ms: of the searches.
            series: which one each search belongs to.
            clicked: the search of each click, counted from 0.
            delays_ms: of each click after its search; no item of a search is clicked twice.
        """
        cohorts = times_ms // self._bucket_ms * self._bucket_ms
        self._searches.update(zip(cohorts.tolist(), series.tolist(), strict=True))
        for horizon_s in self._horizons_s:
            within = clicked[delays_ms <= horizon_s * 1000]
            self._clicks.update(
                (*key, horizon_s) for key in zip(cohorts[within].tolist(), series[within].tolist(), strict=True)
            )

    def counts(self) -> dict[Key, tuple[int, int, int]]:
        """Give searches, impressions and clicks, of single versions."""
        return {
            (self._series[series], cohort_ms, horizon_s): (
                number, number * POSITIONS, self._clicks[cohort_ms, series, horizon_s]
            )
            for (cohort_ms, series), number in self._searches.items()
            for horizon_s in self._horizons_s
        }  # fmt: skip


class CountedRollups:
    """The same, as readers of `rollups` count it: the first of a repeat counts, and one that differs is noted."""

    def __init__(self) -> None:
        self._seen: dict[tuple[Key, int], Rollup] = {}
        self.differing = 0
        """Repeats that differ from what came first."""

    def add(self, rollup: Rollup) -> None:
        """Add one rollup of a single version and a horizon."""
        key = ((rollup.series, rollup.cohort_start_ms, rollup.horizon_s), rollup.partition)
        first = self._seen.setdefault(key, rollup)
        self.differing += first is not rollup and first != rollup

    def rollups(self) -> Iterable[Rollup]:
        """Give what counts."""
        return self._seen.values()

    def counts(self) -> dict[Key, tuple[int, int, int]]:
        """Give searches, impressions and clicks over all partitions."""
        sums: dict[Key, tuple[int, int, int]] = {}
        for (key, _), rollup in self._seen.items():
            searches, impressions, clicks = sums.get(key, (0, 0, 0))
            sums[key] = (searches + rollup.searches, impressions + rollup.impressions, clicks + rollup.labels.clicks)
        return sums
