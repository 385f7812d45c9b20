"""Making signal points: what every signal's definition ends with."""

from schemas.rollup import Rollup
from schemas.signals import SignalPoint


def make_ratio(
    name: str, rollup: Rollup, numerator: float, denominator: float, *, n: int, error: float | None
) -> SignalPoint:
    """Give a signal that is one sum over another; no value where there is nothing to divide by."""
    value = numerator / denominator if denominator else None
    return make_point(name, rollup, value, (numerator, denominator), n=n, error=error)


def make_point(
    name: str,
    rollup: Rollup,
    value: float | None,
    ratio: tuple[float, float],
    *,
    n: int,
    error: float | None,
) -> SignalPoint:
    """Give a signal whose value is not, or not always, its numerator over its denominator."""
    return SignalPoint(
        signal=name,
        series=rollup.series,
        cohort_start_ms=rollup.cohort_start_ms,
        bucket_s=rollup.bucket_s,
        horizon_s=rollup.horizon_s,
        n=n,
        value=value,
        numerator=float(ratio[0]),
        denominator=float(ratio[1]),
        standard_error=error,
        variance=None if error is None else (error * ratio[1]) ** 2,
    )


def no_point(name: str, rollup: Rollup, *, n: int) -> SignalPoint:
    """Give a signal without a value: nothing adds up to it either."""
    return make_point(name, rollup, None, (0.0, 0.0), n=n, error=None)
