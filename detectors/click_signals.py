"""Signals of what was clicked: how often, how high on the page, and whether the match score foretold it.

Each is a pure function of one rollup of a horizon, merged over partitions. Those that need what a series has learned
(`coec`, calibration) and those of score histograms (`auc`) have files of their own.
"""

import math

from detectors.signal_point import make_mean, make_point, make_rate, make_ratio
from detectors.standard_errors import ratio_standard_error
from schemas.rollup import Pairs, Rollup
from schemas.signals import Reason, SignalPoint


def ctr(rollup: Rollup) -> SignalPoint:
    """Clicked impressions per impression; the standard error lets the impressions of one page depend on each other."""
    labels = rollup.labels
    error = ratio_standard_error(
        (labels.clicks, rollup.impressions), (labels.xx, labels.xm, labels.mm), rollup.searches
    )
    return make_ratio(
        "ctr",
        rollup,
        (labels.clicks, rollup.impressions),
        n=rollup.impressions,
        error=error,
        without=Reason.NO_IMPRESSIONS,
    )


def click_rate(rollup: Rollup) -> SignalPoint:
    """Clicked impressions per second; n counts impressions, the opportunities to click."""
    error = math.sqrt(rollup.labels.xx) / rollup.bucket_s
    return make_rate("click_rate", rollup, rollup.labels.clicks, n=rollup.impressions, error=error)


def purchase_rate(rollup: Rollup) -> SignalPoint:
    """Purchased impressions per second; n counts impressions. The standard error takes purchases for independent."""
    purchases = rollup.labels.purchases
    error = math.sqrt(purchases) / rollup.bucket_s
    return make_rate("purchase_rate", rollup, purchases, n=rollup.impressions, error=error)


def ctr_proxy_accuracy(rollup: Rollup) -> SignalPoint:
    """How often the clicked of two examined items has the higher match score, ties one half."""
    return _pair_share("ctr_proxy_accuracy", rollup, rollup.pairs)


def shown_order_accuracy(rollup: Rollup) -> SignalPoint:
    """The same pairs by shown rank: how often the clicked item stands higher on the page."""
    return _pair_share("shown_order_accuracy", rollup, rollup.shown_pairs)


def ctr_proxy_lift(rollup: Rollup) -> SignalPoint:
    """What the match score says about clicks beyond the order of the page: the difference of the two accuracies.

    Position bias moves both, so the difference is what rules look at. Both come from the same searches and the
    rollup has no cross moment of the two; the standard error is the largest that any correlation allows.
    """
    match, shown = ctr_proxy_accuracy(rollup), shown_order_accuracy(rollup)
    value = Reason.NO_PAIRS if match.value is None or shown.value is None else match.value - shown.value
    error = None
    if match.standard_error is not None and shown.standard_error is not None:
        error = match.standard_error + shown.standard_error
    return make_point(
        "ctr_proxy_lift",
        rollup,
        value,
        (match.numerator - shown.numerator, match.denominator),
        n=match.n,
        error=error,
    )


def ndcg_at_10(rollup: Rollup) -> SignalPoint:
    """How high on their pages the clicked items stand, among the first ten: mean over searches with a click."""
    return make_mean("ndcg_at_10", rollup, rollup.ndcg_at_10, without=Reason.NO_CLICKS)


def mrr(rollup: Rollup) -> SignalPoint:
    """One over the place of the uppermost click: mean over searches with a click."""
    return make_mean("mrr", rollup, rollup.mrr, without=Reason.NO_CLICKS)


def _pair_share(name: str, rollup: Rollup, pairs: Pairs) -> SignalPoint:
    wins = 2 * pairs.concordant + pairs.tied
    total = 2 * (pairs.concordant + pairs.discordant + pairs.tied)
    error = ratio_standard_error((wins, total), (pairs.aa, pairs.ab, pairs.bb), pairs.searches)
    ratio = (wins / 2, total / 2)
    return make_ratio(name, rollup, ratio, n=total // 2, error=error, without=Reason.NO_PAIRS)
