"""Open searches: what is kept of each search until its last horizon has passed, in arrays without any text."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.id_index import NOT_FOUND, IdIndex
from detectors.score_columns import spread

MAX_HORIZONS: Final = 4
"""Two bits of a byte for each horizon: clicked and purchased."""
_FIRST_ROWS: Final = 256
_GROWTH: Final = 1.125
_LEAST_FREE: Final = 16
"""One part of so many must come free at the front; with less, rows would be moved too often, and the arrays grow."""
_ACTUAL_POSITIONS: Final = 30_000
_LARGEST_POSITION: Final = 65_535


class _Columns:
    """Equally long arrays that grow at the end and are dropped at the front; views hold until the next `append`."""

    def __init__(self, dtypes: dict[str, Any]) -> None:
        self._arrays = {name: np.empty(_FIRST_ROWS, dtype=dtype) for name, dtype in dtypes.items()}
        self.first = 0
        """Number of the oldest row kept."""
        self.end = 0
        """Number that the next row will have."""
        self._shift = 0
        """Row number of the arrays' first slot."""

    def append(self, **values: Any) -> None:
        """Add rows; every column must be given, as an array or one number for all."""
        count = max(np.size(value) for value in values.values())
        self._make_room(count)
        place = slice(self.end - self._shift, self.end - self._shift + count)
        for name, array in self._arrays.items():
            array[place] = values[name]
        self.end += count

    def slice(self, name: str, start: int, end: int) -> NDArray[Any]:
        """View the rows from `start` to `end`."""
        return self._arrays[name][start - self._shift : end - self._shift]

    def take(self, name: str, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Copy some rows."""
        return self._arrays[name][rows - self._shift]

    def or_bits(self, name: str, rows: NDArray[np.int64], bits: NDArray[np.uint8]) -> None:
        """Set bits in some rows; rows may repeat."""
        np.bitwise_or.at(self._arrays[name], rows - self._shift, bits)

    def drop_below(self, row: int) -> None:
        """Drop the rows before `row`."""
        self.first = max(self.first, row)

    def nbytes(self) -> int:
        return sum(array.nbytes for array in self._arrays.values())

    def _make_room(self, count: int) -> None:
        """See that `count` more rows fit.

        Where a part of the slots is free at the front, rows move there. Else the arrays grow in place: the C library
        moves large ones by their page tables, so that nothing is copied and no page is new but those behind the end.
        """
        capacity = next(iter(self._arrays.values())).size
        free = self.first - self._shift
        used, alive = self.end - self._shift, self.end - self.first
        if used + count <= capacity:
            return
        if free:
            for array in self._arrays.values():
                array[:alive] = array[free:used]
            self._shift = self.first
        wanted = max(_FIRST_ROWS, int((alive + count) * _GROWTH))
        if alive + count > capacity or free < alive // _LEAST_FREE or wanted < capacity * 3 // 4:
            for array in self._arrays.values():
                array.resize(wanted, refcheck=False)  # views do not outlive the next append


class OpenSearches:
    """The searches whose clicks still count, by row number in order of arrival."""

    def __init__(self) -> None:
        self._rows = _Columns({"time_ms": np.int64, "first_item": np.int64, "series": np.uint16, "segments": np.uint16})
        self._items = _Columns({"id": np.uint64, "position": np.uint16, "score": np.uint16, "bits": np.uint8})
        self._index = IdIndex()
        self._earlier: dict[int, list[int]] = {}
        """Rows that a later search with the same id hides from the index; rare."""
        self._again: set[int] = set()

    @property
    def first_row(self) -> int:
        """Number of the oldest row kept."""
        return self._rows.first

    @property
    def next_row(self) -> int:
        """Number that the next search will have."""
        return self._rows.end

    def add(
        self,
        *,
        query_ids: NDArray[np.uint64],
        times_ms: NDArray[np.int64],
        series: NDArray[np.uint16],
        segments: NDArray[np.uint16],
        item_counts: NDArray[np.int64],
        item_ids: NDArray[np.uint64],
        positions: NDArray[np.uint32],
        scores: NDArray[np.uint16],
    ) -> None:
        """Open n searches with m items; their rows are numbered on from `next_row`.

        Args:
            query_ids: distinct, shape (n,).
            times_ms: event times, shape (n,).
            series: number of the series within the cohort, shape (n,).
            segments: number of the combination of segment values within the cohort, shape (n,).
            item_counts: items of each search, shape (n,).
            item_ids: shape (m,).
            positions: ascending within a search, shape (m,).
            scores: in steps of 1/4096, shape (m,).
        """
        if query_ids.size == 0:
            return
        first = self._rows.end
        ends = np.cumsum(item_counts)
        if self._again:
            self._keep_earlier(query_ids)
        self._index.add(query_ids, np.arange(first, first + query_ids.size, dtype=np.int64))
        self._rows.append(
            time_ms=times_ms, first_item=self._items.end + ends - item_counts, series=series, segments=segments
        )
        if item_ids.size:
            self._items.append(
                id=item_ids, position=compact_positions(positions, item_counts), score=scores, bits=np.uint8(0)
            )

    def find(self, query_ids: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Give the row of each search, NOT_FOUND where it is not open."""
        return self._index.find(query_ids)

    def expect_again(self, query_id: int) -> None:
        """Say that an id is about to be used that may be open already: clicks of its earlier search may still come."""
        self._again.add(query_id)

    def forget_expected(self) -> None:
        """Say that every search announced with `expect_again` has been added."""
        self._again.clear()

    def find_earlier(
        self, query_ids: NDArray[np.uint64], times_ms: NDArray[np.int64], until_ms: int
    ) -> NDArray[np.int64]:
        """Give the row of the latest earlier search with each id that began at most `until_ms` after the given time.

        Returns:
            NOT_FOUND where there is none, shape (n,).
        """
        rows = np.full(query_ids.shape, NOT_FOUND, dtype=np.int64)
        if not self._earlier:
            return rows
        known = np.fromiter(self._earlier, dtype=np.uint64, count=len(self._earlier))
        for place in np.flatnonzero(np.isin(query_ids, known)):
            for row in self._earlier[int(query_ids[place])]:
                if row >= self.first_row and self._rows.slice("time_ms", row, row + 1)[0] <= times_ms[place] + until_ms:
                    rows[place] = row
        return rows

    def times_ms(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Give the event times of some rows."""
        times: NDArray[np.int64] = self._rows.take("time_ms", rows)
        return times

    def find_items(
        self, rows: NDArray[np.int64], item_ids: NDArray[np.uint64], at_once: int = 1_000_000
    ) -> NDArray[np.int64]:
        """Give the item that each click hit.

        Args:
            rows: the search of each click, shape (n,).
            item_ids: what was clicked, shape (n,).
            at_once: how many items are compared in one step: bounds the memory that a page of thousands takes.

        Returns:
            Item numbers, NOT_FOUND where the item was not shown, shape (n,).
        """
        found = np.full(rows.shape, NOT_FOUND, dtype=np.int64)
        starts, counts = self._item_ranges(rows)
        clicks_done = 0
        ends = np.cumsum(counts)
        while clicks_done < rows.size:
            before = int(ends[clicks_done - 1]) if clicks_done else 0
            until = max(clicks_done + 1, int(np.searchsorted(ends, before + at_once, side="right")))
            part = slice(clicks_done, until)
            items = spread(starts[part], counts[part])
            click = np.repeat(np.arange(clicks_done, until), counts[part])
            hits = self._items.take("id", items) == item_ids[click]
            found[click[hits]] = items[hits]
            clicks_done = until
        return found

    def mark(self, items: NDArray[np.int64], bits: NDArray[np.uint8]) -> None:
        """Remember what was done with some items; items may repeat."""
        self._items.or_bits("bits", items, bits)

    def searches(self, start: int, end: int) -> tuple[NDArray[np.uint16], NDArray[np.uint16], NDArray[np.int64]]:
        """View series, segments and item counts of the rows from `start` to `end`."""
        _, counts = self._item_ranges(np.arange(start, end, dtype=np.int64))
        return self._rows.slice("series", start, end), self._rows.slice("segments", start, end), counts

    def items(self, start: int, end: int) -> tuple[NDArray[np.uint16], NDArray[np.uint16], NDArray[np.uint8]]:
        """View positions, scores and bits of the items of the rows from `start` to `end`."""
        first, last = self._item_edge(start), self._item_edge(end)
        return (
            self._items.slice("position", first, last),
            self._items.slice("score", first, last),
            self._items.slice("bits", first, last),
        )

    def drop_below(self, row: int) -> None:
        """Forget the searches before `row`."""
        if row <= self._rows.first:
            return
        self._items.drop_below(self._item_edge(row))
        self._rows.drop_below(row)
        self._index.forget_below(row)
        for query_id in [key for key, rows in self._earlier.items() if rows[-1] < row]:
            del self._earlier[query_id]

    def nbytes(self) -> int:
        """Say how much memory all open searches take."""
        return self._rows.nbytes() + self._items.nbytes() + self._index.nbytes()

    def _keep_earlier(self, query_ids: NDArray[np.uint64]) -> None:
        wanted = np.fromiter(self._again, dtype=np.uint64, count=len(self._again))
        ids = query_ids[np.isin(query_ids, wanted)]
        for query_id, row in zip(ids.tolist(), self._index.find(ids).tolist(), strict=True):
            if row != NOT_FOUND:
                self._earlier.setdefault(query_id, []).append(row)

    def _item_edge(self, row: int) -> int:
        return self._items.end if row >= self._rows.end else int(self._rows.slice("first_item", row, row + 1)[0])

    def _item_ranges(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        starts: NDArray[np.int64] = self._rows.take("first_item", rows)
        following = np.minimum(rows + 1, self._rows.end - 1)
        ends = np.where(rows + 1 < self._rows.end, self._rows.take("first_item", following), self._items.end)
        return starts, ends - starts


def compact_positions(positions: NDArray[np.uint32], item_counts: NDArray[np.int64]) -> NDArray[np.uint16]:
    """Store positions in 16 bits, keeping what is asked of them: order, equality, and who follows directly.

    Positions beyond 30,000 are renumbered with steps of 0, 1 and 2 (for a gap of any size).

    Args:
        positions: ascending within a search, shape (m,).
        item_counts: items of each search, shape (n,).

    >>> compact_positions(np.array([1, 2, 70000, 70001], dtype=np.uint32), np.array([4])).tolist()
    [1, 2, 30002, 30003]
    """
    compact = np.minimum(positions, _LARGEST_POSITION).astype(np.uint16)
    if positions.size == 0 or int(positions.max()) <= _ACTUAL_POSITIONS:
        return compact
    ends = np.cumsum(item_counts)
    for start, end in zip(ends - item_counts, ends, strict=True):
        page = positions[start:end].astype(np.int64)
        far = int(np.searchsorted(page, _ACTUAL_POSITIONS, side="right"))
        if far < page.size:
            steps = np.minimum(np.diff(page[far:], prepend=_ACTUAL_POSITIONS), 2)
            compact[start + far : end] = np.minimum(_ACTUAL_POSITIONS + steps.cumsum(), _LARGEST_POSITION)
    return compact
