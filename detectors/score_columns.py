"""Blocks of scored searches as arrays, and the same arrays cut to some of their rows."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from schemas.rollup import UNKNOWN
from schemas.scores import NULL_SCORE, SCORE_STEPS, Column, ScoreBlock, Series
from schemas.timestamps import END_MS

T = TypeVar("T")
Index = NDArray[np.uint16] | NDArray[np.uint32]
_SMALL: Final = 1 << 16


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
    index: Index

    def take(self, rows: NDArray[np.int64]) -> "TextColumn":
        """Give the column of some rows; the values stay."""
        return TextColumn(self.values, self.index[rows])


class Scoring(NamedTuple):
    """How one block was scored."""

    match_model: str
    """Empty where it was not."""
    scoring_ms: float


@dataclass(slots=True)
class ScoreColumns:
    """n searches and their m items, in one order; see `schemas.scores.ScoreBlock` for the columns."""

    scorings: list[Scoring]
    """Of each block that the searches are from."""
    scoring_index: Index
    """Which of `scorings` a search had, shape (n,)."""
    source_offsets: NDArray[np.int64]
    times_ms: NDArray[np.int64]
    query_ids: NDArray[np.uint64]
    series: list[Series]
    series_index: Index
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
    def read(cls, *blocks: ScoreBlock) -> "ScoreColumns":
        """Join the columns of blocks that lie behind each other in the log; those of one block are viewed, not copied.

        A block costs the fold nearly the same however few searches it holds, so many small ones are cheaper as one.

        Args:
            blocks: at least one.

        Raises:
            ColumnsMisfit: the columns of one of them do not belong together, so score did not write it.
        """
        sizes = [_Sizes.of(block) for block in blocks]
        searches = [size.searches for size in sizes]
        item_counts = _numbers((block.item_counts for block in blocks), "<u4").astype(np.int64)
        _check_items(item_counts, sizes)
        items = [size.items for size in sizes]
        series, series_index = _join_texts(
            [block.series for block in blocks], [block.series_index for block in blocks], searches
        )
        columns = cls(
            scorings=[_scoring(block) for block in blocks],
            scoring_index=np.repeat(np.arange(len(blocks), dtype=np.uint32), searches),
            source_offsets=_numbers((block.source_offsets for block in blocks), "<i8"),
            times_ms=_numbers((block.times_ms for block in blocks), "<i8"),
            query_ids=_numbers((block.query_ids for block in blocks), "<u8"),
            series=series,
            series_index=series_index,
            latencies_ms=_numbers((block.latencies_ms for block in blocks), "<f8"),
            flags=_numbers((block.flags for block in blocks), "<u1"),
            missing_titles=_numbers((block.missing_titles for block in blocks), "<u4"),
            tokens=_numbers((block.tokens for block in blocks), "<u4"),
            unknown_tokens=_numbers((block.unknown_tokens for block in blocks), "<u4"),
            item_counts=item_counts,
            item_ids=_numbers((block.item_ids for block in blocks), "<u8"),
            positions=_numbers((block.positions for block in blocks), "<u4"),
            scores=_numbers((block.scores for block in blocks), "<u2"),
            categories=_join_columns([block.categories for block in blocks], items),
            segments={
                name: _join_columns([block.segments.get(name) for block in blocks], searches)
                for name in dict.fromkeys(name for block in blocks for name in block.segments)
            },
        )
        _check_values(columns)
        return columns

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
            scorings=self.scorings,
            scoring_index=self.scoring_index[rows],
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


class _Sizes(NamedTuple):
    """How many rows the columns of a block have."""

    searches: int
    items: int

    @classmethod
    def of(cls, block: ScoreBlock) -> "_Sizes":
        """Measure a block's columns.

        Raises:
            ColumnsMisfit: they differ.
        """
        eight = (block.times_ms, block.source_offsets, block.query_ids, block.latencies_ms)
        four = (block.missing_titles, block.tokens, block.unknown_tokens, block.item_counts)
        two = (block.series_index, *(column.index for column in block.segments.values()))
        searches, items = len(block.flags), len(block.scores) // 2
        if (
            any(len(column) != 8 * searches for column in eight)
            or any(len(column) != 4 * searches for column in four)
            or any(len(column) != 2 * searches for column in two)
            or len(block.item_ids) != 8 * items
            or len(block.positions) != 4 * items
            or not len(block.scores) == len(block.categories.index) == 2 * items
        ):
            raise ColumnsMisfit(f"columns of different lengths for {searches} searches with {items} items")
        return cls(searches, items)


def _scoring(block: ScoreBlock) -> Scoring:
    if not 0 <= block.scoring_ms < math.inf:  # so written that NaN is refused as well
        raise ColumnsMisfit(f"a scoring time of {block.scoring_ms} ms")
    return Scoring("/".join(block.match_model) if block.match_model[0] else "", block.scoring_ms)


def _numbers(parts: Iterable[bytes], dtype: str) -> NDArray[Any]:
    return np.frombuffer(b"".join(parts), dtype=dtype)


def _join_columns(columns: Sequence[Column | None], rows: Sequence[int]) -> TextColumn:
    """Join a column of several blocks; one that score was not told of when it wrote a block is `unknown` there."""
    filled = [column or Column([UNKNOWN], bytes(2 * count)) for column, count in zip(columns, rows, strict=True)]
    return TextColumn(*_join_texts([column.values for column in filled], [column.index for column in filled], rows))


def _join_texts(values: Sequence[list[T]], indices: Sequence[bytes], rows: Sequence[int]) -> tuple[list[T], Index]:
    """Number the values of several blocks together.

    Args:
        values: of each block.
        indices: of each block, uint16 into its own values.
        rows: of each block.

    Returns:
        The distinct values in the order of the blocks, and the index of each row into them.
    """
    index = _numbers(indices, "<u2")
    sizes = np.array([len(own) for own in values])
    if len(values) == 1:
        if index.size and int(index.max()) >= len(values[0]):
            raise ColumnsMisfit("an index points beyond its texts")
        return values[0], index
    if (index >= sizes.repeat(rows)).any():
        raise ColumnsMisfit("an index points beyond its texts")
    number_of: dict[T, int] = {}
    numbers = [number_of.setdefault(value, len(number_of)) for own in values for value in own]
    table = np.array(numbers, dtype=np.uint16 if len(number_of) <= _SMALL else np.uint32)
    return list(number_of), table[index + (sizes.cumsum() - sizes).repeat(rows)]


def _check_items(item_counts: NDArray[np.int64], sizes: Sequence[_Sizes]) -> None:
    """See that each block has as many items as its searches say."""
    ends = np.cumsum([0, *(size.searches for size in sizes)])
    totals = np.concatenate([[0], item_counts.cumsum()])[ends]
    told, here = np.diff(totals).tolist(), [size.items for size in sizes]
    if told != here:
        raise ColumnsMisfit(f"pages of {told} items, and {here} in the columns")


def _check_values(columns: ScoreColumns) -> None:
    """See that no number is one that a cohort could not be closed with."""
    scores, times_ms = columns.scores, columns.times_ms
    if not columns.positions.all():
        raise ColumnsMisfit("a position 0, where the first is 1")
    if ((scores > SCORE_STEPS) & (scores != NULL_SCORE)).any():
        raise ColumnsMisfit("a score above 1")
    if (columns.unknown_tokens > columns.tokens).any():
        raise ColumnsMisfit("more unknown tokens than tokens")
    if times_ms.size and not 0 <= int(times_ms.min()) <= int(times_ms.max()) < END_MS:
        raise ColumnsMisfit("a time that is none")
    if (columns.latencies_ms < 0).any():
        raise ColumnsMisfit("a latency below 0")
