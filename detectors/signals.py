"""Signals: one value per signal, series and cohort, each with what its uncertainty needs.

Everything here is a pure function of one rollup that has been merged over partitions. `exposure_js` also needs the
series' reference, see `detectors/reference.py`; signals that compare with one have files of their own.
"""

import math
from collections.abc import Mapping

from detectors.calibration_signals import calibration_points, predict
from detectors.clicked_scores import auc, clicked_scores, pointwise_accuracy
from detectors.divergence import jensen_shannon, jensen_shannon_error
from detectors.expected_clicks import coec
from detectors.exposure_gini import exposure_gini
from detectors.query_ood import query_ood_rate
from detectors.score_shift import score_shift_points
from detectors.signal_point import make_point, make_ratio, no_point
from detectors.signal_reference import SignalReference
from detectors.sketch import quantile
from schemas.rollup import LABEL_FREE, Moments, Pairs, Rollup, Sketch
from schemas.signals import Reason, SignalPoint

LATENCY_QUANTILES: Mapping[str, float] = {"latency_p50": 0.50, "latency_p95": 0.95, "latency_p99": 0.99}
SCORING_QUANTILES: Mapping[str, float] = {"scoring_p50": 0.50, "scoring_p95": 0.95, "scoring_p99": 0.99}


def signal_points(
    rollup: Rollup,
    exposure_reference: Mapping[str, int] | None = None,
    learned: SignalReference | None = None,
) -> list[SignalPoint]:
    """Give every signal that a rollup's horizon can tell, in a fixed order.

    The label-free rollup tells what was shown and how fast; the others tell what was clicked.

    Args:
        rollup: one (series, cohort, horizon), merged over partitions.
        exposure_reference: impressions by category of the series' reference; without it `exposure_js` has no value.
        learned: the series' other references; without them neither have the signals that compare with those.
    """
    if rollup.horizon_s == LABEL_FREE:
        return [
            search_rate(rollup),
            zero_result_rate(rollup),
            match_at_10(rollup),
            *(latency_quantile(rollup, name) for name in LATENCY_QUANTILES),
            exposure_js(rollup, exposure_reference),
            missing_field_rate(rollup),
            unknown_token_rate(rollup),
            unscored_rate(rollup),
            exposure_gini(rollup, exposure_reference),
            *score_shift_points(rollup, learned.ready_scores() if learned is not None else None),
            *(scoring_quantile(rollup, name) for name in SCORING_QUANTILES),
            query_ood_rate(rollup, learned.ready_queries() if learned is not None else None),
        ]
    clicks = learned.ready_clicks(rollup.horizon_s) if learned is not None else None
    histograms = clicked_scores(rollup)
    return [
        ctr(rollup),
        click_rate(rollup),
        ctr_proxy_accuracy(rollup),
        shown_order_accuracy(rollup),
        ctr_proxy_lift(rollup),
        purchase_rate(rollup),
        coec(rollup, clicks),
        pointwise_accuracy(rollup, histograms),
        auc(rollup, histograms),
        *calibration_points(rollup, predict(rollup, clicks, histograms)),
        ndcg_at_10(rollup),
        mrr(rollup),
    ]


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
    return _rate("click_rate", rollup, rollup.labels.clicks, n=rollup.impressions, error=error)


def purchase_rate(rollup: Rollup) -> SignalPoint:
    """Purchased impressions per second; n counts impressions. The standard error takes purchases for independent."""
    purchases = rollup.labels.purchases
    error = math.sqrt(purchases) / rollup.bucket_s
    return _rate("purchase_rate", rollup, purchases, n=rollup.impressions, error=error)


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


def match_at_10(rollup: Rollup) -> SignalPoint:
    """Mean over searches of the mean match probability of the first ten scored positions."""
    return _mean("match_at_10", rollup, rollup.match_at_10, without=Reason.NO_SCORES)


def ndcg_at_10(rollup: Rollup) -> SignalPoint:
    """How high on their pages the clicked items stand, among the first ten: mean over searches with a click."""
    return _mean("ndcg_at_10", rollup, rollup.ndcg_at_10, without=Reason.NO_CLICKS)


def mrr(rollup: Rollup) -> SignalPoint:
    """One over the place of the uppermost click: mean over searches with a click."""
    return _mean("mrr", rollup, rollup.mrr, without=Reason.NO_CLICKS)


def zero_result_rate(rollup: Rollup) -> SignalPoint:
    """Share of searches that showed nothing."""
    return _search_share("zero_result_rate", rollup, rollup.zero_results)


def search_rate(rollup: Rollup) -> SignalPoint:
    """Searches per second of event time."""
    error = math.sqrt(rollup.searches) / rollup.bucket_s
    return _rate("search_rate", rollup, rollup.searches, n=rollup.searches, error=error)


def missing_field_rate(rollup: Rollup) -> SignalPoint:
    """Share of impressions without a title from event or catalogue.

    How the items of a page depend on each other is not in the rollup, so the cohort alone tells no standard error.
    """
    return make_ratio(
        "missing_field_rate",
        rollup,
        (rollup.missing_titles, rollup.impressions),
        n=rollup.impressions,
        error=None,
        without=Reason.NO_IMPRESSIONS,
    )


def unknown_token_rate(rollup: Rollup) -> SignalPoint:
    """Share of query tokens that the match model's vocabulary lacks."""
    ratio = (rollup.unknown_tokens, rollup.tokens)
    return make_ratio("unknown_token_rate", rollup, ratio, n=rollup.tokens, error=None, without=Reason.NO_TOKENS)


def unscored_rate(rollup: Rollup) -> SignalPoint:
    """Share of searches that passed on unscored because the pool did not answer."""
    return _search_share("unscored_rate", rollup, rollup.unscored_searches)


def latency_quantile(rollup: Rollup, name: str) -> SignalPoint:
    """A quantile of the reported latency, milliseconds; None where the cohort is too small to have one.

    Args:
        rollup: the cohort.
        name: a key of `LATENCY_QUANTILES`.
    """
    return _quantile(name, rollup, rollup.latency_ms, LATENCY_QUANTILES[name])


def scoring_quantile(rollup: Rollup, name: str) -> SignalPoint:
    """A quantile of what the pool took, milliseconds; n counts what was sent to it in one go.

    Args:
        rollup: the cohort.
        name: a key of `SCORING_QUANTILES`.
    """
    return _quantile(name, rollup, rollup.scoring_ms, SCORING_QUANTILES[name])


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


def exposure_js(rollup: Rollup, reference: Mapping[str, int] | None) -> SignalPoint:
    """Jensen–Shannon divergence (bits) of the impressions' categories from the series' reference.

    Its level without any change grows with 1/n, so the rules compare it with its own past at the same n. The standard
    error takes impressions for independent, and is that of a divergence that is there: near zero it says too little.
    """
    n = sum(rollup.exposure.values())
    if not n:
        return no_point("exposure_js", rollup, Reason.NO_IMPRESSIONS, n=0)
    if not reference:
        return no_point("exposure_js", rollup, Reason.NO_REFERENCE, n=n)
    value = jensen_shannon(rollup.exposure, reference)
    error = jensen_shannon_error(rollup.exposure, reference)
    return make_point("exposure_js", rollup, value, (value, 1.0), n=n, error=error)


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


def _rate(name: str, rollup: Rollup, events: int, *, n: int, error: float) -> SignalPoint:
    ratio = (events, rollup.bucket_s)
    return make_ratio(name, rollup, ratio, n=n, error=error, without=Reason.NO_SEARCHES)


def _search_share(name: str, rollup: Rollup, part: int) -> SignalPoint:
    n = rollup.searches
    error = binomial_standard_error(part, n)
    return make_ratio(name, rollup, (part, n), n=n, error=error, without=Reason.NO_SEARCHES)


def _mean(name: str, rollup: Rollup, moments: Moments, *, without: Reason) -> SignalPoint:
    error = mean_standard_error(moments.count, moments.total, moments.squares)
    ratio = (moments.total, moments.count)
    return make_ratio(name, rollup, ratio, n=moments.count, error=error, without=without)


def _pair_share(name: str, rollup: Rollup, pairs: Pairs) -> SignalPoint:
    wins = 2 * pairs.concordant + pairs.tied
    total = 2 * (pairs.concordant + pairs.discordant + pairs.tied)
    error = ratio_standard_error((wins, total), (pairs.aa, pairs.ab, pairs.bb), pairs.searches)
    ratio = (wins / 2, total / 2)
    return make_ratio(name, rollup, ratio, n=total // 2, error=error, without=Reason.NO_PAIRS)


def _quantile(name: str, rollup: Rollup, sketch: Sketch, q: float) -> SignalPoint:
    n = sketch.count
    value = quantile(sketch, q)
    if value is None:
        return no_point(name, rollup, Reason.NO_LATENCIES, n=0)
    # Of fewer than 1/(1 - q) values the quantile is their maximum, whatever q is.
    if n * (1 - q) < 1 - 1e-9:
        return no_point(name, rollup, Reason.TOO_FEW_VALUES, n=n)
    return make_point(name, rollup, value, (value, 1.0), n=n, error=quantile_standard_error(sketch, q))
