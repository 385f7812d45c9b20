"""How well scores order the items of each query: NDCG, for all queries at once."""

import numpy as np
from numpy.typing import NDArray


def ndcg_of_groups(
    groups: NDArray[np.int64], labels: NDArray[np.float64], scores: NDArray[np.float64], depth: int = 10
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """NDCG of each group in which there is something to order.

    The gain is the label itself, the discount log₂(1 + rank). Items with the same score share their places: each gets
    the mean of the discounts, which is what a random order among them gives on average.

    Args:
        groups: which query each row belongs to, shape (rows,).
        labels: shape (rows,), in [0, 1].
        scores: shape (rows,).
        depth: how many places count.

    Returns:
        The groups whose labels are not all equal, ascending, and the NDCG of each.

    References:
        Järvelin & Kekäläinen (2002), Cumulated gain-based evaluation of IR techniques.
        McSherry & Najork (2008), Computing information retrieval performance measures efficiently in the presence of
        tied scores.
    """
    if not len(groups):
        return np.zeros(0, np.int64), np.zeros(0)
    numbers, group_of = np.unique(groups, return_inverse=True)
    gained = _dcg(group_of, labels, scores, depth)
    best = _dcg(group_of, labels, labels, depth)
    least, most = np.full(len(numbers), np.inf), np.full(len(numbers), -np.inf)
    np.minimum.at(least, group_of, labels)
    np.maximum.at(most, group_of, labels)
    orderable = most > least
    return numbers[orderable], gained[orderable] / best[orderable]


def _dcg(
    group_of: NDArray[np.int64], labels: NDArray[np.float64], keys: NDArray[np.float64], depth: int
) -> NDArray[np.float64]:
    order = np.lexsort((-keys, group_of))
    group, key = group_of[order], keys[order]
    first = np.concatenate(([True], group[1:] != group[:-1]))
    starts = np.flatnonzero(first)
    rank = np.arange(len(group)) - np.repeat(starts, np.diff(np.append(starts, len(group))))
    discounts = np.where(rank < depth, 1.0 / np.log2(rank + 2.0), 0.0)
    ties = np.flatnonzero(first | np.concatenate(([True], key[1:] != key[:-1])))
    sizes = np.diff(np.append(ties, len(group)))
    shared = np.add.reduceat(discounts, ties) * np.add.reduceat(labels[order], ties) / sizes
    totals: NDArray[np.float64] = np.bincount(group[ties], shared, int(group_of.max()) + 1).astype(np.float64)
    return totals
