"""Signal points: one value of one signal for one series and cohort, with what its uncertainty needs."""

from typing import Final

import msgspec

from schemas.scores import Series


class SignalPoint(msgspec.Struct, frozen=True, kw_only=True):
    """One value of one signal."""

    signal: str
    series: Series
    cohort_start_ms: int
    bucket_s: int
    horizon_s: int
    n: int
    """How many units the value rests on: searches, impressions or pairs, as the signal's definition says."""
    value: float | None
    """None where there is too little data to show a value."""
    numerator: float
    denominator: float
    standard_error: float | None
    """In the value's own unit; None where the cohort alone does not tell."""
    variance: float | None = None
    """Sampling variance of the numerator, for readers who add cohorts up: of independent ones it adds up as well."""


_encoder: Final = msgspec.json.Encoder()


def encode_signals(points: list[SignalPoint]) -> bytes:
    """Encode the points of one series and cohort as one record: a JSON array."""
    return _encoder.encode(points)
