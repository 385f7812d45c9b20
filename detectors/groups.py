"""Rows in groups: which groups there are, and sums of many columns at once."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_DENSE: Final = 32
"""Groups a row up to which a table of all of them is faster than sorting the rows."""

_EXACT: Final = float(1 << 53)

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def sum_by_group(group: Ints, groups: int, columns: Sequence[NDArray[Any]]) -> Floats:
    """Add k columns up by group, in one pass: a pass of NumPy costs more than the few hundred rows of a cohort.

    Args:
        group: of each row, from 0, shape (n,).
        groups: how many there are.
        columns: numbers, shape (n,) each; sums of whole ones are exact below 2⁵³.

    Returns:
        Shape (groups, k).

    >>> sum_by_group(np.array([0, 1, 0]), 2, [np.array([1, 2, 3]), np.array([0.5, 0.5, 0.5])]).tolist()
    [[4.0, 1.0], [2.0, 0.5]]
    """
    width = len(columns)
    weights = np.empty((group.size, width))
    for number, column in enumerate(columns):
        weights[:, number] = column
    slots = (group[:, None] * width + np.arange(width)).ravel()
    sums = np.bincount(slots, weights=weights.ravel(), minlength=groups * width).astype(np.float64, copy=False)
    return sums.reshape(groups, width)


def exact_sums_by_group(group: Ints, groups: int, columns: Sequence[NDArray[Any]], most: int) -> list[list[int]]:
    """Add columns of whole numbers up by group, exactly also where doubles have no room for the sums.

    Args:
        group: of each row, from 0, shape (n,).
        groups: how many there are.
        columns: numbers that are not negative, shape (n,) each.
        most: a larger sum stays at it.

    Returns:
        Sums by group and column.

    >>> exact_sums_by_group(np.array([0, 1, 0]), 2, [np.array([2**53, 4, 1])], most=2**62)
    [[9007199254740993], [4]]
    """
    sums = sum_by_group(group, groups, columns)
    exact: list[list[int]] = sums.astype(np.int64).tolist()
    # Of numbers that are not negative, the rounded sum is only below 2⁵³ where every step to it was exact.
    for number in np.flatnonzero((sums >= _EXACT).any(axis=0)).tolist():
        for row in exact:
            row[number] = 0
        for place, value in zip(group.tolist(), columns[number].tolist(), strict=True):
            exact[place][number] = min(most, exact[place][number] + int(value))
    return exact


def present_groups(group: NDArray[Any], groups: int) -> tuple[Ints, Ints]:
    """Number anew the groups that have rows.

    Args:
        group: of each row, from 0, shape (n,).
        groups: how many there could be.

    Returns:
        The groups that have rows, ascending, shape (k,); and which of them each row is in, shape (n,).

    >>> [array.tolist() for array in present_groups(np.array([7, 2, 7]), 9)]
    [[2, 7], [1, 0, 1]]
    """
    if groups > _DENSE * (group.size + _DENSE):
        return np.unique(group, return_inverse=True)
    here = np.bincount(group, minlength=groups) > 0
    return np.flatnonzero(here), (np.cumsum(here) - 1)[group]


def groups_by_first_row(group: NDArray[Any], groups: int) -> tuple[Ints, Ints]:
    """Number anew the groups that have rows, in the order of their first row: however they were numbered before.

    Args:
        group: of each row, from 0, shape (n,).
        groups: how many there could be.

    Returns:
        The first row of each group that has rows, ascending, shape (k,); and which of them each row is in, shape (n,).

    >>> [array.tolist() for array in groups_by_first_row(np.array([7, 2, 7]), 9)]
    [[0, 1], [0, 1, 0]]
    """
    used, where = present_groups(group, groups)
    if used.size == 1:
        return np.zeros(1, dtype=np.int64), where
    firsts = np.empty(used.size, dtype=np.int64)
    firsts[where[::-1]] = np.arange(group.size - 1, -1, -1)  # the last value of an index is the one that stays
    order = np.argsort(firsts)
    rank = np.empty(used.size, dtype=np.int64)
    rank[order] = np.arange(used.size)
    return firsts[order], rank[where]
