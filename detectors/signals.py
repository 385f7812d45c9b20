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
from detectors.score_shift import score_shift_points
from detectors.signal_point import make_point, make_ratio
from detectors.signal_reference import SignalReference
from detectors.sketch import quantile
from schemas.rollup import LABEL_FREE, Moments, Pairs, Rollup, Sketch
from schemas.signals import SignalPoint

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
    return make_ratio("ctr", rollup, labels.clicks, rollup.impressions, n=rollup.impressions, error=error)


def click_rate(rollup: Rollup) -> SignalPoint:
    """Clicked impressions per second; n counts impressions, the opportunities to click."""
    error = math.sqrt(rollup.labels.xx) / rollup.bucket_s
    return make_ratio("click_rate", rollup, rollup.labels.clicks, rollup.bucket_s, n=rollup.impressions, error=error)


def purchase_rate(rollup: Rollup) -> SignalPoint:
    """Purchased impressions per second; n counts impressions. How purchases share pages is not in the rollup."""
    purchases = rollup.labels.purchases
    return make_ratio("purchase_rate", rollup, purchases, rollup.bucket_s, n=rollup.impressions, error=None)


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
    value = None if match.value is None or shown.value is None else match.value - shown.value
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
    return _mean("match_at_10", rollup, rollup.match_at_10)


def ndcg_at_10(rollup: Rollup) -> SignalPoint:
    """How high on their pages the clicked items stand, among the first ten: mean over searches with a click."""
    return _mean("ndcg_at_10", rollup, rollup.ndcg_at_10)


def mrr(rollup: Rollup) -> SignalPoint:
    """One over the place of the uppermost click: mean over searches with a click."""
    return _mean("mrr", rollup, rollup.mrr)


def zero_result_rate(rollup: Rollup) -> SignalPoint:
    """Share of searches that showed nothing."""
    error = binomial_standard_error(rollup.zero_results, rollup.searches)
    return make_ratio("zero_result_rate", rollup, rollup.zero_results, rollup.searches, n=rollup.searches, error=error)


def search_rate(rollup: Rollup) -> SignalPoint:
    """Searches per second of event time."""
    error = math.sqrt(rollup.searches) / rollup.bucket_s
    return make_ratio("search_rate", rollup, rollup.searches, rollup.bucket_s, n=rollup.searches, error=error)


def missing_field_rate(rollup: Rollup) -> SignalPoint:
    """Share of impressions without a title from event or catalogue.

    How the items of a page depend on each other is not in the rollup, so the cohort alone tells no standard error.
    """
    return make_ratio(
        "missing_field_rate", rollup, rollup.missing_titles, rollup.impressions, n=rollup.impressions, error=None
    )


def unknown_token_rate(rollup: Rollup) -> SignalPoint:
    """Share of query tokens that the match model's vocabulary lacks."""
    return make_ratio("unknown_token_rate", rollup, rollup.unknown_tokens, rollup.tokens, n=rollup.tokens, error=None)


def unscored_rate(rollup: Rollup) -> SignalPoint:
    """Share of searches that passed on unscored because the pool did not answer."""
    error = binomial_standard_error(rollup.unscored_searches, rollup.searches)
    return make_ratio(
        "unscored_rate", rollup, rollup.unscored_searches, rollup.searches, n=rollup.searches, error=error
    )


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
    if not n or not reference:
        return make_point("exposure_js", rollup, None, (0.0, 1.0), n=n, error=None)
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


def _mean(name: str, rollup: Rollup, moments: Moments) -> SignalPoint:
    error = mean_standard_error(moments.count, moments.total, moments.squares)
    return make_ratio(name, rollup, moments.total, moments.count, n=moments.count, error=error)


def _pair_share(name: str, rollup: Rollup, pairs: Pairs) -> SignalPoint:
    wins = 2 * pairs.concordant + pairs.tied
    total = 2 * (pairs.concordant + pairs.discordant + pairs.tied)
    error = ratio_standard_error((wins, total), (pairs.aa, pairs.ab, pairs.bb), pairs.searches)
    return make_ratio(name, rollup, wins / 2, total / 2, n=total // 2, error=error)


def _quantile(name: str, rollup: Rollup, sketch: Sketch, q: float) -> SignalPoint:
    n = sketch.count
    # Of fewer than 1/(1 - q) values the quantile is their maximum, whatever q is.
    value = quantile(sketch, q) if n * (1 - q) >= 1 - 1e-9 else None
    error = None if value is None else quantile_standard_error(sketch, q)
    return make_point(name, rollup, value, (value or 0.0, 1.0), n=n, error=error)
