"""How good probabilities of a match are: ranking (AUC), likelihood (log loss), calibration (ECE)."""

import numpy as np
from numpy.typing import NDArray


def auc(matches: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    """Probability that a match scores above a mismatch, ties one half (Mann–Whitney). Both kinds must occur."""
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    middle_ranks = (np.cumsum(counts) - (counts - 1) / 2.0)[inverse]
    positives = int(matches.sum())
    rank_sum = float(middle_ranks[matches].sum())
    return (rank_sum - positives * (positives + 1) / 2.0) / (positives * (len(matches) - positives))


def log_loss(labels: NDArray[np.float64], probabilities: NDArray[np.float64]) -> float:
    """Mean cross-entropy in nats; labels in [0, 1] may be graded, then its floor is their own entropy."""
    clipped = np.clip(probabilities, 1e-7, 1.0 - 1e-7)
    return float(-np.mean(labels * np.log(clipped) + (1.0 - labels) * np.log1p(-clipped)))


def ece(labels: NDArray[np.float64], probabilities: NDArray[np.float64], bins: int = 15) -> float:
    """Expected calibration error: mean |mean label - mean probability| over bins of equal width, weighted by size.

    References:
        Naeini, Cooper & Hauskrecht (2015), Obtaining well calibrated probabilities using Bayesian binning.
    """
    bin_of = np.minimum((probabilities * bins).astype(np.int64), bins - 1)
    gaps = np.bincount(bin_of, labels - probabilities, bins)
    return float(np.abs(gaps).sum() / len(labels))


def platt(cosines: NDArray[np.float64], labels: NDArray[np.float64]) -> tuple[float, float]:
    """Fit P = sigmoid(a * cosine + b) by Newton's method on the log loss (Platt 1999, without his prior).

    Args:
        cosines: shape (pairs,).
        labels: shape (pairs,), in [0, 1].
    """
    features = np.stack([cosines, np.ones_like(cosines)], axis=1)
    weights = np.zeros(2)
    for _ in range(100):
        probabilities = 1.0 / (1.0 + np.exp(-np.clip(features @ weights, -30.0, 30.0)))
        gradient = features.T @ (probabilities - labels) + 1e-3 * weights
        curvature = (features * (probabilities * (1.0 - probabilities))[:, None]).T @ features + 1e-3 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        weights -= step
        if np.abs(step).max() < 1e-10:
            break
    return float(weights[0]), float(weights[1])
