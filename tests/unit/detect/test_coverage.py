"""Nineteen of twenty intervals of ±1.96 standard errors hold the truth.

Items of a page depend on each other, and cohorts differ by more than their pages let expect.
"""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.click_signals import ctr, ctr_proxy_accuracy, mrr, ndcg_at_10
from detectors.cohort_scatter import CohortScatter
from detectors.expected_clicks import coec
from detectors.shown_order import ClickedPages, sum_rankings
from detectors.shown_signals import match_at_10, zero_result_rate
from detectors.signal_reference import ClickReference, ReferenceWindow
from schemas.rollup import POSITION_SLOTS, Clicks, Moments, Pairs, Rollup
from schemas.signals import SignalPoint
from tests.unit.detect.scored_pages import SERIES

COHORTS, LEARNING = 1500, 200
ON_PAGE = 8
SHOWN = ("ctr", "ctr_proxy_accuracy", "coec", "match_at_10", "ndcg_at_10", "mrr", "zero_result_rate")
REFERENCE = ClickReference(
    ReferenceWindow(0, 300_000, 300, 3000),
    [10**6] * ON_PAGE + [0] * (POSITION_SLOTS - ON_PAGE),
    [10**5] * ON_PAGE + [0] * (POSITION_SLOTS - ON_PAGE),
)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Shop:
    """How strongly the searches of a page and those of a cohort go together, in deviations of a logit."""

    pages: int
    within_page: float
    between_cohorts: float


def logistic(x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-x)))


def cohort(rng: np.random.Generator, shop: Shop, number: int) -> Rollup:
    mood = rng.normal(0, shop.between_cohorts, 5)
    n = shop.pages
    of_page = rng.normal(0, shop.within_page, n)
    # In some cohorts people click more, in some they look further down.
    bias = -1.6 + mood[0] + (mood[4] - 0.5) * np.arange(ON_PAGE) / 2
    clicked = rng.random((n, ON_PAGE)) < logistic(bias + of_page[:, None])
    x = clicked.sum(axis=1)
    hits = np.flatnonzero(clicked)
    rows = np.flatnonzero(x)
    pages = ClickedPages(hits, x[rows], rows * ON_PAGE)
    ((ndcg, reciprocal),) = sum_rankings(pages, np.zeros(rows.size, dtype=np.int64), 1)
    total = rng.integers(1, 12, n // 2)
    wins = rng.binomial(total, logistic(0.4 + rng.normal(0, shop.within_page, total.size) + mood[1]))
    a, b = 2 * wins, 2 * total
    means = logistic(rng.normal(0, shop.within_page, n) + mood[2])
    return Rollup(
        SERIES,
        number * 10_000,
        10,
        60,
        0,
        searches=n,
        impressions=n * ON_PAGE,
        zero_results=int(rng.binomial(n, logistic(-2.3 + mood[3]))),
        shown_at=[n] * ON_PAGE + [0] * (POSITION_SLOTS - ON_PAGE),
        clicked_at=[*clicked.sum(axis=0).tolist(), *[0] * (POSITION_SLOTS - ON_PAGE)],
        labels=Clicks(int(x.sum()), 0, int((x > 0).sum()), int(x @ x), int(x.sum()) * ON_PAGE, n * ON_PAGE**2),
        pairs=Pairs(int(wins.sum()), int((total - wins).sum()), 0, n // 2, int(a @ a), int(a @ b), int(b @ b)),
        match_at_10=Moments(n, float(means.sum()), float(means @ means)),
        ndcg_at_10=ndcg,
        mrr=reciprocal,
    )


def points(rollup: Rollup) -> list[SignalPoint]:
    simple = (ctr, ctr_proxy_accuracy, match_at_10, ndcg_at_10, mrr, zero_result_rate)
    return [*(signal(rollup) for signal in simple), coec(rollup, REFERENCE)]


def coverage(shop: Shop, *, seed: int, widened: bool = True) -> dict[str, float]:
    """Give how often the truth, which is the ratio over all cohorts, lies within 1.96 standard errors."""
    rng = np.random.default_rng(seed)
    scatter = CohortScatter()
    sums: dict[str, Floats] = defaultdict(lambda: np.zeros(2))
    told: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for number in range(COHORTS):
        found = points(cohort(rng, shop, number))
        for point in scatter.widen(found) if widened else found:
            sums[point.signal] += (point.numerator, point.denominator)
            if number >= LEARNING:
                assert point.value is not None
                assert point.standard_error is not None
                told[point.signal].append((point.value, point.standard_error))
    held = {}
    for signal, values in told.items():
        truth = sums[signal][0] / sums[signal][1]
        held[signal] = float(np.mean([abs(value - truth) <= 1.96 * error for value, error in values]))
    return held


@pytest.mark.parametrize(
    "shop",
    [Shop(300, 1.2, 0.0), Shop(150, 1.2, 0.15), Shop(300, 1.2, 0.2)],
    ids=["pages alone", "cohorts differ", "cohorts differ much"],
)
def test_nineteen_of_twenty_intervals_hold_the_truth(shop: Shop) -> None:
    held = coverage(shop, seed=1)
    assert set(held) == set(SHOWN)
    assert all(0.93 <= share <= 0.97 for share in held.values()), held


def test_what_a_cohort_tells_of_itself_is_not_enough_where_cohorts_differ() -> None:
    held = coverage(Shop(300, 1.2, 0.2), seed=1, widened=False)
    assert max(held.values()) < 0.85, held
