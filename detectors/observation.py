"""What a rule's detector is given for one cohort: a ratio that adds up over cohorts, and the value people are shown.

A detector must not see quantities that do not pool, such as a quantile of twenty values. So latency rules count the
searches slower than the reference's quantile (binomial at any n), and exposure is compared over enough impressions.
"""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from detectors import calibration_signals, click_signals, shown_signals
from detectors.clicked_scores import auc, pointwise_accuracy
from detectors.expected_clicks import coec
from detectors.query_ood import query_ood_rate
from detectors.reference import Reference, exceedances
from detectors.season import Season
from detectors.shown_signals import LATENCY_QUANTILES
from detectors.signal_reference import ClickReference, SignalReference
from detectors.sketch import quantile
from schemas.rollup import Rollup
from schemas.signals import SignalPoint

LATENCY_MARGIN_BINS: Final = 5
"""Bins of 2 % above the reference's quantile from which a search counts as slow: about 10 %."""


MISROUTED_RATE: Final = "misrouted_rate"
LATE_RATE: Final = "late_rate"
INVALID_RATE: Final = "invalid_rate"
CONSUMER_LAG: Final = "consumer_lag_s"
PIPELINE_SIGNALS: Final = frozenset({MISROUTED_RATE, LATE_RATE, INVALID_RATE, CONSUMER_LAG})
"""Signals of the pipeline's own series alone; no rollup tells them."""


class Observation(msgspec.Struct, frozen=True):
    """One cohort's contribution to a rule; fields ending in `total` add up over cohorts."""

    numerator_total: float
    denominator_total: float
    """What the ratio is about; a cohort without any is no observation."""
    n_total: int
    """Units that `min_n` of a rule counts: searches, impressions or pairs."""
    variance_total: float
    """Sampling variance of the numerator, 0 where the cohort alone does not tell."""
    shown_total: float
    shown_weight_total: float
    """The value that people are shown, times its weight; and the weight."""
    counts: bool = False
    """A share or a number of events: its level may be zero, so it has a smallest possible variance."""
    root_n: float = 0.0
    """For divergences: n of the pooled value √(n·divergence), in which an effect grows with n."""
    season: Season | None = None
    """The time of day, where the denominator is multiplied by what is usual at it."""

    def plus(self, other: "Observation") -> "Observation":
        """Pool with another cohort."""
        return Observation(
            self.numerator_total + other.numerator_total,
            self.denominator_total + other.denominator_total,
            self.n_total + other.n_total,
            self.variance_total + other.variance_total,
            self.shown_total + other.shown_total,
            self.shown_weight_total + other.shown_weight_total,
            self.counts,
            self.root_n + other.root_n,
            self._season_with(other),
        )

    def in_season(self, season: Season) -> "Observation":
        """Give it as a ratio to what is usual at its time of day."""
        weight = self.denominator_total * season.usual
        return msgspec.structs.replace(self, denominator_total=weight, season=season)

    def _season_with(self, other: "Observation") -> Season | None:
        if self.season is None or other.season is None:
            return self.season or other.season
        return self.season.plus(
            other.season, other.shown_weight_total / (self.shown_weight_total + other.shown_weight_total)
        )

    @property
    def ratio(self) -> float:
        """What the detector compares: numerator over denominator."""
        return self.numerator_total / self.denominator_total

    @property
    def shown(self) -> float:
        """The signal's own value."""
        return self.shown_total / self.shown_weight_total


def observe(
    signal: str, rollup: Rollup, reference: Reference, learned: SignalReference | None = None
) -> Observation | None:
    """Give what the rules on `signal` see of a cohort, None where there is nothing to see (yet).

    Raises:
        KeyError: no such signal can be watched.
    """
    if signal in LATENCY_QUANTILES:
        return _slow_searches(signal, rollup, reference)
    if signal == "click_rate":
        return _clicks(rollup)
    if signal in _RATES:
        return _of_point(_RATES[signal](rollup), counts=True)
    if signal == "query_ood_rate":
        return _of_point(query_ood_rate(rollup, learned.ready_queries() if learned is not None else None), counts=True)
    if signal in _AGAINST_CLICKS:
        clicks = learned.ready_clicks(rollup.horizon_s) if learned is not None else None
        return _of_point(_AGAINST_CLICKS[signal](rollup, clicks))
    return _of_point(_MEANS[signal](rollup))


def watchable(signal: str) -> bool:
    """Whether rules can watch a signal."""
    return signal in all_watchable()


def all_watchable() -> list[str]:
    """Every signal that rules can watch, by name."""
    return sorted(
        {
            *LATENCY_QUANTILES,
            "click_rate",
            "exposure_js",
            "query_ood_rate",
            *PIPELINE_SIGNALS,
            *_RATES,
            *_MEANS,
            *_AGAINST_CLICKS,
        }
    )


_Definition = Callable[[Rollup], SignalPoint]
_RATES: Final[Mapping[str, _Definition]] = {
    "ctr": click_signals.ctr,
    "zero_result_rate": shown_signals.zero_result_rate,
    "search_rate": shown_signals.search_rate,
    "missing_field_rate": shown_signals.missing_field_rate,
    "unknown_token_rate": shown_signals.unknown_token_rate,
    "unscored_rate": shown_signals.unscored_rate,
    "purchase_rate": click_signals.purchase_rate,
}
_MEANS: Final[Mapping[str, _Definition]] = {
    "ctr_proxy_accuracy": click_signals.ctr_proxy_accuracy,
    "shown_order_accuracy": click_signals.shown_order_accuracy,
    "ctr_proxy_lift": click_signals.ctr_proxy_lift,
    "match_at_10": shown_signals.match_at_10,
    "ndcg_at_10": click_signals.ndcg_at_10,
    "mrr": click_signals.mrr,
    "auc": auc,
    "pointwise_accuracy": pointwise_accuracy,
}
_AGAINST_CLICKS: Final[Mapping[str, Callable[[Rollup, ClickReference | None], SignalPoint]]] = {
    "coec": coec,
    "log_loss": lambda x, clicks: calibration_signals.log_loss(x, calibration_signals.predict(x, clicks)),
    "normalized_entropy": lambda x, clicks: calibration_signals.normalized_entropy(
        x, calibration_signals.predict(x, clicks)
    ),
    "calibration_ratio": lambda x, clicks: calibration_signals.calibration_ratio(
        x, calibration_signals.predict(x, clicks)
    ),
}
"""Compared with the clicks by position of the series' reference."""
COMPARED_SIGNALS: Final = frozenset(_AGAINST_CLICKS) | {"query_ood_rate"}
"""Their level is that of the reference: they are watched anew when it is learned again."""


def _of_point(point: SignalPoint, *, counts: bool = False) -> Observation | None:
    if not point.denominator:
        return None
    # The standard error of the lift is an upper bound; its scatter between cohorts tells better.
    error = point.standard_error or 0.0 if point.signal != "ctr_proxy_lift" else 0.0
    return Observation(
        numerator_total=point.numerator,
        denominator_total=point.denominator,
        n_total=point.n,
        variance_total=(error * point.denominator) ** 2,
        shown_total=point.numerator,
        shown_weight_total=point.denominator,
        counts=counts,
    )


def _slow_searches(signal: str, rollup: Rollup, reference: Reference) -> Observation | None:
    q = LATENCY_QUANTILES[signal]
    bin_index, n = reference.latency_bin(q), rollup.latency_ms.count
    shown = quantile(rollup.latency_ms, q)
    if bin_index is None or shown is None:
        return None
    slow = exceedances(rollup.latency_ms, bin_index + LATENCY_MARGIN_BINS)
    return Observation(
        numerator_total=slow,
        denominator_total=n,
        n_total=n,
        variance_total=slow * (n - slow) / n,
        shown_total=shown * n,
        shown_weight_total=n,
        counts=True,
    )


def _clicks(rollup: Rollup) -> Observation | None:
    if not rollup.impressions:
        return None
    return Observation(
        numerator_total=rollup.labels.clicks,
        denominator_total=rollup.impressions,
        n_total=rollup.impressions,
        variance_total=rollup.labels.xx,
        shown_total=rollup.labels.clicks,
        shown_weight_total=rollup.bucket_s,
        counts=True,
    )
