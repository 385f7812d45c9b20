"""DDSketch arithmetic: quantiles with a relative error of at most 1 %, additive over partitions and cohorts.

References:
    Masson, Rim & Lee (2019), "DDSketch: a fast and fully-mergeable quantile sketch with relative-error guarantees".
"""

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from schemas.rollup import Sketch

RELATIVE_ERROR: Final = 0.01
GAMMA: Final = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_LOG_GAMMA: Final = math.log(GAMMA)
SMALLEST: Final = 1e-3
"""Values below count as zero: a microsecond, where values are milliseconds."""
LARGEST: Final = 1e12
"""Values above count as this one, so that a sketch has at most 1,728 bins and a finite sum whatever it is fed."""


_LOWEST: Final = 1_000
_SLOTS: Final = 3_000
"""Bins are numbered from -345 to 1,382: with these two, a group and a bin make one number."""


def add_value(sketch: Sketch, value: float) -> None:
    """Count one value in a sketch; finite and not negative."""
    value = min(value, LARGEST)
    sketch.count += 1
    sketch.total += value
    if value < SMALLEST:
        sketch.zeros += 1
    else:
        position = math.ceil(math.log(value) / _LOG_GAMMA)
        sketch.bins[position] = sketch.bins.get(position, 0) + 1


def sketch_of(values: NDArray[np.float64]) -> Sketch:
    """Give the sketch of values that are finite and not negative, shape (n,)."""
    return sketch_groups(np.zeros(values.size, dtype=np.int64), 1, values)[0]


def sketch_groups(group: NDArray[np.int64], groups: int, values: NDArray[np.float64]) -> list[Sketch]:
    """Give a sketch of each group's values.

    Args:
        group: of each value, from 0, shape (n,).
        groups: how many there are.
        values: not negative; NaN where there is none. Shape (n,).
    """
    given = ~np.isnan(values)
    group, values = group[given], np.minimum(values[given], LARGEST)  # also in the sum, which would else overflow
    counts = np.bincount(group, minlength=groups).tolist()
    totals = np.bincount(group, weights=values, minlength=groups).tolist()
    large_enough = values >= SMALLEST
    large_group = group[large_enough]
    zeros = np.bincount(group[~large_enough], minlength=groups).tolist()
    sketches = [Sketch(*fields, {}) for fields in zip(counts, totals, zeros, strict=True)]
    bins = np.ceil(np.log(values[large_enough]) / _LOG_GAMMA).astype(np.int64)
    slots, numbers = np.unique(large_group * _SLOTS + (bins + _LOWEST), return_counts=True)
    for slot, number in zip(slots.tolist(), numbers.tolist(), strict=True):
        sketches[slot // _SLOTS].bins[slot % _SLOTS - _LOWEST] = number
    return sketches


def merge_sketches(left: Sketch, right: Sketch) -> Sketch:
    """Add two sketches; neither changes."""
    bins = dict(left.bins)
    for position, count in right.bins.items():
        bins[position] = bins.get(position, 0) + count
    return Sketch(
        count=left.count + right.count,
        total=left.total + right.total,
        zeros=left.zeros + right.zeros,
        bins=bins,
    )


def quantile(sketch: Sketch, q: float) -> float | None:
    """Give the value of rank floor(q·(count − 1)), within 1 % of it; None for an empty sketch.

    >>> round(quantile(sketch_of(np.arange(1.0, 102.0)), 0.5), 1)
    50.9
    """
    if sketch.count == 0:
        return None
    rank = math.floor(q * (sketch.count - 1))
    if rank < sketch.zeros:
        return 0.0
    seen = sketch.zeros
    position = 0
    for position in sorted(sketch.bins):
        seen += sketch.bins[position]
        if seen > rank:
            break
    return 2 * GAMMA**position / (GAMMA + 1)


def sketch_as_json(sketch: Sketch) -> dict[str, Any]:
    """Give what a reader wants of a sketch: count, sum and three quantiles."""
    return {
        "count": sketch.count,
        "sum": sketch.total,
        "p50": quantile(sketch, 0.50),
        "p95": quantile(sketch, 0.95),
        "p99": quantile(sketch, 0.99),
    }
