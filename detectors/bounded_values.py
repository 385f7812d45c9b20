"""Bounds on how many names one rollup carries: the rarest beyond the bound are counted together."""

from typing import Final

import msgspec

from detectors.rollup_merge import add_counts
from schemas.rollup import OTHER, Rollup, SegmentCounts

MAX_CATEGORIES: Final = 200


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
    return msgspec.structs.replace(rollup, exposure=_bound_exposure(rollup.exposure), segments=segments)


def _bound_exposure(exposure: dict[str, int]) -> dict[str, int]:
    if len(exposure) <= MAX_CATEGORIES:
        return exposure
    kept = set(sorted(exposure, key=lambda name: (-exposure[name], name))[: MAX_CATEGORIES - 1])
    bounded: dict[str, int] = {}
    for name, count in exposure.items():
        slot = name if name in kept else OTHER
        bounded[slot] = bounded.get(slot, 0) + count
    return bounded


def _bound_segment(values: dict[str, SegmentCounts], max_values: int) -> dict[str, SegmentCounts]:
    if len(values) <= max_values:
        return values
    frequent = sorted(values, key=lambda name: (-values[name].searches, name))[: max_values - 1]
    kept = {name: values[name] for name in frequent if name != OTHER}
    rest = SegmentCounts()
    for name, counts in values.items():
        if name not in kept:
            rest = add_counts(rest, counts)
    return {**kept, OTHER: rest}
