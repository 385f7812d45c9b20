"""Simpson-type shifts: the whole's level moves because its traffic moves between slices that stay as they were."""

import numpy as np
from numpy.typing import NDArray

from detectors.slice_changes import SliceChanges
from detectors.slice_noise import as_normal, unit_variance

Floats = NDArray[np.float64]


def mix_evidence(changes: SliceChanges) -> float:
    """Give, as a standard normal number, what the whole mix of a dimension did to the level; 0 where nobody can say.

    With the slices' levels as they were before, each cohort has a level that follows from its mix alone. How much that
    scatters between successive cohorts tells what is chance.
    """
    table = changes.table
    if table.kind != "ratio" or changes.factor is None:
        return 0.0
    m = table.cohorts[1]
    weight = m.sum(axis=1)
    keep = weight > 0
    level = (m[keep] @ changes.level_before) / weight[keep]
    variance = _variance_per_unit(level[:, None], weight[keep], int(keep[: table.changed_at].sum()))
    before, after = table.before[1].sum(), table.after[1].sum()
    # The levels before are known but for their own chance, which counts where the mix has moved.
    moved = changes.weight_after - changes.weight_before
    error = float((moved**2 * _level_variance(changes)).sum())
    total = float(variance[0]) * (1 / before + 1 / after) + error
    return float(as_normal(np.array([changes.mix.sum() / np.sqrt(total)]), changes.freedom)[0]) if total > 0 else 0.0


def weight_evidence(changes: SliceChanges) -> Floats:
    """Give, as standard normal numbers, how much each slice's part of the traffic grew, shape (values,)."""
    m = changes.table.cohorts[1]
    weight = m.sum(axis=1)
    keep = weight > 0
    shares = m[keep] / weight[keep][:, None]
    variance = _variance_per_unit(shares, weight[keep], int(keep[: changes.table.changed_at].sum()))
    before, after = changes.table.before[1].sum(), changes.table.after[1].sum()
    # At least that of independent units at both levels: few cohorts may agree by chance, or not have the slice at all.
    middle = (changes.weight_before + changes.weight_after) / 2
    spread = np.sqrt(np.maximum(variance, middle * (1 - middle)) * (1 / before + 1 / after))
    grown = changes.weight_after - changes.weight_before
    return as_normal(np.divide(grown, spread, out=np.zeros_like(grown), where=spread > 0), changes.freedom)


def _variance_per_unit(series: Floats, weight: Floats, changed_at: int) -> Floats:
    """Give the variance of columns' means over one unit of weight, from successive cohorts on one side of a change."""
    if len(weight) < 2:
        return np.zeros(series.shape[1])
    joint = weight[1:] * weight[:-1] / (weight[1:] + weight[:-1])
    if 0 < changed_at < len(weight):
        joint[changed_at - 1] = 0.0
    pairs = max(1, int((joint > 0).sum()))
    found: Floats = (joint[:, None] * np.diff(series, axis=0) ** 2).sum(axis=0) / pairs
    return found


def _level_variance(changes: SliceChanges) -> Floats:
    assert changes.factor is not None  # noqa: S101  (the caller has looked)
    before = changes.table.before[1]
    variance = changes.factor * unit_variance(changes.table.noise, changes.level_before)
    return np.divide(variance, before, out=np.zeros_like(variance), where=before > 0)
