"""Whom a model would show: the share of the first ten places by category, beside the share of the matches."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from inference.evaluation.figures import DEPTH, MATCH, Scored


class CategoryShare(msgspec.Struct, frozen=True):
    """Of one category, in all queries together."""

    matches: float
    """Its share of the matches."""
    first_ten: float
    """Its share of the first ten places if the model ranked each query's pairs."""


class Exposure(msgspec.Struct, frozen=True):
    """Shares by category, and how far both distributions lie apart."""

    js: float
    """Jensen–Shannon divergence in bits: 0 alike, 1 nothing in common."""
    categories: dict[str, CategoryShare]


def exposure_of(scored: Scored, categories: NDArray[np.int64], names: list[str]) -> Exposure | None:
    """Compare who is shown with who matches; of queries with more than ten pairs, since others show all they have.

    Matches count by their rows' weights, places by the mean weight of their query's rows. Pairs with the same score
    share their places.

    Args:
        scored: the pairs.
        categories: number of each pair's category in `names`; −1 where it has none.
        names: of the categories.
    """
    if not len(categories):
        return None
    order = np.lexsort((-scored.raw, scored.groups))
    group, raw, weights, category = scored.groups[order], scored.raw[order], scored.weights[order], categories[order]
    first = np.concatenate(([True], group[1:] != group[:-1]))
    starts, sizes = _runs(first)
    ties, tied = _runs(first | np.concatenate(([True], raw[1:] != raw[:-1])))
    rank = np.arange(len(group)) - np.repeat(starts, sizes)
    places = np.repeat(np.add.reduceat((rank < DEPTH).astype(np.float64), ties) / tied, tied)
    places *= np.repeat(np.add.reduceat(weights, starts) / sizes, sizes)
    counted = (category >= 0) & (np.repeat(sizes, sizes) > DEPTH)
    shown = np.bincount(category[counted], places[counted], len(names))
    matching = counted & (scored.labels[order] >= MATCH)
    matches = np.bincount(category[matching], weights[matching], len(names))
    if not shown.sum() or not matches.sum():
        return None
    shown, matches = shown / shown.sum(), matches / matches.sum()
    middle = (shown + matches) / 2
    js = (_relative_entropy(shown, middle) + _relative_entropy(matches, middle)) / 2
    return Exposure(
        round(js, 5),
        {
            name: CategoryShare(round(float(of_matches), 5), round(float(of_shown), 5))
            for name, of_matches, of_shown in zip(names, matches, shown, strict=True)
        },
    )


def _runs(first: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Give where runs begin, and how long they are."""
    starts = np.flatnonzero(first)
    return starts, np.diff(np.append(starts, len(first)))


def _relative_entropy(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    some = one > 0
    return float((one[some] * np.log2(one[some] / other[some])).sum())
