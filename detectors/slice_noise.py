"""How much a slice's ratio scatters by chance, learned from successive cohorts."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.slice_table import Noise, SliceTable

Floats = NDArray[np.float64]
LEAST_DIFFERENCES: Final = 8
"""With fewer pairs of successive cohorts nobody can say what is chance."""
_EFFICIENCY: Final = 2 / 3
"""Degrees of freedom that one successive difference is worth (von Neumann 1941)."""


def unit_variance(noise: Noise, level: Floats) -> Floats:
    """Give the variance of a ratio over one unit of denominator, but for its factor."""
    if noise.variance == "share":
        within = np.clip(level, 0.0, 1.0)
        return within * (1 - within)
    if noise.variance == "count":
        return np.maximum(level, 0.0)
    return level**2 if noise.variance == "squared" else np.ones_like(level)


def learn_factor(table: SliceTable) -> tuple[Floats, float] | None:
    """Learn the factor of each slice's unit variance; None where too few cohorts are known.

    From differences of successive cohorts, because neither trends nor a change between two of them disturb those.
    Counts scatter at least as they do by chance alone. Means of slices may scatter each in its own way: the larger of
    the slice's own factor and that of all slices counts.

    Returns:
        Factors, shape (values,), and how many degrees of freedom they rest on.

    References:
        von Neumann (1941), Distribution of the ratio of the mean square successive difference to the variance.
        Wedderburn (1974), Quasi-likelihood functions, for variances that are a factor times a function of the level.
    """
    x, m = table.cohorts
    pairs = m[1:] * m[:-1] > 0
    if table.changed_at > 0:
        pairs[table.changed_at - 1 : table.changed_at] = False  # the change itself is no chance
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = x / m
        joint = np.where(pairs, m[1:] * m[:-1] / (m[1:] + m[:-1]), 0.0)
        squares = np.where(pairs, joint * np.diff(ratio, axis=0) ** 2, 0.0)
        level = np.where(m.sum(axis=0) > 0, x.sum(axis=0) / m.sum(axis=0), 0.0)
    expected = np.where(pairs, unit_variance(table.noise, level), 0.0)
    differences = int((pairs & (expected > 0)).sum())
    if differences < LEAST_DIFFERENCES:
        return None
    # Weighted by what is expected in them: pairs of cohorts with hardly an event say little.
    weight = joint * expected if table.noise.variance in {"share", "count"} else pairs.astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        each = np.where(expected > 0, squares / expected, 0.0)
        whole = float((weight * each).sum() / weight.sum())
        own = np.where(weight.sum(axis=0) > 0, (weight * each).sum(axis=0) / weight.sum(axis=0), whole)
    freedom = _EFFICIENCY * float(weight.sum() ** 2 / (weight**2).sum())
    if table.noise.variance in {"share", "count"}:
        return np.full(len(table.values), max(1.0, whole)), freedom
    return np.maximum(own, whole), freedom


def as_normal(statistic: Floats, freedom: float) -> Floats:
    """Turn statistics with Student's t distribution into standard normal ones.

    References:
        Wallace (1959), Bounds on normal approximations to Student's and the chi-square distributions.
    """
    # sign·√(ν·log(1 + t²/ν)), with Wallace's factor: right far out in the tails as well.
    size = np.sqrt(freedom * np.log1p(statistic**2 / freedom)) * (8 * freedom + 1) / (8 * freedom + 3)
    return np.sign(statistic) * size


def upper_tail(z: float) -> float:
    """Give the chance that a standard normal number is larger."""
    return math.erfc(z / math.sqrt(2)) / 2
