"""Signals: one value per signal, series and cohort, each with what its uncertainty needs.

Everything here is a pure function of one rollup that has been merged over partitions, and of the series' references.
"""

from collections.abc import Mapping

from detectors import click_signals, shown_signals
from detectors.calibration_signals import calibration_points, predict
from detectors.clicked_scores import auc, clicked_scores, pointwise_accuracy
from detectors.expected_clicks import coec
from detectors.exposure_gini import exposure_gini
from detectors.query_ood import query_ood_rate
from detectors.score_shift import score_shift_points
from detectors.signal_reference import SignalReference
from schemas.rollup import LABEL_FREE, Rollup
from schemas.signals import SignalPoint


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
            shown_signals.search_rate(rollup),
            shown_signals.zero_result_rate(rollup),
            shown_signals.match_at_10(rollup),
            *(shown_signals.latency_quantile(rollup, name) for name in shown_signals.LATENCY_QUANTILES),
            shown_signals.exposure_js(rollup, exposure_reference),
            shown_signals.missing_field_rate(rollup),
            shown_signals.unknown_token_rate(rollup),
            shown_signals.unscored_rate(rollup),
            exposure_gini(rollup, exposure_reference),
            *score_shift_points(rollup, learned.ready_scores() if learned is not None else None),
            *(shown_signals.scoring_quantile(rollup, name) for name in shown_signals.SCORING_QUANTILES),
            query_ood_rate(rollup, learned.ready_queries() if learned is not None else None),
        ]
    clicks = learned.ready_clicks(rollup.horizon_s) if learned is not None else None
    histograms = clicked_scores(rollup)
    return [
        click_signals.ctr(rollup),
        click_signals.click_rate(rollup),
        click_signals.ctr_proxy_accuracy(rollup),
        click_signals.shown_order_accuracy(rollup),
        click_signals.ctr_proxy_lift(rollup),
        click_signals.purchase_rate(rollup),
        coec(rollup, clicks),
        pointwise_accuracy(rollup, histograms),
        auc(rollup, histograms),
        *calibration_points(rollup, predict(rollup, clicks, histograms)),
        click_signals.ndcg_at_10(rollup),
        click_signals.mrr(rollup),
    ]
