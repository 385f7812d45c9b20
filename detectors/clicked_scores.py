"""How well match scores tell clicked from passed-over impressions: from the two score histograms of a cohort.

All impressions of the cohort are taken together, over its pages, which `ctr_proxy_accuracy` never does. The items of
one page depend on each other, and the histograms do not say how: a cohort alone tells no standard error.
"""

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.signal_point import make_point, no_point
from schemas.rollup import SCORE_BINS, Rollup
from schemas.signals import Reason, SignalPoint

LEAST: Final = 5
"""With fewer clicks, or fewer impressions without, nothing is shown."""
CENTRES: Final[NDArray[np.float64]] = (np.arange(SCORE_BINS) + 0.5) / SCORE_BINS
"""The score that stands for each bin."""


class ClickedScores(msgspec.Struct, frozen=True):
    """The histograms of a cohort as arrays."""

    shown: NDArray[np.float64]
    clicked: NDArray[np.float64]
    impressions: int
    clicks: int

    @property
    def lack(self) -> Reason | None:
        """What keeps impressions with and without a click from being compared; None where there are enough of both."""
        others = self.impressions - self.clicks
        if not self.impressions:
            return Reason.NO_SCORES
        if not self.clicks or not others:
            return Reason.ONE_CLASS
        if self.clicks < LEAST:
            return Reason.TOO_FEW_CLICKS
        return Reason.TOO_FEW_IMPRESSIONS if others < LEAST else None


def clicked_scores(rollup: Rollup) -> ClickedScores:
    """Read the histograms; zeros where nothing was scored."""
    clicks = rollup.clicked_score_bins or [0] * SCORE_BINS
    shown = rollup.score_bins or [0] * SCORE_BINS
    return ClickedScores(np.array(shown, dtype=np.float64), np.array(clicks, dtype=np.float64), sum(shown), sum(clicks))


def too_few(histograms: ClickedScores) -> Reason:
    """Say why so few scored impressions show nothing."""
    return Reason.TOO_FEW_IMPRESSIONS if histograms.impressions else Reason.NO_SCORES


def auc(rollup: Rollup, histograms: ClickedScores | None = None) -> SignalPoint:
    """How often a clicked impression has a higher score than one that was passed over, ties one half.

    The area under the ROC curve, with scores as fine as their bins. Numerator and denominator are sums over clicks, so
    that cohorts weigh by what their value is certain to. No value where all scores lie in one bin: ½ by construction.
    """
    x = histograms or clicked_scores(rollup)
    passed_over = x.shown - x.clicked
    others = x.impressions - x.clicks
    lack = x.lack
    if lack is None and np.count_nonzero(x.shown) < 2:
        lack = Reason.ONE_BIN
    if lack in {Reason.NO_SCORES, Reason.ONE_CLASS, Reason.ONE_BIN}:
        return no_point("auc", rollup, lack, n=x.clicks)
    below = np.cumsum(passed_over) - passed_over / 2
    wins = float(x.clicked @ below) / others
    return make_point("auc", rollup, lack or wins / x.clicks, (wins, x.clicks), n=x.clicks, error=None)


def pointwise_accuracy(rollup: Rollup, histograms: ClickedScores | None = None) -> SignalPoint:
    """How often a score of at least ½ goes with a click and a lower one with none.

    Few impressions are clicked, however well they match, so its level says little: compare it with its own past.
    """
    x = histograms or clicked_scores(rollup)
    half = SCORE_BINS // 2
    right = float(x.clicked[half:].sum() + (x.shown - x.clicked)[:half].sum())
    value = right / x.impressions if x.impressions >= LEAST else too_few(x)
    return make_point("pointwise_accuracy", rollup, value, (right, x.impressions), n=x.impressions, error=None)
