"""Queries that are stranger than those of an earlier window: people look for what the match model has no words for."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from detectors.signal_point import make_point, no_point
from schemas.rollup import Rollup
from schemas.signals import Reason, SignalPoint

BEYOND: Final = 0.99
"""Which share of the reference's queries are no stranger than a query must be to count."""


def query_ood_rate(rollup: Rollup, reference: Sequence[int] | None) -> SignalPoint:
    """Share of queries of whose tokens more are unknown than of 99 % of the reference's.

    A query counts once, however long it is; those without a token do not count. At most one of a hundred queries of
    the reference itself lies beyond. The standard error takes queries for independent.

    Args:
        rollup: a cohort.
        reference: queries by their share of unknown tokens in an earlier window.
    """
    bins = rollup.unknown_share_bins
    n = sum(bins)
    if not n:
        return no_point("query_ood_rate", rollup, Reason.NO_TOKENS, n=0)
    if reference is None or len(reference) != len(bins):
        return no_point("query_ood_rate", rollup, Reason.NO_REFERENCE, n=n)
    usual = usual_bins(tuple(reference))
    if usual == len(bins):
        return no_point("query_ood_rate", rollup, Reason.NOTHING_BEYOND, n=n)
    beyond = sum(bins[usual:])
    error = (beyond * (n - beyond) / n) ** 0.5 / n
    return make_point("query_ood_rate", rollup, beyond / n, (beyond, n), n=n, error=error)


@lru_cache(maxsize=1024)
def usual_bins(reference: tuple[int, ...]) -> int:
    """Give how many bins, from the first on, hold at least 99 % of the reference.

    >>> usual_bins((98, 1, 0, 1))
    2
    """
    left = BEYOND * sum(reference)
    for number, count in enumerate(reference, 1):
        left -= count
        if left <= 1e-9 * sum(reference):
            return number
    return len(reference)
