"""How far a cohort's match scores lie from the reference's: PSI and Jensen–Shannon divergence, fair at any n.

Two samples of one distribution differ by chance, and a divergence takes that for distance: about (G − 1)(1/n + 1/m) for
G groups of scores and samples of n and m. This is taken off, so that the level without a change is zero at any traffic.
The scores of one page resemble each other, so n counts for less than it says; how much they do follows from the
variance of page means (`match_at_10`) against that of scores.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from operator import mul
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.clicked_scores import CENTRES
from detectors.signal_point import make_point, no_point
from schemas.rollup import Rollup
from schemas.signals import Reason, SignalPoint

GROUPS: Final = 10
"""Groups of neighbouring bins with about the same share of the reference."""
LEAST_IMPRESSIONS: Final = 50
"""Five a group: with fewer the chance distance is not known well enough to be taken off."""
TOP: Final = 10
"""Of how many scores a page `match_at_10` is the mean."""
JS_OF_PSI: Final = 1 / (8 * math.log(2))
"""Near zero the Jensen–Shannon divergence, in bits, is this part of the PSI: both are then sums of squares."""

Floats = NDArray[np.float64]
_SQUARES: Final[Floats] = CENTRES**2
_WITHIN_A_BIN: Final = 1 / (12 * CENTRES.size**2)
"""Variance of scores spread evenly over one bin: the histogram does not see less."""


def score_shift_points(rollup: Rollup, reference: Sequence[int] | None) -> list[SignalPoint]:
    """Give `score_psi` and `score_js`; without values where there is too little, or no reference yet.

    Args:
        rollup: a cohort.
        reference: scored impressions by score bin of an earlier window.
    """
    n = sum(rollup.score_bins)
    if n < LEAST_IMPRESSIONS:
        return _no_points(rollup, Reason.TOO_FEW_IMPRESSIONS if n else Reason.NO_SCORES, n)
    if reference is None or len(reference) != len(rollup.score_bins):
        return _no_points(rollup, Reason.NO_REFERENCE, n)
    group, known = _grouped(tuple(reference))
    if len(known) < 2:  # all scores of the reference lie in one bin: there is no shape to compare
        return _no_points(rollup, Reason.ONE_BIN, n)
    counts = np.array(rollup.score_bins, dtype=np.float64)
    sizes = np.bincount(group, counts, minlength=len(known)).tolist()
    effects = design_effects(rollup, counts, len(known) - 1)
    each = 1 / n + 1 / sum(known)
    chance, scatter = each * sum(effects), 2 * each * each * sum(effect * effect for effect in effects)
    points = []
    for name, (distance, slopes), part in (
        ("score_psi", _psi(sizes, known), 1.0),
        ("score_js", _jensen_shannon(sizes, known), JS_OF_PSI),
    ):
        mean = sum(map(mul, sizes, slopes)) / n
        spread = sum(size * slope * slope for size, slope in zip(sizes, slopes, strict=True)) / n - mean * mean
        value = distance - part * chance
        # As a noncentral χ²: what is no chance varies with the shares (delta method), chance with itself.
        true_part = max(0.0, value / distance) if distance > 0 else 0.0
        error = math.sqrt(max(0.0, spread) * true_part * effects[0] / n + part * part * scatter)
        points.append(make_point(name, rollup, value, (value * n, n), n=n, error=error))
    return points


def _no_points(rollup: Rollup, reason: Reason, n: int) -> list[SignalPoint]:
    return [no_point(name, rollup, reason, n=n) for name in ("score_psi", "score_js")]


@lru_cache(maxsize=1024)
def _grouped(reference: tuple[int, ...]) -> tuple[NDArray[np.int64], list[int]]:
    # Remembered, because a reference that is ready stays as it is, and is asked at every cohort.
    counts = np.array(reference, dtype=np.int64)
    group = score_groups(counts.astype(np.float64))
    return group, [int(counts[group == number].sum()) for number in range(int(group[-1]) + 1)]


def score_groups(reference: Floats) -> NDArray[np.int64]:
    """Number the groups of neighbouring bins, from 0; a bin that the reference lacks belongs to the one below it."""
    share = reference / reference.sum()
    tenth = np.minimum(GROUPS - 1, ((np.cumsum(share) - share / 2) * GROUPS).astype(np.int64))
    held = np.maximum.accumulate(np.where(reference > 0, tenth, -1))
    held[held < 0] = tenth[np.argmax(reference > 0)]
    return np.asarray(np.cumsum(np.diff(held, prepend=held[0]) > 0))


def design_effects(rollup: Rollup, counts: Floats, freedom: int) -> list[float]:
    """Give how many times fewer independent scores would tell as much, for each way in which shapes can differ.

    The first way is a shift: of k scores a page, the mean varies by (1 + (k − 1)ρ)σ²/k, where ρ is how alike they are
    (Kish 1965, Survey Sampling, section 5.4). In finer ways pages are less alike: in the j-th by ρʲ where scores are
    normal once bent, as the Hermite polynomials of two normal numbers correlate (Lancaster 1957).

    Args:
        rollup: tells the means of pages.
        counts: its scored impressions by bin.
        freedom: how many ways there are.
    """
    n = sum(rollup.score_bins)
    more = max(0.0, n / rollup.match_at_10.count - 1) if rollup.match_at_10.count else 0.0
    alike = _likeness(rollup, counts)
    return [1 + more * alike**way for way in range(1, freedom + 1)]


def _likeness(rollup: Rollup, counts: Floats) -> float:
    pages, n = rollup.match_at_10, sum(rollup.score_bins)
    if pages.count < 2:
        return 0.0
    mean = float(counts @ CENTRES) / n
    variance = float(counts @ _SQUARES) / n - mean * mean
    page_mean = pages.total / pages.count
    of_means = max(0.0, pages.squares / pages.count - page_mean**2) * pages.count / (pages.count - 1)
    averaged = min(float(TOP), n / pages.count)
    if variance < _WITHIN_A_BIN or averaged <= 1:
        return 0.0
    return min(1.0, max(0.0, (averaged * of_means / variance - 1) / (averaged - 1)))


def _psi(sizes: Sequence[float], known: Sequence[int]) -> tuple[float, list[float]]:
    """Give the divergence, and its derivative by each share."""
    # Half an impression more in each group: an empty one is far away, not infinitely far.
    n, m, half = sum(sizes) + len(sizes) / 2, sum(known) + len(known) / 2, 0.5
    distance, slopes = 0.0, []
    for size, known_size in zip(sizes, known, strict=True):
        p, q = (size + half) / n, (known_size + half) / m
        log = math.log(p / q)
        distance += (p - q) * log
        slopes.append(log + 1 - q / p)
    return distance, slopes


def _jensen_shannon(sizes: Sequence[float], known: Sequence[int]) -> tuple[float, list[float]]:
    """Give the divergence in bits, and its derivative by each share; no group of the reference is empty."""
    n, m = sum(sizes), sum(known)
    distance, slopes = 0.0, []
    for size, known_size in zip(sizes, known, strict=True):
        p, q = size / n, known_size / m
        slope = math.log2(2 * p / (p + q)) / 2 if p else 0.0
        distance += p * slope + q * math.log2(2 * q / (p + q)) / 2
        slopes.append(slope)
    return distance, slopes
