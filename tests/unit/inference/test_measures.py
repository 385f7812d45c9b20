"""The figures in a manifest, against scikit-learn and by hand."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss as sklearn_log_loss
from sklearn.metrics import roc_auc_score

from inference.training.measures import auc, ece, log_loss, platt


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
