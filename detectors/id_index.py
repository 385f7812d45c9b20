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
        self._thinned_row = 0
        """The oldest row when the largest run was last rid of forgotten ones."""

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
        # In order, neighbouring searches walk through neighbouring memory: half the time in a large run.
        order = np.argsort(ids)
        ordered = ids[order]
        rows = np.full(ids.shape, NOT_FOUND, dtype=np.int64)
        for run_ids, run_rows in self._runs:
            places = np.searchsorted(run_ids, ordered)
            places[places == run_ids.size] = 0
            hits = run_ids[places] == ordered
            rows[hits] = run_rows[places[hits]]
        rows[rows < self._oldest_row] = NOT_FOUND
        found = np.empty_like(rows)
        found[order] = rows
        return found

    def forget_below(self, row: int) -> None:
        """Forget every entry whose row number is smaller; memory is given back with later merges."""
        self._oldest_row = row
        # Rows are distinct, so the fewer that have been forgotten since cannot be a quarter of the largest run.
        if self._runs and (row - self._thinned_row) * 4 > self._runs[0][0].size:
            self._runs = [run for run in self._runs if int(run[1].max()) >= row]
            self._thin()

    def nbytes(self) -> int:
        """Say how much memory the entries take."""
        return sum(ids.nbytes + rows.nbytes for ids, rows in self._runs)

    def _thin(self) -> None:
        if self._runs:
            ids, rows = self._runs[0]
            alive = rows >= self._oldest_row
            if int(alive.sum()) * 4 < ids.size * 3:
                self._runs[0] = (ids[alive], rows[alive])
                self._thinned_row = self._oldest_row

    def _worth_merging(self) -> bool:
        last, before = self._runs[-1][0].size, self._runs[-2][0].size
        return before < _SMALL_RUN or before <= 2 * last

    def _merge_last_two(self) -> None:
        (old_ids, old_rows), (new_ids, new_rows) = self._runs[-2:]
        if len(self._runs) == 2:
            self._thinned_row = self._oldest_row
        alive = old_rows >= self._oldest_row
        ids = np.concatenate([old_ids[alive], new_ids])
        rows = np.concatenate([old_rows[alive], new_rows])
        order = np.argsort(ids, kind="stable")
        ids, rows = ids[order], rows[order]
        # Where an id occurs twice, the stable sort leaves the later entry last: keep that one.
        keep = np.append(ids[1:] != ids[:-1], True)
        self._runs[-2:] = [(ids[keep], rows[keep])]
