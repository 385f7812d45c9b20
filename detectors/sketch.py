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


def add_values(sketch: Sketch, values: NDArray[np.float64]) -> None:
    """Count values in a sketch.

    Args:
        sketch: changed in place.
        values: finite and not negative, any shape.
    """
    if values.size == 0:
        return
    values = np.minimum(values, LARGEST)  # also in the sum, which would else overflow
    large_enough = values[values >= SMALLEST]
    sketch.count += int(values.size)
    sketch.total += float(values.sum())
    sketch.zeros += int(values.size - large_enough.size)
    if large_enough.size == 0:
        return
    bins = np.ceil(np.log(large_enough) / _LOG_GAMMA).astype(np.int64)
    lowest = int(bins.min())
    counts = np.bincount(bins - lowest)
    for offset in np.flatnonzero(counts):
        position = lowest + int(offset)
        sketch.bins[position] = sketch.bins.get(position, 0) + int(counts[offset])


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

    >>> sketch = Sketch()
    >>> add_values(sketch, np.arange(1.0, 102.0))
    >>> round(quantile(sketch, 0.5), 1)
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
