"""Bounds on how many names are kept, in a rollup and in what adds rollups up: the rarest are counted together."""

from collections.abc import Mapping
from typing import Final

import msgspec

from detectors.rollup_merge import add_counts
from schemas.rollup import OTHER, Rollup, SegmentCounts

MAX_CATEGORIES: Final = 200

Table = dict[str, list[float]]
"""Counters by value; the first of them is how often the value came."""


def bound_values(rollup: Rollup, max_values: int) -> Rollup:
    """Keep the most frequent segment values and categories; the others become `other`.

    Which are kept follows from the counts alone (ties by name), so any order of the log gives the same.

    Args:
        rollup: does not change.
        max_values: values kept for each segment dimension.
    """
    if len(rollup.exposure) <= MAX_CATEGORIES and all(len(values) <= max_values for values in rollup.segments.values()):
        return rollup
    segments = {dimension: _bound_segment(values, max_values) for dimension, values in rollup.segments.items()}
    return msgspec.structs.replace(rollup, exposure=bound_counts(rollup.exposure), segments=segments)


def bound_counts(counts: dict[str, int], most: int = MAX_CATEGORIES) -> dict[str, int]:
    """Keep the `most` − 1 names with the largest counts; the others become `other`. The input does not change."""
    if len(counts) <= most:
        return counts
    kept = _most_frequent(counts, most)
    bounded: dict[str, int] = {}
    for name, count in counts.items():
        slot = name if name in kept else OTHER
        bounded[slot] = bounded.get(slot, 0) + count
    return bounded


def bound_table(table: Table, most: int = MAX_CATEGORIES) -> Table:
    """Do the same to a table of counters, by the first of each; the input does not change."""
    if len(table) <= most:
        return table
    kept = _most_frequent({name: counts[0] for name, counts in table.items()}, most)
    bounded = {name: counts for name, counts in table.items() if name in kept and name != OTHER}
    # Fractions are added up in the order of the names: the sum is then the same whatever came first.
    rest = [table[name] for name in sorted(table) if name not in bounded]
    return {**bounded, OTHER: [sum(column) for column in zip(*rest, strict=True)]}


def _most_frequent(counts: Mapping[str, float], most: int) -> set[str]:
    return set(sorted(counts, key=lambda name: (-counts[name], name))[: most - 1])


def _bound_segment(values: dict[str, SegmentCounts], max_values: int) -> dict[str, SegmentCounts]:
    if len(values) <= max_values:
        return values
    frequent = sorted(values, key=lambda name: (-values[name].searches, name))[: max_values - 1]
    kept = {name: values[name] for name in frequent if name != OTHER}
    rest = SegmentCounts()
    # Fractions are added up in the order of the names: the sum is then the same whatever came first.
    for name in sorted(values):
        if name not in kept:
            rest = add_counts(rest, values[name])
    return {**kept, OTHER: rest}
