"""Signals of scores against clicks, each held against scikit-learn, SciPy or a loop over the impressions themselves."""

import math

import msgspec
import numpy as np
import pytest
from scipy.stats import entropy
from sklearn.metrics import accuracy_score, brier_score_loss, log_loss, roc_auc_score

from detectors.observation import observe, watchable
from detectors.reference import Reference
from detectors.signal_reference import ClickReference, SignalReference
from detectors.signals import signal_points
from schemas.rollup import SCORE_BINS, Clicks, Rollup
from schemas.signals import SignalPoint
from tests.unit.detect.scored_pages import ScoredPages, scored_pages

AGAINST_CLICKS = ("coec", "log_loss", "normalized_entropy", "ece", "calibration_ratio")


def learned_from(pages: ScoredPages) -> SignalReference:
    reference = SignalReference()
    for i in range(20):  # 200 s are the least a reference is learned from
        reference.learn(pages.rollup(60, i * 10_000))
    return reference


def points(rollup: Rollup, reference: SignalReference | None = None) -> dict[str, SignalPoint]:
    return {x.signal: x for x in signal_points(rollup, None, reference)}


def by_hand(pages: ScoredPages, earlier: ScoredPages) -> np.ndarray:
    """Predicted clicks of each impression: position by position, bin by bin."""
    rates = [earlier.clicked[earlier.positions == k].mean() for k in range(earlier.on_page)]
    examined = [min(1.0, rate / rates[0]) for rate in rates]
    return np.asarray(np.mean([examined[k] for k in pages.positions]) * pages.centres)


@pytest.mark.parametrize("seed", range(5))
def test_they_agree_with_scikit_learn_on_the_impressions_themselves(seed: int) -> None:
    rng = np.random.default_rng(seed)
    earlier, pages = scored_pages(rng, 300), scored_pages(rng, 80, on_page=9, shift=0.3)
    found = points(pages.rollup(), learned_from(earlier))
    truth, predicted = pages.clicked, by_hand(pages, earlier)
    assert found["auc"].value == pytest.approx(roc_auc_score(truth, pages.centres))
    assert found["pointwise_accuracy"].value == pytest.approx(accuracy_score(truth, pages.scores >= 0.5))
    assert found["log_loss"].value == pytest.approx(log_loss(truth, predicted))
    own = entropy([truth.mean(), 1 - truth.mean()])
    assert found["normalized_entropy"].value == pytest.approx(log_loss(truth, predicted) / own)
    assert found["calibration_ratio"].value == pytest.approx(predicted.sum() / truth.sum())
    groups = np.floor(pages.scores * 16).astype(int)
    distance = sum(abs(predicted[groups == g].sum() - truth[groups == g].sum()) for g in range(16))
    assert found["ece"].value == pytest.approx(distance / truth.size)
    # A calibration error is a distance of means, so its square is no more than the mean squared distance.
    assert found["ece"].value ** 2 <= brier_score_loss(truth, predicted)  # type: ignore[operator]
    rates = [earlier.clicked[earlier.positions == k].mean() for k in range(earlier.on_page)]
    assert found["coec"].value == pytest.approx(truth.sum() / sum(rates[k] for k in pages.positions))


def test_ties_count_one_half_and_scores_that_are_all_equal_say_nothing() -> None:
    bins = [0] * SCORE_BINS
    shown, clicked = [*bins], [*bins]
    shown[10], clicked[10], shown[20], clicked[20] = 20, 5, 20, 15
    rollup = msgspec.structs.replace(scored_pages(np.random.default_rng(1)).rollup(), score_bins=shown)
    value = points(msgspec.structs.replace(rollup, clicked_score_bins=clicked))["auc"].value
    # 15 clicked over 15 passed over, 5 against 5 and 15 against 5 and 15 tied with those of their own bin.
    assert value == pytest.approx((15 * 15 + (5 * 15 + 15 * 5) / 2) / (20 * 20))
    one = [*bins]
    one[20] = 40
    assert points(msgspec.structs.replace(rollup, score_bins=one, clicked_score_bins=clicked))["auc"].value is None


def test_the_window_that_was_learned_has_as_many_clicks_as_expected() -> None:
    pages = scored_pages(np.random.default_rng(2), 300)
    found = points(pages.rollup(), learned_from(pages))["coec"]
    assert found.value == pytest.approx(1.0)
    assert (found.numerator, found.denominator) == (pages.clicked.sum(), pytest.approx(pages.clicked.sum()))


def test_coec_does_not_move_where_pages_become_shorter_and_ctr_does() -> None:
    rng = np.random.default_rng(3)
    long, short = scored_pages(rng, 4000, on_page=20), scored_pages(rng, 4000, on_page=3)
    before, after = (points(x.rollup(), learned_from(long)) for x in (long, short))
    assert after["ctr"].value > 1.8 * before["ctr"].value  # type: ignore[operator]
    assert after["coec"].value == pytest.approx(1, abs=0.1)


def test_positions_that_were_never_shown_expect_what_the_one_above_does() -> None:
    reference = ClickReference(shown_at=[10, 0, 20, 0], clicked_at=[5, 0, 2, 0])
    assert reference.clicks_per_impression() == (0.5, 0.5, 0.1, 0.1)
    examination = reference.examination()
    assert examination is not None
    assert examination == pytest.approx((1, 1, 0.2, 0.2))
    assert ClickReference(shown_at=[10, 10], clicked_at=[0, 3]).examination() is None


def test_the_standard_errors_cover_what_repeating_the_experiment_shows() -> None:
    rng = np.random.default_rng(4)
    reference = learned_from(scored_pages(rng, 20_000))
    for name in ("coec", "calibration_ratio"):
        found = [points(scored_pages(rng, 150).rollup(), reference)[name] for _ in range(1200)]
        spread = np.std([x.value for x in found])
        told = np.mean([x.standard_error for x in found])  # type: ignore[type-var]
        assert 0.95 * spread <= told <= 1.25 * spread


def test_without_a_reference_or_enough_clicks_of_both_kinds_nothing_is_shown() -> None:
    rng = np.random.default_rng(5)
    pages = scored_pages(rng, 300)
    reference = learned_from(pages)
    unlearned = points(pages.rollup())
    assert all(unlearned[name].value is None for name in AGAINST_CLICKS)
    assert unlearned["auc"].value is not None
    nobody = ScoredPages(pages.scores, pages.positions, np.zeros_like(pages.clicked), pages.on_page)
    everybody = ScoredPages(pages.scores, pages.positions, np.ones_like(pages.clicked), pages.on_page)
    for one_class in (nobody, everybody):
        found = points(one_class.rollup(), reference)
        assert [found[name].value for name in ("auc", "normalized_entropy", "ece")] == [None, None, None]
        assert found["log_loss"].value is not None
    empty = Rollup(pages.rollup().series, 0, 10, 60, 0, searches=4, labels=Clicks())
    assert all(points(empty, reference)[name].value is None for name in (*AGAINST_CLICKS, "auc", "pointwise_accuracy"))


def test_a_reference_without_a_click_on_the_first_position_predicts_nothing() -> None:
    pages = scored_pages(np.random.default_rng(6), 300)
    late = ScoredPages(pages.scores, pages.positions, pages.clicked & (pages.positions > 0), pages.on_page)
    found = points(late.rollup(), learned_from(late))
    assert found["log_loss"].value is None
    assert found["coec"].value == pytest.approx(1)


def test_rules_see_the_same_numbers_once_there_is_a_reference() -> None:
    rng = np.random.default_rng(7)
    pages = scored_pages(rng, 300)
    reference, rollup = learned_from(pages), scored_pages(rng, 50).rollup()
    found = points(rollup, reference)
    for name in ("auc", "pointwise_accuracy", "coec", "log_loss", "normalized_entropy", "calibration_ratio"):
        assert watchable(name)
        seen = observe(name, rollup, Reference(), reference)
        assert seen is not None
        assert seen.ratio == pytest.approx(found[name].value)
        assert math.isfinite(seen.variance_total)
    assert observe("coec", rollup, Reference(), SignalReference()) is None
    # They do not add up over cohorts.
    assert not any(watchable(name) for name in ("ece", "score_psi", "score_js", "exposure_gini"))
