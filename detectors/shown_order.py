"""How high on the page the clicked items stand: NDCG@10 and reciprocal rank of many searches at once.

An item's rank is its place on the page in order of `position`, from 1: gaps between positions do not count, nor whether
an item has a score. A click is a gain of one, whatever else was clicked.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.groups import sum_by_group
from schemas.rollup import Moments

TOP: Final = 10
"""NDCG looks at the first ten places."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_DISCOUNT: Final[Floats] = 1 / np.log2(np.arange(2, TOP + 2))
_IDEAL: Final[Floats] = np.concatenate([[0.0], np.cumsum(_DISCOUNT)])
"""The gain of so many clicks, all at the top of the page."""


class ClickedPages(NamedTuple):
    """Where on n pages the clicked items stand."""

    hits: Ints
    """Numbers of the clicked items, ascending."""
    search_of_hit: Ints
    """Number of the search of each, same shape."""
    first_items: Ints
    """Number of the first item of each search, shape (n,)."""
    clicks: Ints
    """Clicked items of each search, shape (n,)."""


def rank_clicks(pages: ClickedPages) -> tuple[Floats, Floats]:
    """Rate the order of each page that has a click; at least one has.

    Returns:
        NDCG@10 and reciprocal rank of the uppermost click, of the pages with clicks, in their order.

    References:
        Järvelin & Kekäläinen (2002), Cumulated gain-based evaluation of IR techniques.

    >>> pages = ClickedPages(np.array([1, 3]), np.array([0, 1]), np.array([0, 3]), np.array([1, 1]))
    >>> [x.round(3).tolist() for x in rank_clicks(pages)]
    [[0.631, 1.0], [0.5, 1.0]]
    """
    places = pages.hits - pages.first_items[pages.search_of_hit]
    gains = np.where(places < TOP, _DISCOUNT[np.minimum(places, TOP - 1)], 0.0)
    firsts = np.flatnonzero(np.diff(pages.search_of_hit, prepend=-1))
    clicks = pages.clicks[pages.search_of_hit[firsts]]
    return np.add.reduceat(gains, firsts) / _IDEAL[np.minimum(clicks, TOP)], 1 / (places[firsts] + 1)


def sum_rankings(pages: ClickedPages, series: Ints, groups: int) -> list[tuple[Moments, Moments]]:
    """Add both up over the pages with a click, by series.

    Args:
        pages: of a cohort; perhaps none has a click.
        series: number of the series of each page, shape (n,).
        groups: how many series there are.
    """
    if not pages.hits.size:
        return [(Moments(), Moments()) for _ in range(groups)]
    ndcg, reciprocal = rank_clicks(pages)
    columns = [np.ones(ndcg.size), ndcg, ndcg * ndcg, reciprocal, reciprocal * reciprocal]
    sums = sum_by_group(series[np.flatnonzero(pages.clicks)], groups, columns).tolist()
    return [(Moments(int(x[0]), *x[1:3]), Moments(int(x[0]), *x[3:5])) for x in sums]
