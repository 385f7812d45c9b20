"""How unequally impressions fall on categories: few winners, or something for everyone."""

from collections.abc import Mapping

from detectors.signal_point import make_point, no_point
from schemas.rollup import Rollup
from schemas.signals import Reason, SignalPoint


def exposure_gini(rollup: Rollup, reference: Mapping[str, int] | None) -> SignalPoint:
    """Gini coefficient of impressions over categories: 0 where all have the same share.

    Categories of the series' reference that are not shown at all count with zero; without a reference it has no value,
    as it would rise by itself while categories become known. How pages choose categories is not in the rollup, so the
    cohort alone tells no standard error; and means of it say nothing, so no rule can watch it.
    """
    n = sum(rollup.exposure.values())
    if not n:
        return no_point("exposure_gini", rollup, Reason.NO_IMPRESSIONS, n=0)
    if not reference:
        return no_point("exposure_gini", rollup, Reason.NO_REFERENCE, n=n)
    counts = [rollup.exposure.get(name, 0) for name in {*rollup.exposure, *reference}]
    if len(counts) < 2:
        return no_point("exposure_gini", rollup, Reason.ONE_CATEGORY, n=n)
    return make_point("exposure_gini", rollup, gini(counts), (0.0, 0.0), n=n, error=None)


def gini(counts: list[int]) -> float:
    """Give the mean difference of all pairs, relative to twice the mean.

    >>> gini([5, 5, 5])
    0.0
    >>> gini([0, 0, 0, 8])
    0.75
    """
    ordered = sorted(counts)
    weighted = sum((2 * rank - len(ordered) - 1) * count for rank, count in enumerate(ordered, 1))
    return weighted / (len(ordered) * sum(ordered))
