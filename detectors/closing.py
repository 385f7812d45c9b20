"""Closing cohorts: of each cohort and horizon the rollups, once, when the watermarks have passed."""

from collections.abc import Mapping
from typing import Final

from detectors.bounded_values import bound_values
from detectors.cohort import Cohort
from detectors.cohort_rollups import cohort_rollups, pack, settle
from detectors.fold_settings import FoldSettings
from detectors.open_searches import OpenSearches
from schemas.rollup import LABEL_FREE, Rollup

SETTLED_AGAIN: Final = 2
"""Cohorts that a replay has built again and that each `close` settles: all at once would hold up what is new."""


class Closing:
    """Says how far cohorts are closed, and closes them.

    Args:
        settings: of the fold.
        partition: where they are counted.
        searches: where their rows stand.
        cohorts: the open ones by start; others add to them and take away.
        through_ms: by horizon, what a checkpoint says has been closed.
    """

    def __init__(
        self,
        settings: FoldSettings,
        partition: int,
        searches: OpenSearches,
        cohorts: Mapping[int, Cohort],
        through_ms: Mapping[int, int],
    ) -> None:
        self._settings = settings
        self._partition = partition
        self._searches = searches
        self._cohorts = cohorts
        self.through_ms = {**dict.fromkeys((LABEL_FREE, *settings.horizons_s), 0), **through_ms}
        """By horizon: every cohort that starts before it is closed."""
        self._passed: tuple[int, ...] = ()
        self._left_to_settle = True

    def has_anything_passed(self, searches_ms: int, both_ms: int) -> bool:
        """Whether a `close` at these watermarks may do anything that the last one has not; most flushes find nothing.

        Args:
            searches_ms: watermark of searches.
            both_ms: the smaller of the two watermarks.
        """
        ends_ms = (searches_ms, both_ms - self._settings.remember_ms, *self._ends(both_ms))
        passed = tuple(end_ms // self._settings.bucket_ms for end_ms in ends_ms)
        if passed == self._passed and not self._left_to_settle:
            return False
        self._passed = passed
        return True

    def close(self, searches_ms: int, both_ms: int) -> list[Rollup]:
        """Close what the watermarks have passed; arguments as above.

        Returns:
            Rollups of the newly closed cohorts: label-free ones first, then by horizon, by cohort, by series.
        """
        bucket_ms = self._settings.bucket_ms
        starts_ms = sorted(self._cohorts)
        self._settle(starts_ms, searches_ms)
        closed: list[Rollup] = []
        horizons_s = (LABEL_FREE, *self._settings.horizons_s)
        for horizon_s, end_ms in zip(horizons_s, (searches_ms, *self._ends(both_ms)), strict=True):
            through_ms = end_ms // bucket_ms * bucket_ms
            for start_ms in starts_ms:
                if self.through_ms[horizon_s] <= start_ms < through_ms:
                    closed += self._rollups(self._cohorts[start_ms], horizon_s)
            self.through_ms[horizon_s] = max(self.through_ms[horizon_s], through_ms)
        for start_ms in starts_ms:
            cohort = self._cohorts[start_ms]
            if cohort.label_free and start_ms < self.through_ms[LABEL_FREE]:
                pack(cohort)
        return closed

    def leave_out(self, before_ms: int) -> None:
        """Take every cohort that starts before a time for closed."""
        self.through_ms = {horizon_s: max(end_ms, before_ms) for horizon_s, end_ms in self.through_ms.items()}

    def _ends(self, both_ms: int) -> list[int]:
        return [both_ms - horizon_s * 1000 for horizon_s in self._settings.horizons_s]

    def _settle(self, starts_ms: list[int], searches_ms: int) -> None:
        """Settle the cohorts that close for the first time, and some of those that a replay has built again."""
        again = 0
        for start_ms in starts_ms:
            cohort = self._cohorts[start_ms]
            if start_ms + self._settings.bucket_ms <= searches_ms and cohort.fresh:
                again += start_ms < self.through_ms[LABEL_FREE]
                if start_ms >= self.through_ms[LABEL_FREE] or again <= SETTLED_AGAIN:
                    self._settle_one(cohort)
        self._left_to_settle = again > SETTLED_AGAIN

    def _settle_one(self, cohort: Cohort) -> None:
        settle(cohort, self._settings.bucket_ms // 1000, self._partition)

    def _rollups(self, cohort: Cohort, horizon_s: int) -> list[Rollup]:
        if cohort.fresh:
            self._settle_one(cohort)
        horizons_s = self._settings.horizons_s
        number = None if horizon_s == LABEL_FREE else horizons_s.index(horizon_s)
        rollups = cohort_rollups(cohort, self._searches, number, horizon_s)
        return [bound_values(rollup, self._settings.max_segment_values) for rollup in rollups]
