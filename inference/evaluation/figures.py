"""The figures of one set of scored pairs, with how sure they are."""

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from inference.evaluation.measures import auc, ece, log_loss, platt
from inference.evaluation.ranking import ndcg_of_groups

MATCH: Final = 0.5
"""A label from here on is a match."""
DEPTH: Final = 10
_RESAMPLES: Final = 40
_DIGITS: Final = 5


class Recalibrated(msgspec.Struct, frozen=True):
    """What P = σ(a·x + b) would give if a and b were fitted to this data."""

    a: float
    b: float
    log_loss: float
    """Each half of the queries judged with what was fitted to the other half; so is `ece`."""
    ece: float


class Figures(msgspec.Struct, frozen=True):
    """How good a model is on some pairs; None where they cannot tell."""

    pairs: int
    queries: int
    """Groups, in which pairs are ranked against each other."""
    matches: int
    auc: float | None
    auc_se: float | None
    """Standard error, from resampling whole groups."""
    ndcg_at_10: float | None
    ndcg_se: float | None
    ranked_queries: int
    """Groups with something to rank: those that `ndcg_at_10` is the mean of."""
    log_loss: float
    label_entropy: float
    """The least that the log loss of graded labels can be."""
    ece: float
    """Of the probabilities as the model gives them, with its own calibration."""
    recalibrated: Recalibrated | None


class Scored(msgspec.Struct, frozen=True):
    """Scored pairs as columns of equal length."""

    raw: NDArray[np.float64]
    """Before calibration: the cosine of a two-tower model."""
    probabilities: NDArray[np.float64]
    labels: NDArray[np.float64]
    weights: NDArray[np.float64]
    groups: NDArray[np.uint64]

    @classmethod
    def joined(cls, parts: Sequence["Scored"]) -> "Scored":
        """Several as one."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__struct_fields__))

    def part(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> "Scored":
        """Some of the rows."""
        return Scored(*(getattr(self, name)[rows] for name in self.__struct_fields__))


def figures_of(scored: Scored) -> Figures | None:
    """Compute all figures of a set of pairs; None where it holds no weight.

    A group's weight in NDCG is the mean weight of its rows.
    """
    if not scored.weights.any():
        return None
    # To a mean of 1: figures do not depend on the weights' unit, and no sum of large ones overflows.
    weights = scored.weights / scored.weights.max()
    scored = msgspec.structs.replace(scored, weights=weights / weights.mean())
    matches = scored.labels >= MATCH
    _, group_of = np.unique(scored.groups, return_inverse=True)
    both = _both(matches, scored.weights)
    ranked, ndcg = ndcg_of_groups(group_of, scored.labels, scored.raw, DEPTH)
    rows = np.bincount(group_of)
    group_weights = (np.bincount(group_of, scored.weights) / rows)[ranked]
    mean, error = _mean(ndcg, group_weights)
    return Figures(
        pairs=len(matches),
        queries=len(rows),
        matches=int(matches.sum()),
        auc=_rounded(auc(matches, scored.raw, scored.weights)) if both else None,
        auc_se=_rounded(_auc_error(matches, scored, group_of)) if both else None,
        ndcg_at_10=_rounded(mean),
        ndcg_se=_rounded(error),
        ranked_queries=len(ndcg),
        log_loss=round(log_loss(scored.labels, scored.probabilities, scored.weights), _DIGITS),
        label_entropy=round(log_loss(scored.labels, scored.labels, scored.weights), _DIGITS),
        ece=round(ece(scored.labels, scored.probabilities, scored.weights), _DIGITS),
        recalibrated=_recalibrated(scored),
    )


def _recalibrated(scored: Scored) -> Recalibrated | None:
    """Fit on each half of the groups and judge the other, so that no pair judges what was fitted to it."""
    second = (scored.groups * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(63)).astype(np.bool_)
    matches = scored.labels >= MATCH
    if not all(_both(matches[half], scored.weights[half]) for half in (second, ~second)):
        return None
    found = np.empty(len(scored.raw))
    for half in (second, ~second):
        other = scored.part(~half)
        found[half] = _sigmoid(scored.raw[half], *platt(other.raw, other.labels, other.weights))
    a, b = platt(scored.raw, scored.labels, scored.weights)
    return Recalibrated(
        round(a, _DIGITS),
        round(b, _DIGITS),
        round(log_loss(scored.labels, found, scored.weights), _DIGITS),
        round(ece(scored.labels, found, scored.weights), _DIGITS),
    )


def _sigmoid(raw: NDArray[np.float64], a: float, b: float) -> NDArray[np.float64]:
    probabilities: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-np.clip(a * raw + b, -50.0, 50.0)))
    return probabilities


def _auc_error(matches: NDArray[np.bool_], scored: Scored, group_of: NDArray[np.intp]) -> float | None:
    """Standard deviation of the AUC over Poisson resamples of whole groups: pairs of one query are not independent."""
    rng = np.random.default_rng(0)
    _, place = np.unique(scored.raw, return_inverse=True)
    found = []
    for _ in range(_RESAMPLES):
        weights = scored.weights * rng.poisson(1.0, int(group_of.max()) + 1)[group_of]
        if _both(matches, weights):
            found.append(auc(matches, place.astype(np.float64), weights))
    return float(np.std(found, ddof=1)) if len(found) > 1 else None


def _both(matches: NDArray[np.bool_], weights: NDArray[np.float64]) -> bool:
    return float(weights[matches].sum()) > 0.0 and float(weights[~matches].sum()) > 0.0


def _mean(values: NDArray[np.float64], weights: NDArray[np.float64]) -> tuple[float | None, float | None]:
    total = float(weights.sum())
    if not total > 0.0:
        return None, None
    mean = float((values * weights).sum()) / total
    if len(values) < 2:
        return mean, None
    return mean, float(np.sqrt(((weights * (values - mean)) ** 2).sum())) / total


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)
