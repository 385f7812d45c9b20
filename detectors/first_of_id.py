"""Which search with a query id is the first: the one that counts."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.checkpoint import LogMark
from detectors.cohort import Cohort
from detectors.id_index import NOT_FOUND
from detectors.open_searches import OpenSearches


@dataclass(slots=True)
class _Sighting:
    """The search with an id that is remembered longest, counted or not."""

    end_ms: int
    """End of its cohort."""
    mark: LogMark
    """Where the log must be read from to see it again."""


class FirstOfId:
    """Tells first searches from repeats.

    A search is a repeat if a timely search with its id lies before it in the log whose cohort ended less than
    `remember_ms` before the watermark. Counted or not does not matter: the verdict depends on a bounded stretch of
    the log, so that a replay from a later offset comes to the same one. A repeat in a later cohort than its first
    copy draws that cohort's mark back to where the copy lies, since a replay must see both.
    """

    def __init__(
        self,
        searches: OpenSearches,
        cohorts: dict[int, Cohort],
        cohort_at: Callable[[int, LogMark], Cohort],
        bucket_ms: int,
        remember_ms: int,
    ) -> None:
        self._searches = searches
        self._cohorts = cohorts
        self._cohort_at = cohort_at
        self._bucket_ms = bucket_ms
        self._remember_ms = remember_ms
        self._renewed: dict[int, _Sighting] = {}

    def accept(
        self,
        query_ids: NDArray[np.uint64],
        times_ms: NDArray[np.int64],
        watermarks_ms: NDArray[np.int64],
        timely: NDArray[np.bool_],
        mark: LogMark,
    ) -> NDArray[np.bool_]:
        """Decide about searches in the order of the log.

        Args:
            query_ids: shape (n,).
            times_ms: shape (n,).
            watermarks_ms: the watermark when each was read, shape (n,).
            timely: late searches neither count nor make others repeats, shape (n,).
            mark: where they lie.

        Returns:
            Which of them are timely and the first with their id, shape (n,).
        """
        accepted = timely.copy()
        rows = self._searches.find(query_ids)
        ordered = np.sort(query_ids)
        twice = ordered[1:][ordered[1:] == ordered[:-1]]
        doubtful = rows != NOT_FOUND
        if twice.size:
            doubtful |= np.isin(query_ids, twice)
        if self._renewed:
            doubtful |= np.isin(query_ids, np.fromiter(self._renewed, dtype=np.uint64, count=len(self._renewed)))
        here: dict[int, _Sighting] = {}
        for place in np.flatnonzero(doubtful & timely):
            query_id = int(query_ids[place])
            end_ms = (int(times_ms[place]) // self._bucket_ms + 1) * self._bucket_ms
            seen = self._last_sighting(query_id, int(rows[place]), here)
            if seen is None or seen.end_ms + self._remember_ms <= int(watermarks_ms[place]):
                here[query_id] = _Sighting(end_ms, mark)
                self._searches.expect_again(query_id)
                continue
            accepted[place] = False
            if end_ms > seen.end_ms:
                self._renewed[query_id] = _Sighting(end_ms, mark)
            self._draw_back(end_ms - self._bucket_ms, seen.mark, mark)
        return accepted

    def forget(self) -> None:
        """Forget ids whose cohort is gone."""
        gone = [key for key, seen in self._renewed.items() if seen.end_ms - self._bucket_ms not in self._cohorts]
        for key in gone:
            del self._renewed[key]

    def _last_sighting(self, query_id: int, row: int, here: dict[int, _Sighting]) -> _Sighting | None:
        sightings = [here[query_id]] if query_id in here else []
        if query_id in self._renewed:
            sightings.append(self._renewed[query_id])
        if row != NOT_FOUND:
            time_ms = int(self._searches.times_ms(np.array([row]))[0])
            start_ms = time_ms // self._bucket_ms * self._bucket_ms
            if start_ms in self._cohorts:
                sightings.append(_Sighting(start_ms + self._bucket_ms, self._cohorts[start_ms].mark))
        return max(sightings, key=lambda seen: seen.end_ms, default=None)

    def _draw_back(self, start_ms: int, needed: LogMark, here: LogMark) -> None:
        cohort = self._cohort_at(start_ms, here)
        cohort.mark = min(cohort.mark, needed)
