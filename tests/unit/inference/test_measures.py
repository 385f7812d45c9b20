"""The figures in a manifest, against scikit-learn and by hand."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss as sklearn_log_loss
from sklearn.metrics import ndcg_score, roc_auc_score

from inference.evaluation.measures import auc, ece, log_loss, platt
from inference.evaluation.ranking import ndcg_of_groups


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def test_auc_agrees_with_scikit_learn_ties_included(rng: np.random.Generator) -> None:
    matches = rng.random(500) < 0.3
    scores = np.round(rng.normal(size=500) + matches, 1)
    assert auc(matches, scores) == pytest.approx(roc_auc_score(matches, scores), abs=1e-12)


def test_log_loss_agrees_with_scikit_learn(rng: np.random.Generator) -> None:
    probabilities = rng.uniform(0.01, 0.99, 300)
    labels = (rng.random(300) < probabilities).astype(float)
    assert log_loss(labels, probabilities) == pytest.approx(sklearn_log_loss(labels, probabilities), abs=1e-12)


def test_ece_is_the_mean_gap_between_promise_and_outcome() -> None:
    probabilities = np.array([0.91, 0.93, 0.1, 0.12])
    labels = np.array([1.0, 0.0, 0.0, 0.0])
    expected = 0.5 * abs(0.5 - 0.92) + 0.5 * abs(0.0 - 0.11)
    assert ece(labels, probabilities, bins=5) == pytest.approx(expected)


def test_ece_takes_a_probability_of_one() -> None:
    assert ece(np.array([1.0]), np.array([1.0])) == 0.0


def test_platt_scaling_agrees_with_scikit_learns_logistic_regression(rng: np.random.Generator) -> None:
    cosines = rng.uniform(-1, 1, 2000)
    labels = (rng.random(2000) < 1 / (1 + np.exp(-(6 * cosines - 2)))).astype(float)
    reference = LogisticRegression(C=1e6, tol=1e-10).fit(cosines[:, None], labels)
    a, b = platt(cosines, labels)
    assert a == pytest.approx(reference.coef_[0, 0], rel=1e-3)
    assert b == pytest.approx(reference.intercept_[0], rel=1e-3)


def test_weighted_figures_agree_with_scikit_learn(rng: np.random.Generator) -> None:
    weights = rng.exponential(size=400)
    probabilities = np.round(rng.uniform(0.01, 0.99, 400), 2)
    matches = rng.random(400) < probabilities
    labels = matches.astype(float)
    expected = roc_auc_score(matches, probabilities, sample_weight=weights)
    assert auc(matches, probabilities, weights) == pytest.approx(expected, abs=1e-12)
    expected = sklearn_log_loss(labels, probabilities, sample_weight=weights)
    assert log_loss(labels, probabilities, weights) == pytest.approx(expected, abs=1e-12)
    reference = LogisticRegression(C=1e6, tol=1e-10).fit(probabilities[:, None], labels, sample_weight=weights)
    a, b = platt(probabilities, labels, weights)
    assert a == pytest.approx(reference.coef_[0, 0], rel=1e-2)
    assert b == pytest.approx(reference.intercept_[0], rel=1e-2)


def test_a_weight_of_two_counts_as_two_rows(rng: np.random.Generator) -> None:
    probabilities, labels = rng.uniform(size=50), rng.uniform(size=50)
    counts = rng.integers(1, 4, 50)
    repeated = np.repeat(np.arange(50), counts)
    assert ece(labels, probabilities, counts.astype(float)) == pytest.approx(
        ece(labels[repeated], probabilities[repeated])
    )


def test_ndcg_agrees_with_scikit_learn_group_by_group_ties_included(rng: np.random.Generator) -> None:
    groups = rng.permutation(np.repeat(np.arange(40) * 7, rng.integers(2, 30, 40)))
    labels = np.round(rng.uniform(size=len(groups)), 1)
    scores = np.round(labels + rng.normal(size=len(groups)), 1)
    numbers, found = ndcg_of_groups(groups, labels, scores)
    assert len(numbers) >= 39
    for number, value in zip(numbers, found, strict=True):
        rows = groups == number
        assert value == pytest.approx(ndcg_score(labels[None, rows], scores[None, rows], k=10), abs=1e-12)


def test_a_group_without_anything_to_order_has_no_ndcg() -> None:
    groups = np.array([1, 1, 2, 3, 3])
    numbers, found = ndcg_of_groups(groups, np.array([0.0, 0.0, 1.0, 1.0, 0.0]), np.array([0.1, 0.2, 0.3, 0.2, 0.9]))
    assert numbers.tolist() == [3]
    assert found == pytest.approx(1 / np.log2(3))
