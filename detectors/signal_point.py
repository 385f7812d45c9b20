"""Making signal points: what every signal's definition ends with.

A value is a finite number, or the reason why there is none. A standard error of zero is none: what did not vary within
a cohort does not tell how much it could.
"""

from math import isfinite

from detectors.standard_errors import mean_standard_error
from schemas.rollup import Moments, Rollup
from schemas.signals import Reason, SignalPoint


def make_ratio(
    name: str,
    rollup: Rollup,
    ratio: tuple[float, float],
    *,
    n: int,
    error: float | None,
    without: Reason,
) -> SignalPoint:
    """Give a signal that is one sum over another.

    Args:
        name: of the signal.
        rollup: the cohort.
        ratio: numerator and denominator.
        n: units that it rests on.
        error: standard error of the ratio.
        without: why there is no value where there is nothing to divide by.
    """
    value = ratio[0] / ratio[1] if ratio[1] else without
    return make_point(name, rollup, value, ratio, n=n, error=error)


def make_rate(name: str, rollup: Rollup, events: int, *, n: int, error: float) -> SignalPoint:
    """Give a signal that counts events per second of event time; arguments as above."""
    return make_ratio(name, rollup, (events, rollup.bucket_s), n=n, error=error, without=Reason.NO_SEARCHES)


def make_mean(name: str, rollup: Rollup, moments: Moments, *, without: Reason) -> SignalPoint:
    """Give a signal that is the mean of independent numbers; arguments as above."""
    error = mean_standard_error(moments.count, moments.total, moments.squares)
    ratio = (moments.total, moments.count)
    return make_ratio(name, rollup, ratio, n=moments.count, error=error, without=without)


def make_point(
    name: str,
    rollup: Rollup,
    value: float | Reason,
    ratio: tuple[float, float],
    *,
    n: int,
    error: float | None,
) -> SignalPoint:
    """Give a signal whose value is not, or not always, its numerator over its denominator."""
    if isinstance(value, Reason):
        error = None
    elif not isfinite(value):
        value, ratio, error = Reason.NOT_FINITE, (0.0, 0.0), None
    elif error is not None and not (error > 0 and isfinite(error)):
        error = None
    return SignalPoint(
        signal=name,
        series=rollup.series,
        cohort_start_ms=rollup.cohort_start_ms,
        bucket_s=rollup.bucket_s,
        horizon_s=rollup.horizon_s,
        n=n,
        value=None if isinstance(value, Reason) else value,
        numerator=float(ratio[0]),
        denominator=float(ratio[1]),
        standard_error=error,
        variance=None if error is None else (error * ratio[1]) ** 2,
        reason=value.value if isinstance(value, Reason) else None,
    )


def no_point(name: str, rollup: Rollup, reason: Reason, *, n: int) -> SignalPoint:
    """Give a signal without a value: nothing adds up to it either."""
    return make_point(name, rollup, reason, (0.0, 0.0), n=n, error=None)
