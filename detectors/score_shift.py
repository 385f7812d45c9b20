"""How far a cohort's match scores lie from the reference's: PSI and Jensen–Shannon divergence, fair at any n.

Two samples of one distribution differ by chance, and a divergence takes that for distance: about (G − 1)(1/n + 1/m) for
G groups of scores and samples of n and m. This is taken off, so that the level without a change is zero at any traffic.
The scores of one page resemble each other, so n counts for less than it says; how much they do follows from the
variance of page means (`match_at_10`) against that of scores.
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.clicked_scores import CENTRES
from detectors.signal_point import make_point, no_point
from schemas.rollup import Rollup
from schemas.signals import SignalPoint

GROUPS: Final = 10
"""Groups of neighbouring bins with about the same share of the reference."""
LEAST_IMPRESSIONS: Final = 50
"""Five a group: with fewer the chance distance is not known well enough to be taken off."""
TOP: Final = 10
"""Of how many scores a page `match_at_10` is the mean."""
JS_OF_PSI: Final = 1 / (8 * math.log(2))
"""Near zero the Jensen–Shannon divergence, in bits, is this part of the PSI: both are then sums of squares."""

Floats = NDArray[np.float64]


def score_shift_points(rollup: Rollup, reference: Sequence[int] | None) -> list[SignalPoint]:
    """Give `score_psi` and `score_js`; without values where there is too little, or no reference yet.

    Args:
        rollup: a cohort.
        reference: scored impressions by score bin of an earlier window.
    """
    n = sum(rollup.score_bins)
    if reference is None or len(reference) != len(rollup.score_bins) or n < LEAST_IMPRESSIONS:
        return [no_point("score_psi", rollup, n=n), no_point("score_js", rollup, n=n)]
    counts, known = np.array(rollup.score_bins, dtype=np.float64), np.array(reference, dtype=np.float64)
    group = score_groups(known)
    sizes: Floats = np.bincount(group, counts).astype(np.float64)
    known_sizes: Floats = np.bincount(group, known).astype(np.float64)
    if sizes.size < 2:  # all scores of the reference lie in one bin: there is no shape to compare
        return [no_point("score_psi", rollup, n=n), no_point("score_js", rollup, n=n)]
    effects = design_effects(rollup, counts, sizes.size - 1)
    each = effects * (1 / n + 1 / float(known.sum()))
    chance, scatter = float(each.sum()), 2 * float(each @ each)
    points = []
    for name, (distance, slopes), part in (
        ("score_psi", _psi(sizes, known_sizes), 1.0),
        ("score_js", _jensen_shannon(sizes, known_sizes), JS_OF_PSI),
    ):
        shares = sizes / n
        spread = float(shares @ slopes**2) - float(shares @ slopes) ** 2
        value = distance - part * chance
        # As a noncentral χ²: what is no chance varies with the shares (delta method), chance with itself.
        true_part = max(0.0, value / distance) if distance > 0 else 0.0
        error = math.sqrt(max(0.0, spread) * true_part * float(effects[0]) / n + part * part * scatter)
        points.append(make_point(name, rollup, value, (value * n, n), n=n, error=error))
    return points


def score_groups(reference: Floats) -> NDArray[np.int64]:
    """Number the groups of neighbouring bins, from 0; a bin that the reference lacks belongs to the one below it."""
    share = reference / reference.sum()
    tenth = np.minimum(GROUPS - 1, ((np.cumsum(share) - share / 2) * GROUPS).astype(np.int64))
    held = np.maximum.accumulate(np.where(reference > 0, tenth, -1))
    held[held < 0] = tenth[np.argmax(reference > 0)]
    return np.asarray(np.cumsum(np.diff(held, prepend=held[0]) > 0))


def design_effects(rollup: Rollup, counts: Floats, freedom: int) -> Floats:
    """Give how many times fewer independent scores would tell as much, for each way in which shapes can differ.

    The first way is a shift: of k scores a page, the mean varies by (1 + (k − 1)ρ)σ²/k, where ρ is how alike they are
    (Kish 1965, Survey Sampling, section 5.4). In finer ways pages are less alike: in the j-th by ρʲ where scores are
    normal once bent, as the Hermite polynomials of two normal numbers correlate (Lancaster 1957).

    Args:
        rollup: tells the means of pages.
        counts: its scored impressions by bin.
        freedom: how many ways there are.
    """
    n = float(counts.sum())
    on_page = n / rollup.match_at_10.count if rollup.match_at_10.count else 1.0
    return np.asarray(1 + max(0.0, on_page - 1) * _likeness(rollup, counts) ** np.arange(1, freedom + 1))


def _likeness(rollup: Rollup, counts: Floats) -> float:
    pages, n = rollup.match_at_10, float(counts.sum())
    if pages.count < 2:
        return 0.0
    mean = float(counts @ CENTRES) / n
    variance = float(counts @ (CENTRES - mean) ** 2) / n
    page_mean = pages.total / pages.count
    of_means = max(0.0, pages.squares / pages.count - page_mean**2) * pages.count / (pages.count - 1)
    averaged = min(float(TOP), n / pages.count)
    if variance <= 0 or averaged <= 1:
        return 0.0
    return min(1.0, max(0.0, (averaged * of_means / variance - 1) / (averaged - 1)))


def _psi(sizes: Floats, known: Floats) -> tuple[float, Floats]:
    # Half an impression more in each group: an empty one is far away, not infinitely far.
    p = (sizes + 0.5) / (sizes.sum() + sizes.size / 2)
    q = (known + 0.5) / (known.sum() + known.size / 2)
    logs = np.log(p / q)
    return float((p - q) @ logs), logs + 1 - q / p


def _jensen_shannon(sizes: Floats, known: Floats) -> tuple[float, Floats]:
    p, q = sizes / sizes.sum(), known / known.sum()
    middle = (p + q) / 2
    halves = np.log2(p / middle, out=np.zeros_like(p), where=p > 0) / 2
    return float(p @ halves + q @ np.log2(q / middle) / 2), halves
