"""An index from 64-bit ids to row numbers, for a million open searches at a few bytes each.

A Python dict costs more than a hundred bytes an entry and one lookup at a time. Here entries lie in a few sorted runs
that are merged as they grow (a log-structured merge), so that a batch of ids is looked up with one binary search per
run, and forgotten rows leave with the next merge.

References:
    O'Neil et al. (1996), "The log-structured merge-tree".
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

NOT_FOUND: Final = -1
_SMALL_RUN: Final = 1024
"""New entries are gathered in a run of at least this size before a larger one is touched."""


class IdIndex:
    """Maps ids to row numbers; a later entry of the same id replaces the earlier one."""

    def __init__(self) -> None:
        self._runs: list[tuple[NDArray[np.uint64], NDArray[np.int64]]] = []
        self._oldest_row = 0

    def add(self, ids: NDArray[np.uint64], rows: NDArray[np.int64]) -> None:
        """Add entries.

        Args:
            ids: distinct, shape (n,).
            rows: row numbers, all larger than any added before, shape (n,).
        """
        if ids.size == 0:
            return
        order = np.argsort(ids, kind="stable")
        self._runs.append((ids[order], rows[order]))
        while len(self._runs) > 1 and self._worth_merging():
            self._merge_last_two()

    def find(self, ids: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Look ids up.

        Args:
            ids: any order, repeats allowed, shape (n,).

        Returns:
            Row numbers, NOT_FOUND where unknown or forgotten, shape (n,).
        """
        found = np.full(ids.shape, NOT_FOUND, dtype=np.int64)
        for run_ids, run_rows in self._runs:
            places = np.searchsorted(run_ids, ids)
            places[places == run_ids.size] = 0
            hits = run_ids[places] == ids
            found[hits] = run_rows[places[hits]]
        found[found < self._oldest_row] = NOT_FOUND
        return found

    def forget_below(self, row: int) -> None:
        """Forget every entry whose row number is smaller; memory is given back with later merges."""
        self._oldest_row = row
        self._runs = [run for run in self._runs if int(run[1].max()) >= row]
        if self._runs:
            ids, rows = self._runs[0]
            alive = rows >= row
            if int(alive.sum()) * 4 < ids.size * 3:
                self._runs[0] = (ids[alive], rows[alive])

    def nbytes(self) -> int:
        """Say how much memory the entries take."""
        return sum(ids.nbytes + rows.nbytes for ids, rows in self._runs)

    def _worth_merging(self) -> bool:
        last, before = self._runs[-1][0].size, self._runs[-2][0].size
        return before < _SMALL_RUN or before <= 2 * last

    def _merge_last_two(self) -> None:
        (old_ids, old_rows), (new_ids, new_rows) = self._runs[-2:]
        alive = old_rows >= self._oldest_row
        ids = np.concatenate([old_ids[alive], new_ids])
        rows = np.concatenate([old_rows[alive], new_rows])
        order = np.argsort(ids, kind="stable")
        ids, rows = ids[order], rows[order]
        # Where an id occurs twice, the stable sort leaves the later entry last: keep that one.
        keep = np.append(ids[1:] != ids[:-1], True)
        self._runs[-2:] = [(ids[keep], rows[keep])]
