"""Signals of what was shown and how fast: they need no clicks, so they come as soon as a cohort is whole.

Each is a pure function of one label-free rollup, merged over partitions; `exposure_js` also needs the series'
reference, see `detectors/reference.py`. Others that compare with one have files of their own.
"""

import math
from collections.abc import Mapping

from detectors.divergence import jensen_shannon, jensen_shannon_error
from detectors.signal_point import make_mean, make_point, make_rate, make_ratio, no_point
from detectors.sketch import quantile
from detectors.standard_errors import binomial_standard_error, quantile_standard_error
from schemas.rollup import Rollup, Sketch
from schemas.signals import Reason, SignalPoint

LATENCY_QUANTILES: Mapping[str, float] = {"latency_p50": 0.50, "latency_p95": 0.95, "latency_p99": 0.99}
SCORING_QUANTILES: Mapping[str, float] = {"scoring_p50": 0.50, "scoring_p95": 0.95, "scoring_p99": 0.99}


def search_rate(rollup: Rollup) -> SignalPoint:
    """Searches per second of event time."""
    error = math.sqrt(rollup.searches) / rollup.bucket_s
    return make_rate("search_rate", rollup, rollup.searches, n=rollup.searches, error=error)


def zero_result_rate(rollup: Rollup) -> SignalPoint:
    """Share of searches that showed nothing."""
    return _search_share("zero_result_rate", rollup, rollup.zero_results)


def match_at_10(rollup: Rollup) -> SignalPoint:
    """Mean over searches of the mean match probability of the first ten scored positions."""
    return make_mean("match_at_10", rollup, rollup.match_at_10, without=Reason.NO_SCORES)


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


def _search_share(name: str, rollup: Rollup, part: int) -> SignalPoint:
    n = rollup.searches
    error = binomial_standard_error(part, n)
    return make_ratio(name, rollup, (part, n), n=n, error=error, without=Reason.NO_SEARCHES)


def _quantile(name: str, rollup: Rollup, sketch: Sketch, q: float) -> SignalPoint:
    n = sketch.count
    value = quantile(sketch, q)
    if value is None:
        return no_point(name, rollup, Reason.NO_LATENCIES, n=0)
    # Of fewer than 1/(1 - q) values the quantile is their maximum, whatever q is.
    if n * (1 - q) < 1 - 1e-9:
        return no_point(name, rollup, Reason.TOO_FEW_VALUES, n=n)
    return make_point(name, rollup, value, (value, 1.0), n=n, error=quantile_standard_error(sketch, q))
