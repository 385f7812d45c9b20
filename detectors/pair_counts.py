"""Pairs of a clicked and a passed-over item of one search, counted for many searches at once."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.score_columns import spread
from schemas.scores import NULL_SCORE

_MOST_AT_ONCE: Final = 250_000
"""Pairs that are laid out one by one; where pages of thousands of items make more, they are counted by sorting."""
_KEY: Final = 1 << 17
"""Larger than any stored score or position."""

Ints = NDArray[np.int64]


@dataclass(slots=True)
class PairCounts:
    """Pairs of each search, shape (n,) each."""

    higher: Ints
    """The clicked item has the larger key."""
    lower: Ints
    tied: Ints


@dataclass(slots=True)
class _Sides:
    """The clicked items and the examined ones, each in the order of their searches."""

    chosen: Ints
    chosen_search: Ints
    others: Ints
    others_search: Ints
    others_of: Ints
    """How many others each chosen item is compared with."""
    searches: int


def count_pairs(
    search_of_item: Ints,
    positions: NDArray[Any],
    scores: NDArray[Any],
    clicked: NDArray[np.bool_],
    searches: int,
    *,
    most_at_once: int = _MOST_AT_ONCE,
) -> tuple[PairCounts, PairCounts]:
    """Count the pairs of a clicked and an examined, not clicked item of one search, both scored.

    Examined are the positions up to one below the lowest click on the page: people read from the top.

    Args:
        search_of_item: number of the search of each item, ascending, shape (m,).
        positions: from 1, ascending within a search, shape (m,).
        scores: in steps of 1/4096, NULL_SCORE where not scored, shape (m,).
        clicked: shape (m,).
        searches: how many searches there are.
        most_at_once: pairs that are laid out one by one.

    Returns:
        The pairs by match score, and the same pairs by shown rank (the upper item counts as the higher).

    References:
        Joachims et al. (2005), "Accurately interpreting clickthrough data as implicit feedback".
    """
    hits = np.flatnonzero(clicked)
    last_examined = np.zeros(searches, dtype=np.int64)
    # The last click of a search is its lowest, and the last value of an index is the one that stays.
    last_examined[search_of_item[hits]] = positions[hits].astype(np.int64) + 1
    scored = scores != NULL_SCORE
    chosen = hits[scored[hits]]
    others = np.flatnonzero(scored & ~clicked & (positions <= last_examined[search_of_item]))
    chosen_search, others_search = search_of_item[chosen], search_of_item[others]
    others_of = np.bincount(others_search, minlength=searches)[chosen_search]
    sides = _Sides(chosen, chosen_search, others, others_search, others_of, searches)
    if int(others_of.sum()) <= most_at_once:
        return _one_by_one(sides, positions, scores)
    below = -positions.astype(np.int64)
    return _by_sorting(sides, scores.astype(np.int64)), _by_sorting(sides, below)


def _one_by_one(sides: _Sides, positions: NDArray[Any], scores: NDArray[Any]) -> tuple[PairCounts, PairCounts]:
    firsts = np.searchsorted(sides.others_search, sides.chosen_search)
    other = sides.others[spread(firsts, sides.others_of)]
    mine = np.repeat(sides.chosen, sides.others_of)
    search = np.repeat(sides.chosen_search, sides.others_of)
    pairs = np.bincount(search, minlength=sides.searches)

    def counted(key: NDArray[Any], *, larger_is_higher: bool) -> PairCounts:
        left, right = key[mine], key[other]
        larger = np.bincount(search[left > right], minlength=sides.searches)
        smaller = np.bincount(search[left < right], minlength=sides.searches)
        higher, lower = (larger, smaller) if larger_is_higher else (smaller, larger)
        return PairCounts(higher, lower, pairs - larger - smaller)

    return counted(scores, larger_is_higher=True), counted(positions, larger_is_higher=False)


def _by_sorting(sides: _Sides, key: Ints) -> PairCounts:
    """Count with one sort and four binary searches a chosen item, however many others there are."""
    others = np.sort(sides.others_search * (2 * _KEY) + (key[sides.others] + _KEY))
    wanted = sides.chosen_search * (2 * _KEY) + (key[sides.chosen] + _KEY)
    below = np.searchsorted(others, wanted, side="left")
    through = np.searchsorted(others, wanted, side="right")
    start = np.searchsorted(others, sides.chosen_search * (2 * _KEY), side="left")
    end = np.searchsorted(others, (sides.chosen_search + 1) * (2 * _KEY), side="left")

    def per_search(counts: NDArray[Any]) -> Ints:
        return np.bincount(sides.chosen_search, weights=counts, minlength=sides.searches).astype(np.int64)

    return PairCounts(
        higher=per_search(below - start), lower=per_search(end - through), tied=per_search(through - below)
    )
