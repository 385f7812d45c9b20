"""Sums over groups of rows, many columns at once."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.cohort import Cohort
from schemas.rollup import SegmentCounts

_FRACTIONS: Final = frozenset({"latency_total_ms", "match_total"})
"""Fields of SegmentCounts that are no whole numbers."""
_DENSE: Final = 32
"""Groups a row up to which a table of all of them is faster than sorting the rows."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def sum_by_group(group: Ints, groups: int, columns: Sequence[NDArray[Any]]) -> Floats:
    """Add k columns up by group, in one pass: a pass of NumPy costs more than the few hundred rows of a cohort.

    Args:
        group: of each row, from 0, shape (n,).
        groups: how many there are.
        columns: numbers, shape (n,) each; sums of whole ones are exact below 2⁵³.

    Returns:
        Shape (groups, k).

    >>> sum_by_group(np.array([0, 1, 0]), 2, [np.array([1, 2, 3]), np.array([0.5, 0.5, 0.5])]).tolist()
    [[4.0, 1.0], [2.0, 0.5]]
    """
    width = len(columns)
    weights = np.empty((group.size, width))
    for number, column in enumerate(columns):
        weights[:, number] = column
    slots = (group[:, None] * width + np.arange(width)).ravel()
    sums = np.bincount(slots, weights=weights.ravel(), minlength=groups * width).astype(np.float64, copy=False)
    return sums.reshape(groups, width)


def sum_segments(
    cohort: Cohort, series: Ints, combinations: Ints, columns: Mapping[str, NDArray[Any]]
) -> list[dict[str, dict[str, SegmentCounts]]]:
    """Add columns up by series, dimension and value.

    Args:
        cohort: sealed; knows which values a combination has.
        series: number of the series of each search, shape (n,).
        combinations: number of the combination of its values, shape (n,).
        columns: by field of SegmentCounts, shape (n,) each.
    """
    result: list[dict[str, dict[str, SegmentCounts]]] = [{} for _ in cohort.series]
    # First by combination, which the dimensions share; then each dimension adds up a few combinations.
    width = max(1, cohort.combinations)
    seen, where = present_groups(series * width + combinations, len(cohort.series) * width)
    sums = list(sum_by_group(where, seen.size, list(columns.values())).T)
    of_series, combination = seen // width, seen % width
    for dimension, (names, of_combination) in zip(cohort.dimensions, cohort.segments, strict=True):
        slot: Ints = of_series * len(names) + of_combination[combination]
        present, group = present_groups(slot, len(cohort.series) * len(names))
        found = dict(zip(columns, sum_by_group(group, present.size, sums).T, strict=True))
        fields: list[Iterable[float]] = []
        for name in SegmentCounts.__struct_fields__:
            if name in found:
                fields.append((found[name] if name in _FRACTIONS else found[name].astype(np.int64)).tolist())
            else:
                fields.append(repeat(0))
        for number, counts in zip(present.tolist(), map(SegmentCounts, *fields), strict=True):
            result[number // len(names)].setdefault(dimension, {})[names[number % len(names)]] = counts
    return result


def present_groups(group: Ints, groups: int) -> tuple[Ints, Ints]:
    """Number anew the groups that have rows.

    Args:
        group: of each row, from 0, shape (n,).
        groups: how many there could be.

    Returns:
        The groups that have rows, ascending, shape (k,); and which of them each row is in, shape (n,).

    >>> [array.tolist() for array in present_groups(np.array([7, 2, 7]), 9)]
    [[2, 7], [1, 0, 1]]
    """
    if groups > _DENSE * (group.size + _DENSE):
        return np.unique(group, return_inverse=True)
    here = np.bincount(group, minlength=groups) > 0
    return np.flatnonzero(here), (np.cumsum(here) - 1)[group]
