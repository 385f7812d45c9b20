"""Whether predicted clicks come: the match probability times how likely a position is looked at, against clicks.

A predicted click is examination × P(match). Rollups count impressions by score and by position, not by both at once, so
the examination is the mean one of the cohort's positions: where a shop shows good items first, predictions come out a
little low at every cohort alike. The examination is that of the series' reference, see `detectors/signal_reference.py`.
"""

import math
from operator import mul
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.clicked_scores import CENTRES, LEAST, ClickedScores, clicked_scores, too_few
from detectors.expected_clicks import clicks_deviation
from detectors.signal_point import make_point, no_point
from detectors.signal_reference import ClickReference
from schemas.rollup import SCORE_BINS, Rollup
from schemas.signals import Reason, SignalPoint

CALIBRATION_BINS: Final = 16
"""Equal bins of the calibration error: it takes the noise of each bin for an error, so there must not be many."""


class Predictions(msgspec.Struct, frozen=True):
    """Histograms of a cohort, and the predicted click of each bin."""

    histograms: ClickedScores
    predicted: NDArray[np.float64] | None
    lack: Reason = Reason.NO_REFERENCE
    """Why there are none."""


def predict(rollup: Rollup, reference: ClickReference | None, histograms: ClickedScores | None = None) -> Predictions:
    """Give what all signals of this file rest on."""
    x = histograms or clicked_scores(rollup)
    examination = reference.examination() if reference is not None else None
    if not x.impressions:
        return Predictions(x, None, Reason.NO_SCORES)
    if reference is not None and examination is None:
        return Predictions(x, None, Reason.REFERENCE_WITHOUT_CLICKS)
    shown = sum(rollup.shown_at)
    if examination is None or len(examination) != len(rollup.shown_at) or not shown:
        return Predictions(x, None)
    mean = sum(map(mul, rollup.shown_at, examination)) / shown
    return Predictions(x, CENTRES * mean) if mean > 0 else Predictions(x, None, Reason.REFERENCE_WITHOUT_CLICKS)


def calibration_points(rollup: Rollup, predictions: Predictions) -> list[SignalPoint]:
    """Give all signals of this file, in a fixed order."""
    return [
        log_loss(rollup, predictions),
        normalized_entropy(rollup, predictions),
        ece(rollup, predictions),
        calibration_ratio(rollup, predictions),
    ]


def log_loss(rollup: Rollup, predictions: Predictions) -> SignalPoint:
    """Mean surprise (nats) of the predictions at what was clicked and what was not."""
    x, total = predictions.histograms, _loss(predictions)
    if total is None:
        return no_point("log_loss", rollup, predictions.lack, n=x.impressions)
    value = total / x.impressions if x.impressions >= LEAST else too_few(x)
    return make_point("log_loss", rollup, value, (total, x.impressions), n=x.impressions, error=None)


def normalized_entropy(rollup: Rollup, predictions: Predictions) -> SignalPoint:
    """Log loss relative to that of always predicting the cohort's own click-through; 1 says that scores add nothing.

    References:
        He et al. (2014), Practical lessons from predicting clicks on ads at Facebook, section 2.
    """
    x, total = predictions.histograms, _loss(predictions)
    if total is None:
        return no_point("normalized_entropy", rollup, predictions.lack, n=x.impressions)
    lack = x.lack
    if lack is Reason.ONE_CLASS:  # knowing the click-through would then leave no surprise at all
        return no_point("normalized_entropy", rollup, lack, n=x.impressions)
    rate = x.clicks / x.impressions
    base = -x.impressions * (rate * math.log(rate) + (1 - rate) * math.log1p(-rate))
    return make_point("normalized_entropy", rollup, lack or total / base, (total, base), n=x.impressions, error=None)


def ece(rollup: Rollup, predictions: Predictions) -> SignalPoint:
    """Expected calibration error: mean distance of predicted from observed click-through over bins of the score.

    Noise counts as distance, so cohorts of different size do not compare, and no rule can watch it.

    References:
        Guo et al. (2017), On calibration of modern neural networks, section 2.
    """
    x, predicted = predictions.histograms, predictions.predicted
    lack = predictions.lack if predicted is None else x.lack
    if predicted is None or lack is not None:
        return no_point("ece", rollup, lack or predictions.lack, n=x.impressions)
    distances = (x.shown * predicted - x.clicked).reshape(CALIBRATION_BINS, SCORE_BINS // CALIBRATION_BINS)
    total = float(np.abs(distances.sum(axis=1)).sum())
    return make_point("ece", rollup, total / x.impressions, (total, x.impressions), n=x.impressions, error=None)


def calibration_ratio(rollup: Rollup, predictions: Predictions) -> SignalPoint:
    """Predicted clicks per click: above 1 where more was promised than came.

    The standard error is that of the clicks, given what was shown; none where clicks fell on items without a score.
    """
    x, predicted = predictions.histograms, predictions.predicted
    if predicted is None or not x.clicks:
        reason = predictions.lack if predicted is None else Reason.NO_CLICKS
        return no_point("calibration_ratio", rollup, reason, n=x.impressions)
    total = float(x.shown @ predicted)
    ratio = total / x.clicks
    value = ratio if x.clicks >= LEAST else Reason.TOO_FEW_CLICKS
    deviation = clicks_deviation(rollup) if x.clicks == rollup.labels.clicks else None
    error = None if deviation is None else ratio * deviation / x.clicks
    return make_point("calibration_ratio", rollup, value, (total, x.clicks), n=x.impressions, error=error)


def _loss(predictions: Predictions) -> float | None:
    x, predicted = predictions.histograms, predictions.predicted
    if predicted is None:
        return None
    return -float(x.clicked @ np.log(predicted) + (x.shown - x.clicked) @ np.log1p(-predicted))
