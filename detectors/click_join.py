"""Joining clicks with the searches that they belong to, in whatever order the two arrive."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.id_index import NOT_FOUND
from detectors.open_searches import OpenSearches

_COUNTERS: Final = ("matched_clicks", "overtaken_clicks", "partly_overtaken_clicks")
ACTION_UNKNOWN: Final = 0
ACTION_CLICK: Final = 1
ACTION_PURCHASE: Final = 2


@dataclass(slots=True)
class ClickColumns:
    """n clicks as columns, shape (n,) each."""

    query_ids: NDArray[np.uint64]
    item_ids: NDArray[np.uint64]
    times_ms: NDArray[np.int64]
    actions: NDArray[np.uint8]
    """One of the ACTION_ constants."""
    flags: NDArray[np.uint8]
    """Sum of `schemas.scores`' FLAG_ constants."""

    def __len__(self) -> int:
        return int(self.times_ms.size)

    def take(self, rows: NDArray[np.bool_]) -> "ClickColumns":
        """Give the clicks where `rows` is true."""
        return ClickColumns(
            self.query_ids[rows], self.item_ids[rows], self.times_ms[rows], self.actions[rows], self.flags[rows]
        )

    @classmethod
    def joined(cls, left: "ClickColumns", right: "ClickColumns") -> "ClickColumns":
        """Put two lots of clicks behind each other."""
        return cls(
            np.concatenate([left.query_ids, right.query_ids]),
            np.concatenate([left.item_ids, right.item_ids]),
            np.concatenate([left.times_ms, right.times_ms]),
            np.concatenate([left.actions, right.actions]),
            np.concatenate([left.flags, right.flags]),
        )

    @classmethod
    def none(cls) -> "ClickColumns":
        """Give no clicks."""
        return cls(
            np.empty(0, dtype=np.uint64),
            np.empty(0, dtype=np.uint64),
            np.empty(0, dtype=np.int64),
            np.empty(0, dtype=np.uint8),
            np.empty(0, dtype=np.uint8),
        )


class ClickJoin:
    """Marks clicks on the items of open searches; a click ahead of its search waits for it.

    A click belongs to the search with its query id whose time lies from `horizon` before it to `lateness` after it.
    It waits while such a search may still come: until the watermark of the searches has passed it by `lateness`.
    """

    def __init__(self, searches: OpenSearches, horizons_ms: tuple[int, ...], lateness_ms: int) -> None:
        self._searches = searches
        self._horizons_ms = np.array(horizons_ms, dtype=np.int64)
        self._lateness_ms = lateness_ms
        self._shifts = 2 * np.arange(len(horizons_ms), dtype=np.uint8)[:, None]
        self._waiting = ClickColumns.none()
        self.closed_ms = np.zeros(len(horizons_ms), dtype=np.int64)
        """By horizon: the rollups of every search before it have been emitted."""
        self._counts: dict[str, int] = {}

    @property
    def waiting(self) -> int:
        """How many clicks wait for their search."""
        return len(self._waiting)

    def take_counts(self) -> dict[str, int]:
        """Say what became of the clicks that were joined with an item shown, since the last call.

        `matched_clicks` stand in a rollup; of them, `partly_overtaken_clicks` came when that of a shorter horizon had
        been emitted. `overtaken_clicks` came too late for all of them, though they are not late: see
        docs/decisions/overtaken-clicks.md.
        """
        counts, self._counts = self._counts, {}
        return counts

    def add(self, clicks: ClickColumns, watermark_ms: int) -> int:
        """Join new clicks; those whose search may still come wait.

        Args:
            clicks: timely clicks and purchases.
            watermark_ms: of the searches.

        Returns:
            How many belong to nothing that was shown.
        """
        unmatched, open_ended = self._join(clicks)
        hopeless = open_ended.times_ms < watermark_ms - self._lateness_ms
        self._waiting = ClickColumns.joined(self._waiting, open_ended.take(~hopeless))
        return unmatched + int(hopeless.sum())

    def retry(self, watermark_ms: int) -> int:
        """Join the waiting clicks with searches that have come since; returns how many belong to nothing shown."""
        if not len(self._waiting):
            return 0
        waiting, self._waiting = self._waiting, ClickColumns.none()
        return self.add(waiting, watermark_ms)

    def _join(self, clicks: ClickColumns) -> tuple[int, ClickColumns]:
        rows = self._searches.find(clicks.query_ids)
        belongs, delays = self._in_range(rows, clicks)
        if not belongs.all():
            earlier = self._searches.find_earlier(clicks.query_ids, clicks.times_ms, self._lateness_ms)
            rows = np.where(belongs | (earlier == NOT_FOUND), rows, earlier)
            belongs, delays = self._in_range(rows, clicks)
        if belongs.any():
            items = self._searches.find_items(rows[belongs], clicks.item_ids[belongs])
            shown = items != NOT_FOUND
            delay = delays[belongs][shown]
            searched_ms = clicks.times_ms[belongs][shown] - delay
            self._mark(items[shown], delay, searched_ms, clicks.actions[belongs][shown])
            return int((~shown).sum()), clicks.take(~belongs)
        return 0, clicks

    def _in_range(self, rows: NDArray[np.int64], clicks: ClickColumns) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        found = rows != NOT_FOUND
        delays = np.full(rows.shape, NOT_FOUND, dtype=np.int64)
        delays[found] = clicks.times_ms[found] - self._searches.times_ms(rows[found])
        return found & (delays >= -self._lateness_ms) & (delays <= self._horizons_ms[-1]), delays

    def _mark(
        self,
        items: NDArray[np.int64],
        delays: NDArray[np.int64],
        searched_ms: NDArray[np.int64],
        actions: NDArray[np.uint8],
    ) -> None:
        """Set the bits of the horizons that the clicks lie in, but for those that have been emitted."""
        due = delays <= self._horizons_ms[:, None]
        counts = due & (searched_ms >= self.closed_ms[:, None])
        bits = np.left_shift(np.uint8(1), self._shifts + (actions == ACTION_PURCHASE).astype(np.uint8))
        self._searches.mark(items, np.bitwise_or.reduce(np.where(counts, bits, np.uint8(0)), axis=0))
        overtaken = partly = 0
        if np.count_nonzero(due) != np.count_nonzero(counts):
            in_some = counts.any(axis=0)
            overtaken = int(np.count_nonzero(~in_some))
            partly = int(np.count_nonzero(in_some & (due & ~counts).any(axis=0)))
        told = (items.size - overtaken, overtaken, partly)
        for name, number in zip(_COUNTERS, told, strict=True):
            self._counts[name] = self._counts.get(name, 0) + number
