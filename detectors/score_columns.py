"""A block of scored searches as arrays, and the same arrays cut to some of its rows."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.scores import NULL_SCORE, SCORE_STEPS, Column, ScoreBlock, Series
from schemas.timestamps import END_MS


def spread(starts: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """List the indices of several ranges: starts[i], starts[i] + 1, … counts[i] of them, for each i in turn.

    Args:
        starts: first index of each range, shape (n,).
        counts: length of each range, shape (n,).

    Returns:
        Shape (Σ counts,).

    >>> spread(np.array([10, 50]), np.array([3, 2])).tolist()
    [10, 11, 12, 50, 51]
    """
    total = int(counts.sum())
    ends = np.cumsum(counts)
    indices: NDArray[np.int64] = np.arange(total, dtype=np.int64) + np.repeat(starts - (ends - counts), counts)
    return indices


class ColumnsMisfit(ValueError):
    """A block's columns do not belong together: the record is left out and counted."""


@dataclass(slots=True)
class TextColumn:
    """A text column: distinct values, and an index into them for each row."""

    values: list[str]
    index: NDArray[np.uint16]

    @classmethod
    def read(cls, column: Column) -> "TextColumn":
        """View a column of a block."""
        return cls(column.values, np.frombuffer(column.index, dtype="<u2"))

    def take(self, rows: NDArray[np.int64]) -> "TextColumn":
        """Give the column of some rows; the values stay."""
        return TextColumn(self.values, self.index[rows])


@dataclass(slots=True)
class ScoreColumns:
    """n searches and their m items, in one order; see `schemas.scores.ScoreBlock` for the columns."""

    match_model: str
    scoring_ms: float
    source_offsets: NDArray[np.int64]
    times_ms: NDArray[np.int64]
    query_ids: NDArray[np.uint64]
    series: list[Series]
    series_index: NDArray[np.uint16]
    latencies_ms: NDArray[np.float64]
    flags: NDArray[np.uint8]
    missing_titles: NDArray[np.uint32]
    tokens: NDArray[np.uint32]
    unknown_tokens: NDArray[np.uint32]
    item_counts: NDArray[np.int64]
    item_ids: NDArray[np.uint64]
    positions: NDArray[np.uint32]
    scores: NDArray[np.uint16]
    categories: TextColumn
    segments: dict[str, TextColumn]

    @classmethod
    def read(cls, block: ScoreBlock) -> "ScoreColumns":
        """View a block's columns, without a copy where the machine is little-endian.

        Raises:
            ColumnsMisfit: they do not belong together, so score did not write them.
        """
        try:
            columns = cls._view(block)
        except ValueError as error:  # bytes that are no whole numbers
            raise ColumnsMisfit(str(error)) from error
        _check(columns)
        return columns

    @classmethod
    def _view(cls, block: ScoreBlock) -> "ScoreColumns":
        return cls(
            match_model="/".join(block.match_model) if block.match_model[0] else "",
            scoring_ms=block.scoring_ms,
            source_offsets=np.frombuffer(block.source_offsets, dtype="<i8"),
            times_ms=np.frombuffer(block.times_ms, dtype="<i8"),
            query_ids=np.frombuffer(block.query_ids, dtype="<u8"),
            series=block.series,
            series_index=np.frombuffer(block.series_index, dtype="<u2"),
            latencies_ms=np.frombuffer(block.latencies_ms, dtype="<f8"),
            flags=np.frombuffer(block.flags, dtype="<u1"),
            missing_titles=np.frombuffer(block.missing_titles, dtype="<u4"),
            tokens=np.frombuffer(block.tokens, dtype="<u4"),
            unknown_tokens=np.frombuffer(block.unknown_tokens, dtype="<u4"),
            item_counts=np.frombuffer(block.item_counts, dtype="<u4").astype(np.int64),
            item_ids=np.frombuffer(block.item_ids, dtype="<u8"),
            positions=np.frombuffer(block.positions, dtype="<u4"),
            scores=np.frombuffer(block.scores, dtype="<u2"),
            categories=TextColumn.read(block.categories),
            segments={name: TextColumn.read(column) for name, column in block.segments.items()},
        )

    def __len__(self) -> int:
        return int(self.times_ms.size)

    def take(self, rows: NDArray[np.int64]) -> "ScoreColumns":
        """Give the searches of some rows with their items, in the order asked for.

        Args:
            rows: row numbers, shape (k,).
        """
        ends = np.cumsum(self.item_counts)
        counts = self.item_counts[rows]
        items = spread((ends - self.item_counts)[rows], counts)
        return ScoreColumns(
            match_model=self.match_model,
            scoring_ms=self.scoring_ms,
            source_offsets=self.source_offsets[rows],
            times_ms=self.times_ms[rows],
            query_ids=self.query_ids[rows],
            series=self.series,
            series_index=self.series_index[rows],
            latencies_ms=self.latencies_ms[rows],
            flags=self.flags[rows],
            missing_titles=self.missing_titles[rows],
            tokens=self.tokens[rows],
            unknown_tokens=self.unknown_tokens[rows],
            item_counts=counts,
            item_ids=self.item_ids[items],
            positions=self.positions[items],
            scores=self.scores[items],
            categories=self.categories.take(items),
            segments={name: column.take(rows) for name, column in self.segments.items()},
        )


def _check(columns: ScoreColumns) -> None:
    searches, items = len(columns), int(columns.item_counts.sum())
    per_search: list[NDArray[Any]] = [
        columns.source_offsets,
        columns.query_ids,
        columns.series_index,
        columns.latencies_ms,
    ]
    per_search += [columns.flags, columns.missing_titles, columns.tokens, columns.unknown_tokens, columns.item_counts]
    per_search += [column.index for column in columns.segments.values()]
    per_item: list[NDArray[Any]] = [columns.item_ids, columns.positions, columns.scores, columns.categories.index]
    if any(column.size != searches for column in per_search) or any(column.size != items for column in per_item):
        raise ColumnsMisfit(f"columns of different lengths for {searches} searches with {items} items")
    texts = [(columns.series_index, len(columns.series)), (columns.categories.index, len(columns.categories.values))]
    texts += [(column.index, len(column.values)) for column in columns.segments.values()]
    if any(index.size and int(index.max()) >= count for index, count in texts):
        raise ColumnsMisfit("an index points beyond its texts")
    _check_values(columns)


def _check_values(columns: ScoreColumns) -> None:
    """See that no number is one that a cohort could not be closed with."""
    scores, times_ms = columns.scores, columns.times_ms
    if not columns.positions.all():
        raise ColumnsMisfit("a position 0, where the first is 1")
    if ((scores > SCORE_STEPS) & (scores != NULL_SCORE)).any():
        raise ColumnsMisfit("a score above 1")
    if times_ms.size and not 0 <= int(times_ms.min()) <= int(times_ms.max()) < END_MS:
        raise ColumnsMisfit("a time that is none")
    if (columns.latencies_ms < 0).any():
        raise ColumnsMisfit("a latency below 0")
    if not 0 <= columns.scoring_ms < math.inf:  # so written that NaN is refused as well
        raise ColumnsMisfit(f"a scoring time of {columns.scoring_ms} ms")
