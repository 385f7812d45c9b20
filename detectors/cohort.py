"""A cohort: the searches of one interval of event time, from their arrival until their last horizon."""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.checkpoint import LogMark
from detectors.groups import groups_by_first_row
from detectors.score_columns import ScoreColumns, TextColumn
from schemas.rollup import OTHER, UNKNOWN, Rollup
from schemas.scores import Series

MAX_SERIES: Final = 500
"""Series of one cohort; searches of any further one count as model and version `other` of their application, and from
twice as many on as application `other` too."""
MAX_COMBINATIONS: Final = 4096
"""Combinations of segment values of one cohort; those of any further one count as `other`."""

_WIDE_KEY: Final = 2**31


@dataclass(slots=True)
class Candidate:
    """A search that may become an exemplar."""

    id_hash: int
    source_offset: int
    row: int
    scores: list[int | None] | None = None
    """Of its first items, in steps of 1/4096; kept from the first time they are read."""


class SegmentValues(NamedTuple):
    """The values of one dimension in a cohort."""

    names: list[str]
    of_combination: NDArray[np.uint16]
    """Which of `names` a combination has, shape (combinations,)."""


@dataclass(slots=True)
class Cohort:
    """What is known of one cohort of one partition.

    Names are numbered in the order of the log, so a replay of the same records numbers them the same.
    """

    start_ms: int
    mark: LogMark
    """Where the log must be read from to build this cohort again."""
    dimensions: tuple[str, ...] = ()
    """Names of the segment dimensions, in order; a combination has one value of each."""
    series: list[Series] = field(default_factory=list)
    combinations: int = 0
    """How many combinations of segment values its searches have."""
    row_ranges: list[tuple[int, int]] = field(default_factory=list)
    fresh: list[ScoreColumns] = field(default_factory=list)
    """Searches whose label-free fields have not been counted yet; `fresh_series` numbers their series."""
    fresh_series: list[NDArray[np.uint16]] = field(default_factory=list)
    fresh_combinations: list[NDArray[np.uint16]] = field(default_factory=list)
    fresh_rows: list[int] = field(default_factory=list)
    segments: list[SegmentValues] = field(default_factory=list)
    """By dimension, once the cohort has closed for new searches."""
    label_free: dict[int, Rollup] = field(default_factory=dict)
    """By number of the series, likewise; until the label-free rollups have been emitted, and then:"""
    packed: dict[int, bytes] = field(default_factory=dict)
    """The same, encoded."""
    candidates: dict[int, list[Candidate]] = field(default_factory=dict)
    _series_numbers: dict[Series, int] = field(default_factory=dict)
    _combination_numbers: dict[tuple[str, ...], int] = field(default_factory=dict)

    def series_number(self, series: Series) -> int:
        """Number a series, from 0 in the order of their first search."""
        number = self._series_numbers.get(series)
        if number is not None:
            return number
        if len(self.series) >= MAX_SERIES:
            series = Series(series.application, series.surface, OTHER, OTHER)
            if series not in self._series_numbers and len(self.series) >= 2 * MAX_SERIES:
                series = Series(OTHER, series.surface, OTHER, OTHER)
            number = self._series_numbers.get(series)
            if number is not None:
                return number
        self.series.append(series)
        self._series_numbers[series] = len(self.series) - 1
        return len(self.series) - 1

    def combination_number(self, values: tuple[str, ...]) -> int:
        """Number a combination of segment values, from 0 in the order of their first search."""
        number = self._combination_numbers.get(values)
        if number is not None:
            return number
        if self.combinations >= MAX_COMBINATIONS:
            values = (OTHER,) * len(values)
            number = self._combination_numbers.get(values)
            if number is not None:
                return number
        self._combination_numbers[values] = self.combinations
        self.combinations += 1
        return self.combinations - 1

    def number_rows(self, columns: ScoreColumns) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
        """Number the series and the segment values of some searches, in the order of their first search.

        Returns:
            The number of the series, and of the combination of segment values, each of shape (n,).
        """
        firsts, where = groups_by_first_row(columns.series_index, len(columns.series))
        numbers = [self.series_number(columns.series[index]) for index in columns.series_index[firsts].tolist()]
        series = np.array(numbers, dtype=np.uint16)[where]
        if not self.dimensions:
            return series, np.full(len(columns), self.combination_number(()), dtype=np.uint16)
        key = np.zeros(len(columns), dtype=np.int64)
        space = 1
        segments = [columns.segments.get(name) or _unknown_column(len(columns)) for name in self.dimensions]
        for column in segments:
            if space > _WIDE_KEY:  # a few more dimensions of many values would not fit into 64 bits
                distinct, key = np.unique(key, return_inverse=True)
                space = distinct.size
            key = key * max(1, len(column.values)) + column.index
            space *= max(1, len(column.values))
        firsts, where = groups_by_first_row(key, space)
        texts = [map(column.values.__getitem__, column.index[firsts].tolist()) for column in segments]
        numbers = list(map(self.combination_number, zip(*texts, strict=True)))
        return series, np.array(numbers, dtype=np.uint16)[where]

    def add_rows(
        self,
        columns: ScoreColumns,
        numbers: tuple[NDArray[np.uint16], NDArray[np.uint16]],
        first_row: int,
    ) -> None:
        """Take n searches in, that stand in the open searches from `first_row` on."""
        end = first_row + len(columns)
        if self.row_ranges and self.row_ranges[-1][1] == first_row:
            self.row_ranges[-1] = (self.row_ranges[-1][0], end)
        else:
            self.row_ranges.append((first_row, end))
        self.fresh.append(columns)
        self.fresh_series.append(numbers[0])
        self.fresh_combinations.append(numbers[1])
        self.fresh_rows.append(first_row)

    def seal(self) -> None:
        """Close for new searches: what only numbers the names of searches to come is let go."""
        for place in range(len(self.dimensions)):
            numbers: dict[str, int] = {}
            value_of = [numbers.setdefault(values[place], len(numbers)) for values in self._combination_numbers]
            self.segments.append(SegmentValues(list(numbers), np.array(value_of, dtype=np.uint16)))
        self._combination_numbers.clear()
        self._series_numbers.clear()

    def drop_fresh(self) -> None:
        """Let go of what only the label-free counts needed."""
        self.fresh.clear()
        self.fresh_series.clear()
        self.fresh_combinations.clear()
        self.fresh_rows.clear()


def _unknown_column(rows: int) -> TextColumn:
    """Give the values of a dimension that score was not told of when it wrote the block."""
    return TextColumn([UNKNOWN], np.zeros(rows, dtype=np.uint16))
