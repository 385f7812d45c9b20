"""How high on the page the clicked items stand: NDCG@10 and reciprocal rank of many searches at once.

An item's rank is its place on the page in order of `position`, from 1: gaps between positions do not count, nor whether
an item has a score. A click is a gain of one, whatever else was clicked.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.rollup import Moments

TOP: Final = 10
"""NDCG looks at the first ten places."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_DISCOUNT: Final[Floats] = np.append(1 / np.log2(np.arange(2, TOP + 2)), 0.0)
"""By place from 0; the last one is that of all places below."""
_IDEAL: Final[Floats] = np.concatenate([[0.0], np.cumsum(_DISCOUNT[:TOP])])
"""The gain of so many clicks, all at the top of the page."""


class ClickedPages(NamedTuple):
    """Where the clicked items of n pages stand, of those pages that have one."""

    hits: Ints
    """Numbers of the clicked items, ascending."""
    clicks: Ints
    """How many of them each page has, at least one, shape (n,)."""
    first_items: Ints
    """Number of the first item of each page, shape (n,)."""


def rank_clicks(pages: ClickedPages) -> tuple[Floats, Floats]:
    """Rate the order of each page; there is at least one.

    Returns:
        NDCG@10 and reciprocal rank of the uppermost click, shape (n,).

    References:
        Järvelin & Kekäläinen (2002), Cumulated gain-based evaluation of IR techniques.

    >>> pages = ClickedPages(np.array([1, 3]), np.array([1, 1]), np.array([0, 3]))
    >>> [x.round(3).tolist() for x in rank_clicks(pages)]
    [[0.631, 1.0], [0.5, 1.0]]
    """
    firsts = np.cumsum(pages.clicks) - pages.clicks
    places = pages.hits - np.repeat(pages.first_items, pages.clicks)
    gains = np.add.reduceat(_DISCOUNT[np.minimum(places, TOP)], firsts)
    return gains / _IDEAL[np.minimum(pages.clicks, TOP)], 1 / (places[firsts] + 1)


def sum_rankings(pages: ClickedPages, series: Ints, groups: int) -> list[tuple[Moments, Moments]]:
    """Add both up by series.

    Args:
        pages: of a cohort; perhaps none.
        series: number of the series of each page, shape (n,).
        groups: how many series there are.
    """
    if not pages.hits.size:
        return [(Moments(), Moments()) for _ in range(groups)]
    ndcg, reciprocal = rank_clicks(pages)
    counts = np.bincount(series, minlength=groups).tolist()
    # One pass a column: of so few rows it takes less than laying them out for all columns at once.
    columns = (ndcg, ndcg * ndcg, reciprocal, reciprocal * reciprocal)
    sums = (np.bincount(series, column, groups).tolist() for column in columns)
    rows = zip(counts, *sums, strict=True)
    return [(Moments(n, total, squares), Moments(n, *of_rank)) for n, total, squares, *of_rank in rows]
