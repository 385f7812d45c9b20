"""The figures of scored pairs, by part, against scikit-learn, SciPy and loops by hand."""

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.distance import jensenshannon
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss as sklearn_log_loss
from sklearn.metrics import ndcg_score, roc_auc_score

from inference.evaluation.bands import BANDS, bands_of
from inference.evaluation.exposure import exposure_of
from inference.evaluation.figures import Scored, figures_of

GROUPS, IN_GROUP = 60, 14


def some_pairs(rng: np.random.Generator) -> Scored:
    """Scores that say something about labels of 0 and 1, with ties, weights, and rows in no order."""
    groups = rng.permutation(np.repeat(np.arange(GROUPS), IN_GROUP)).astype(np.uint64) << np.uint64(54)
    raw = np.round(rng.uniform(-1, 1, len(groups)), 2)
    probabilities = 1 / (1 + np.exp(-(4 * raw - 1)))
    labels = (rng.random(len(groups)) < 1 / (1 + np.exp(-(6 * raw - 2)))).astype(np.float64)
    return Scored(raw, probabilities, labels, rng.exponential(size=len(groups)), groups)


@pytest.fixture
def scored() -> Scored:
    return some_pairs(np.random.default_rng(11))


def test_figures_agree_with_scikit_learn(scored: Scored) -> None:
    found = figures_of(scored)
    assert found is not None
    matches = scored.labels >= 0.5
    assert (found.pairs, found.queries, found.matches) == (GROUPS * IN_GROUP, GROUPS, matches.sum())
    assert found.auc == pytest.approx(roc_auc_score(matches, scored.raw, sample_weight=scored.weights), abs=1e-5)
    loss = sklearn_log_loss(scored.labels, scored.probabilities, sample_weight=scored.weights)
    assert found.log_loss == pytest.approx(loss, abs=1e-5)
    assert found.label_entropy == pytest.approx(0.0, abs=1e-5)
    ndcg, weight = [], []
    for group in np.unique(scored.groups):
        one = scored.part(scored.groups == group)
        if len(np.unique(one.labels)) > 1:
            ndcg.append(ndcg_score(one.labels[None], one.raw[None], k=10))
            weight.append(one.weights.mean())
    assert found.ranked_queries == len(ndcg)
    assert found.ndcg_at_10 == pytest.approx(np.average(ndcg, weights=weight), abs=1e-5)


def test_calibration_error_agrees_with_a_loop_over_bins(scored: Scored) -> None:
    found = figures_of(scored)
    assert found is not None
    gap = 0.0
    for number in range(15):
        rows = (scored.probabilities >= number / 15) & (scored.probabilities < (number + 1) / 15)
        gap += abs((scored.weights[rows] * (scored.labels[rows] - scored.probabilities[rows])).sum())
    assert found.ece == pytest.approx(gap / scored.weights.sum(), abs=1e-5)


def test_recalibration_agrees_with_scikit_learn_and_is_judged_on_queries_it_was_not_fitted_to(scored: Scored) -> None:
    found = figures_of(scored)
    assert found is not None
    assert found.recalibrated is not None
    reference = LogisticRegression(C=1e6, tol=1e-10).fit(
        scored.raw[:, None], scored.labels, sample_weight=scored.weights
    )
    assert found.recalibrated.a == pytest.approx(reference.coef_[0, 0], rel=1e-3)
    assert found.recalibrated.b == pytest.approx(reference.intercept_[0], rel=1e-3)
    itself = sklearn_log_loss(
        scored.labels, reference.predict_proba(scored.raw[:, None])[:, 1], sample_weight=scored.weights
    )
    assert itself < found.recalibrated.log_loss < found.log_loss


@pytest.mark.parametrize("unit", [1e-9, 1e9, 1e305])
def test_figures_do_not_depend_on_the_unit_of_weights(scored: Scored, unit: float) -> None:
    plain = figures_of(scored)
    other = figures_of(msgspec.structs.replace(scored, weights=scored.weights * unit))
    assert plain is not None
    assert other is not None
    assert msgspec.to_builtins(other.recalibrated) == pytest.approx(msgspec.to_builtins(plain.recalibrated), abs=2e-5)
    assert (other.auc, other.ndcg_at_10, other.ece) == pytest.approx((plain.auc, plain.ndcg_at_10, plain.ece), abs=2e-5)


def test_the_standard_error_of_the_auc_is_how_far_it_differs_between_files() -> None:
    rng = np.random.default_rng(5)
    found = [figures_of(some_pairs(rng)) for _ in range(60)]
    aucs = [one.auc for one in found if one is not None and one.auc is not None]
    errors = [one.auc_se for one in found if one is not None and one.auc_se is not None]
    assert len(aucs) == len(errors) == 60
    assert np.mean(errors) == pytest.approx(np.std(aucs, ddof=1), rel=0.35)


def test_what_cannot_be_told_is_none(scored: Scored) -> None:
    matches_only = figures_of(scored.part(scored.labels == 1.0))
    assert matches_only is not None
    assert (matches_only.auc, matches_only.auc_se, matches_only.ndcg_at_10) == (None, None, None)
    assert matches_only.recalibrated is None
    assert figures_of(scored.part(np.zeros(len(scored.raw), np.bool_))) is None
    assert figures_of(msgspec.structs.replace(scored, weights=np.zeros(len(scored.raw)))) is None


def bands(queries: list[int], counts: list[float]) -> list[str] | None:
    found = bands_of(np.array(queries, np.uint64), np.array(counts))
    return None if found is None else [BANDS[band] for band in found]


def test_bands_are_thirds_of_all_searches() -> None:
    # 100 searches: the first query has 40 of them, the second 35, the third 20, the last 5.
    assert bands([1, 2, 3, 4, 1], [40, 35, 20, 5, 40]) == ["head", "torso", "tail", "tail", "head"]


def test_a_querys_largest_count_holds_in_whichever_row_it_stands() -> None:
    nan = float("nan")
    assert bands([1, 1, 2, 3], [nan, 40, 35, 20]) == bands([1, 1, 2, 3], [40, nan, 35, 20])
    assert bands([1, 1, 2, 3], [nan, 40, 35, 20]) == ["head", "head", "torso", "tail"]


def test_rows_are_counted_where_the_file_has_no_counts() -> None:
    assert bands([1, 1, 1, 2, 2, 3], [float("nan")] * 6) == ["head"] * 3 + ["torso"] * 2 + ["tail"]
    assert bands([1, 2, 3], [float("nan")] * 3) is None


def exposure_by_hand(
    scored: Scored, category: NDArray[np.int64], names: list[str]
) -> tuple[list[float], list[float], float]:
    shown, matches = np.zeros(len(names)), np.zeros(len(names))
    for group in np.unique(scored.groups):
        rows = np.flatnonzero(scored.groups == group)
        weight = scored.weights[rows].mean()
        for row in rows:
            above = int((scored.raw[rows] > scored.raw[row]).sum())
            alike = int((scored.raw[rows] == scored.raw[row]).sum())
            if category[row] >= 0:
                shown[category[row]] += weight * min(max(10 - above, 0) / alike, 1.0)
                matches[category[row]] += scored.weights[row] * scored.labels[row]
    shown, matches = shown / shown.sum(), matches / matches.sum()
    return matches.tolist(), shown.tolist(), float(jensenshannon(shown, matches, 2) ** 2)


def test_exposure_agrees_with_a_loop_over_queries_and_with_scipy(scored: Scored) -> None:
    rng = np.random.default_rng(3)
    names = ["shoes", "kettles", "lamps"]
    category = np.where(scored.raw > 0.3, 0, rng.integers(-1, 3, len(scored.raw)))
    coarse = msgspec.structs.replace(scored, raw=np.round(scored.raw * 3))
    found = exposure_of(coarse, category, names)
    assert found is not None
    matches, shown, distance = exposure_by_hand(coarse, category, names)
    assert list(found.categories) == names
    assert [one.matches for one in found.categories.values()] == pytest.approx(matches, abs=1e-5)
    assert [one.first_ten for one in found.categories.values()] == pytest.approx(shown, abs=1e-5)
    assert found.js == pytest.approx(distance, abs=1e-5)


def test_exposure_tells_nothing_of_queries_that_show_all_they_have(scored: Scored) -> None:
    few = scored.part(np.unique(scored.groups, return_index=True)[1])
    assert exposure_of(few, np.zeros(len(few.raw), np.int64), ["shoes"]) is None
    none = scored.part(np.zeros(len(scored.raw), np.bool_))
    assert exposure_of(none, np.zeros(0, np.int64), []) is None
