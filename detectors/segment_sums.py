"""Counters of a cohort's searches by segment: by series, dimension and value."""

from collections.abc import Iterable, Mapping
from itertools import repeat
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.cohort import Cohort
from detectors.groups import present_groups, sum_by_group
from schemas.rollup import SegmentCounts

_FRACTIONS: Final = frozenset({"latency_total_ms", "match_total"})
"""Fields of SegmentCounts that are no whole numbers."""

Ints = NDArray[np.int64]


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
