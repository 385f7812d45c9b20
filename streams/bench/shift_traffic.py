"""A shop's traffic for `bench shift`: cohorts of drawn pages, as rollups, with the levels that were drawn.

Every page is drawn, so that its impressions depend on each other, and cohorts differ by more than their pages do. What
differs between shops is drawn for each stream: nothing here is a setting that a detector could be made for.
"""

import math
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from detectors.sketch import GAMMA
from schemas.rollup import Clicks, Moments, Rollup, Sketch
from schemas.scores import Series

COHORT_S: Final = 10
RATE: Final = 5.0
"""Searches a second."""
SHORTEST: Final = 10
LONGEST: Final = 20
"""Results a page."""
LOG_GAMMA: Final = math.log(GAMMA)
_SERIES: Final = Series("shop", "search", "*", "*")
Floats = npt.NDArray[np.float64]


class Shift(NamedTuple):
    """What changes."""

    name: str
    rule: str
    """The default rule that ought to find it."""
    factor: float
    """What the level is multiplied with."""


SHIFTS: Final = (
    Shift("ctr_10", "ctr_drop", 0.9),
    Shift("ctr_20", "ctr_drop", 0.8),
    Shift("ctr_30", "ctr_drop", 0.7),
    Shift("latency", "latency_p95_rise", 1.5),
    Shift("score", "match_drop", 0.95),
)


class Shop(NamedTuple):
    """What a stream's shop is like; levels are those before the change."""

    ctr: float
    appetite: float
    """How alike the clicks of one page are: the sum of a beta distribution's two parameters."""
    match: float
    match_deviation: float
    """Of the pages' mean scores."""
    latency_ms: float
    latency_sigma: float
    """Of the logarithm, between searches."""
    ctr_between: float
    match_between: float
    latency_between: float
    """Deviations of a cohort's level beyond what its pages make, as shares of the level."""


def draw_shop(rng: np.random.Generator) -> Shop:
    """Draw a shop."""
    return Shop(
        ctr=float(rng.uniform(0.02, 0.05)),
        appetite=float(rng.uniform(10, 40)),
        match=float(rng.uniform(0.55, 0.8)),
        match_deviation=float(rng.uniform(0.08, 0.15)),
        latency_ms=float(rng.lognormal(np.log(50), 0.5)),
        latency_sigma=float(rng.uniform(0.3, 0.5)),
        ctr_between=float(rng.uniform(0.0, 0.05)),
        match_between=float(rng.uniform(0.0, 0.01)),
        latency_between=float(rng.uniform(0.0, 0.03)),
    )


def draw_rollups(rng: np.random.Generator, shop: Shop, rule: str, factor: Floats) -> list[Rollup]:
    """Draw a stretch of traffic, with what one rule looks at.

    Args:
        rng: random numbers.
        shop: whose traffic.
        rule: the default rule whose signal is wanted; the others are left empty.
        factor: what the signal's level is multiplied with, cohort by cohort.
    """
    cohorts = len(factor)
    searches = rng.poisson(RATE * COHORT_S, cohorts)
    cohort = np.repeat(np.arange(cohorts), searches)
    rollups = [
        Rollup(_SERIES, start * COHORT_S * 1000, COHORT_S, 0, -1, searches=n)
        for start, n in enumerate(searches.tolist())
    ]
    if rule == "ctr_drop":
        _add_clicks(rng, shop, rollups, cohort, factor)
    elif rule == "latency_p95_rise":
        _add_latency(rng, shop, rollups, cohort, factor)
    else:
        _add_match(rng, shop, rollups, cohort, factor)
    return rollups


def _add_clicks(
    rng: np.random.Generator, shop: Shop, rollups: list[Rollup], cohort: npt.NDArray[np.int64], factor: Floats
) -> None:
    level = shop.ctr * factor * np.exp(rng.normal(-(shop.ctr_between**2) / 2, shop.ctr_between, len(factor)))
    m = rng.integers(SHORTEST, LONGEST + 1, len(cohort))
    p = np.minimum(level[cohort], 0.9)
    x = rng.binomial(m, rng.beta(p * shop.appetite, (1 - p) * shop.appetite))
    sums = _sums(cohort, len(factor), (m, x, x > 0, x * x, x * m, m * m))
    for rollup, (impressions, clicks, clicked, xx, xm, mm) in zip(rollups, sums, strict=True):
        rollup.horizon_s = 60
        rollup.impressions = impressions
        rollup.labels = Clicks(clicks, 0, clicked, xx, xm, mm)


def _add_match(
    rng: np.random.Generator, shop: Shop, rollups: list[Rollup], cohort: npt.NDArray[np.int64], factor: Floats
) -> None:
    level = shop.match * factor * np.exp(rng.normal(-(shop.match_between**2) / 2, shop.match_between, len(factor)))
    mean = np.minimum(level[cohort], 0.95)
    a = mean * (1 - mean) / shop.match_deviation**2 - 1
    x = rng.beta(mean * a, (1 - mean) * a)
    totals = np.bincount(cohort, x, len(factor)).tolist()
    squares = np.bincount(cohort, x * x, len(factor)).tolist()
    for rollup, total, square in zip(rollups, totals, squares, strict=True):
        rollup.match_at_10 = Moments(rollup.searches, total, square)


def _add_latency(
    rng: np.random.Generator, shop: Shop, rollups: list[Rollup], cohort: npt.NDArray[np.int64], factor: Floats
) -> None:
    centre = np.log(shop.latency_ms * factor) + rng.normal(0, shop.latency_between, len(factor))
    bins = np.ceil(rng.normal(centre[cohort], shop.latency_sigma) / LOG_GAMMA).astype(np.int64)
    width = 4096
    keys, counts = np.unique(cohort * width + bins + width // 2, return_counts=True)
    for rollup in rollups:
        rollup.latency_ms = Sketch(rollup.searches)
    for key, count in zip(keys.tolist(), counts.tolist(), strict=True):
        rollups[key // width].latency_ms.bins[key % width - width // 2] = count


def _sums(
    cohort: npt.NDArray[np.int64], cohorts: int, of_pages: tuple[npt.NDArray[np.generic], ...]
) -> list[list[int]]:
    found = [np.bincount(cohort, values.astype(np.float64), cohorts).astype(np.int64) for values in of_pages]
    return [list(row) for row in np.stack(found, axis=1).tolist()]
