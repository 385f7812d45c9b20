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


def jensen_shannon_error(counts: Mapping[str, float], reference: Mapping[str, float]) -> float:
    """Give the standard error of the divergence when the counts are multinomial and the reference is fixed.

    Delta method: Var ≈ (Σ p·g² − (Σ p·g)²)/n, where g = ½·log₂(2p/(p + q)) is the derivative of the divergence by a
    share p (Agresti 2013, Categorical Data Analysis, section 16.1).

    Raises:
        ZeroDivisionError: one of them has no counts at all.
    """
    total, reference_total = sum(counts.values()), sum(reference.values())
    mean = square = 0.0
    for name, count in counts.items():
        p, q = count / total, reference.get(name, 0) / reference_total
        if p:
            slope = math.log2(2 * p / (p + q)) / 2
            mean += p * slope
            square += p * slope * slope
    return math.sqrt(max(0.0, square - mean * mean) / total)


def divergence_terms(counts: Mapping[str, float], reference: Mapping[str, float]) -> dict[str, float]:
    """Give each category's term of the divergence; every one is at least zero, and they add up to it."""
    total, reference_total = sum(counts.values()), sum(reference.values())
    terms = {}
    for name in sorted({*counts, *reference}):
        p, q = counts.get(name, 0) / total, reference.get(name, 0) / reference_total
        middle = (p + q) / 2
        terms[name] = sum(share / 2 * math.log2(share / middle) for share in (p, q) if share)
    return terms
