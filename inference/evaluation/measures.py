"""How good probabilities of a match are: ranking (AUC, NDCG), likelihood (log loss), calibration (ECE).

Every row may have a weight; without weights each counts one.
"""

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.float64] | None


def auc(matches: NDArray[np.bool_], scores: NDArray[np.float64], weights: Weights = None) -> float:
    """Probability that a match scores above a mismatch, ties one half (Mann–Whitney). Both kinds must occur."""
    of_row = np.ones(len(scores)) if weights is None else weights
    _, inverse = np.unique(scores, return_inverse=True)
    of_matches = np.bincount(inverse, np.where(matches, of_row, 0.0))
    of_others = np.bincount(inverse, np.where(matches, 0.0, of_row))
    below = np.cumsum(of_others) - of_others
    won = float((of_matches * (below + of_others / 2.0)).sum())
    return won / float(of_matches.sum() * of_others.sum())


def log_loss(labels: NDArray[np.float64], probabilities: NDArray[np.float64], weights: Weights = None) -> float:
    """Mean cross-entropy in nats; labels in [0, 1] may be graded, then its floor is their own entropy."""
    clipped = np.clip(probabilities, 1e-7, 1.0 - 1e-7)
    losses = -(labels * np.log(clipped) + (1.0 - labels) * np.log1p(-clipped))
    return float(np.average(losses, weights=weights))


def ece(
    labels: NDArray[np.float64], probabilities: NDArray[np.float64], weights: Weights = None, *, bins: int = 15
) -> float:
    """Expected calibration error: mean |mean label - mean probability| over bins of equal width, weighted by size.

    References:
        Naeini, Cooper & Hauskrecht (2015), Obtaining well calibrated probabilities using Bayesian binning.
    """
    of_row = np.ones(len(labels)) if weights is None else weights
    bin_of = np.minimum((probabilities * bins).astype(np.int64), bins - 1)
    gaps = np.bincount(bin_of, of_row * (labels - probabilities), bins)
    return float(np.abs(gaps).sum() / of_row.sum())


def platt(cosines: NDArray[np.float64], labels: NDArray[np.float64], weights: Weights = None) -> tuple[float, float]:
    """Fit P = sigmoid(a * cosine + b) by Newton's method on the log loss (Platt 1999, without his prior).

    Args:
        cosines: shape (pairs,).
        labels: shape (pairs,), in [0, 1].
        weights: shape (pairs,).
    """
    of_row = np.ones(len(cosines)) if weights is None else weights
    features = np.stack([cosines, np.ones_like(cosines)], axis=1)
    fitted = np.zeros(2)
    for _ in range(100):
        probabilities = 1.0 / (1.0 + np.exp(-np.clip(features @ fitted, -30.0, 30.0)))
        gradient = features.T @ (of_row * (probabilities - labels)) + 1e-3 * fitted
        slopes = of_row * probabilities * (1.0 - probabilities)
        curvature = (features * slopes[:, None]).T @ features + 1e-3 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        fitted -= step
        if np.abs(step).max() < 1e-10:
            break
    return float(fitted[0]), float(fitted[1])
