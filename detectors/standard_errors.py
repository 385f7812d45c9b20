"""How sure a cohort's own numbers are: standard errors from what it holds, None where that tells none."""

import math

from detectors.sketch import quantile
from schemas.rollup import Sketch


def ratio_standard_error(sums: tuple[float, float], squares: tuple[float, float, float], searches: int) -> float | None:
    """Standard error of Σx/Σm over independent searches, by the delta method.

    Var(Σx/Σm) ≈ n/(n−1) · Σ(x − r·m)² / (Σm)² with r = Σx/Σm (Cochran 1977, Sampling Techniques, section 6.3).

    Args:
        sums: Σx and Σm.
        squares: Σx², Σxm and Σm².
        searches: n, how many searches were summed.
    """
    (x, m), (xx, xm, mm) = sums, squares
    if searches < 2 or not m:
        return None
    r = x / m
    rest = max(0.0, xx - 2 * r * xm + r * r * mm)
    return math.sqrt(rest * searches / (searches - 1)) / m


def mean_standard_error(count: int, total: float, squares: float) -> float | None:
    """Standard error of the mean of independent numbers from their count, sum and sum of squares."""
    if count < 2:
        return None
    mean = total / count
    return math.sqrt(max(0.0, squares / count - mean * mean) / (count - 1))


def binomial_standard_error(x: int, n: int) -> float | None:
    """Standard error of x/n from n independent trials."""
    return math.sqrt(x * (n - x) / n) / n if n else None


def quantile_standard_error(sketch: Sketch, q: float) -> float | None:
    """Standard error of a quantile from the order statistics one binomial deviation to each side.

    The number of values below the true quantile is binomial(n, q), so the ranks n·q ± √(n·q·(1−q)) enclose it with
    one standard deviation; half their distance is the error (Woodruff 1952).
    """
    n = sketch.count
    if n < 2:
        return None
    step = math.sqrt(n * q * (1 - q)) / (n - 1)
    low = quantile(sketch, max(0.0, q - step))
    high = quantile(sketch, min(1.0, q + step))
    return None if low is None or high is None else (high - low) / 2
