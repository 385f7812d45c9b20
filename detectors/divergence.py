"""How far two distributions over categories lie apart."""

import math
from collections.abc import Mapping


def jensen_shannon(counts: Mapping[str, float], reference: Mapping[str, float]) -> float:
    """Give the Jensen–Shannon divergence of two tables of counts, in bits: 0 where equal, 1 where disjoint.

    >>> jensen_shannon({"shoes": 10}, {"shoes": 3})
    0.0
    >>> jensen_shannon({"shoes": 10}, {"kettles": 3})
    1.0

    Raises:
        ZeroDivisionError: one of them has no counts at all.

    References:
        Lin (1991), Divergence measures based on the Shannon entropy.
    """
    return sum(divergence_terms(counts, reference).values())


def divergence_terms(counts: Mapping[str, float], reference: Mapping[str, float]) -> dict[str, float]:
    """Give each category's term of the divergence; every one is at least zero, and they add up to it."""
    total, reference_total = sum(counts.values()), sum(reference.values())
    terms = {}
    for name in sorted({*counts, *reference}):
        p, q = counts.get(name, 0) / total, reference.get(name, 0) / reference_total
        middle = (p + q) / 2
        terms[name] = sum(share / 2 * math.log2(share / middle) for share in (p, q) if share)
    return terms
