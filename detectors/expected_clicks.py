"""Clicks over expected clicks: whether people click more or less than the positions of what was shown let expect."""

import math
from operator import mul

from detectors.clicked_scores import LEAST
from detectors.signal_point import make_point, no_point
from detectors.signal_reference import ClickReference
from schemas.rollup import Rollup
from schemas.signals import Reason, SignalPoint


def coec(rollup: Rollup, reference: ClickReference | None) -> SignalPoint:
    """Clicks over the clicks that as many impressions at these positions had in the reference; 1 where all is as then.

    Unlike `ctr` it does not move where pages become longer or shorter. n counts impressions; the standard error is
    that of the clicks given what was shown, the reference's own error is not in it.

    References:
        Zhang & Jones (2007), Comparing click logs and editorial labels for training query rewriting.
    """
    if reference is None or len(rollup.shown_at) != len(reference.shown_at):
        reason = Reason.NO_REFERENCE if rollup.impressions else Reason.NO_IMPRESSIONS
        return no_point("coec", rollup, reason, n=rollup.impressions)
    expected = sum(map(mul, rollup.shown_at, reference.clicks_per_impression()))
    clicks = sum(rollup.clicked_at)
    value = clicks / expected if expected >= LEAST else Reason.TOO_FEW_CLICKS
    deviation = clicks_deviation(rollup)
    error = deviation / expected if deviation is not None and expected else None
    return make_point("coec", rollup, value, (clicks, expected), n=rollup.impressions, error=error)


def clicks_deviation(rollup: Rollup) -> float | None:
    """Give the standard deviation of a cohort's number of clicks, given what was shown: at most this.

    Clicks of one page depend on each other, so pages are what is independent: n/(n−1)·(Σx² − (Σx)²/n). What differs
    from page to page because other things were shown is in it too (the law of total variance), hence *at most*.
    """
    n, labels = rollup.searches, rollup.labels
    if n < 2:
        return None
    rest = max(0.0, labels.xx - labels.clicks * labels.clicks / n)
    return math.sqrt(rest * n / (n - 1))
