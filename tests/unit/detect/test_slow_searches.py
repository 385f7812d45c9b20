"""Searches slower than the reference's quantile are binomial with one share, whatever the size of a cohort."""

import math

import numpy as np
import pytest
from scipy import stats

from detectors.observation import LATENCY_MARGIN_BINS, observe
from detectors.reference import Reference
from detectors.shown_signals import LATENCY_QUANTILES
from detectors.sketch import GAMMA, sketch_of
from schemas.rollup import Rollup
from schemas.scores import Series

MEDIAN_MS, SIGMA = 40.0, 0.5


def cohort(latencies: np.ndarray) -> Rollup:
    n = latencies.size
    return Rollup(Series("shop", "search", "*", "*"), 0, 100, 0, -1, searches=n, latency_ms=sketch_of(latencies))


@pytest.mark.parametrize("n", [1, 2, 5, 60])
@pytest.mark.parametrize("signal", sorted(LATENCY_QUANTILES))
def test_slow_searches_are_binomial_at_any_n(signal: str, n: int) -> None:
    rng = np.random.default_rng(n)
    reference = Reference()
    for _ in range(4):
        reference.learn(cohort(rng.lognormal(math.log(MEDIAN_MS), SIGMA, 500)))
    edge = reference.latency_bin(LATENCY_QUANTILES[signal])
    assert edge is not None
    # The share that is truly above the edge of the bin from which a search counts as slow.
    above = GAMMA ** (edge + LATENCY_MARGIN_BINS)
    share = stats.lognorm.sf(above, SIGMA, scale=MEDIAN_MS)
    assert 0.15 * (1 - LATENCY_QUANTILES[signal]) < share < 1 - LATENCY_QUANTILES[signal]
    seen = [observe(signal, cohort(x), reference) for x in rng.lognormal(math.log(MEDIAN_MS), SIGMA, (1500, n))]
    slow = np.array([x.numerator_total for x in seen if x is not None])
    assert slow.size == 1500
    assert stats.binomtest(int(slow.sum()), 1500 * n, share).pvalue > 1e-4
    # As many cohorts with 0, 1, 2, ... slow ones as a binomial has.
    expected = 1500 * stats.binom.pmf(np.arange(n + 1), n, share)
    observed = np.bincount(slow.astype(int), minlength=n + 1)
    often = expected >= 5
    if often.sum() > 1:
        kept = np.append(expected[often], expected[~often].sum() + 1e-9)
        got = np.append(observed[often], observed[~often].sum())
        assert stats.chisquare(got, kept * got.sum() / kept.sum()).pvalue > 1e-4
