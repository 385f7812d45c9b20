"""Signal points: one value of one signal for one series and cohort, with what its uncertainty needs."""

from enum import StrEnum
from typing import Final

import msgspec

from schemas.scores import Series


class Reason(StrEnum):
    """Why a signal has no value in a cohort."""

    NO_SEARCHES = "no_searches"
    NO_IMPRESSIONS = "no_impressions"
    NO_CLICKS = "no_clicks"
    NO_SCORES = "no_scores"
    """No match model has scored."""
    NO_PAIRS = "no_pairs"
    """On no page a scored item was clicked and another one passed over."""
    NO_TOKENS = "no_tokens"
    NO_LATENCIES = "no_latencies"
    """The shop reported none, or nothing was sent to the pool."""
    NO_REPORTS = "no_reports"
    """No worker has reported it."""
    TOO_FEW_VALUES = "too_few_values"
    """The quantile would be their maximum."""
    TOO_FEW_CLICKS = "too_few_clicks"
    TOO_FEW_IMPRESSIONS = "too_few_impressions"
    """Of them all, or of those without a click."""
    ONE_CLASS = "one_class"
    """All impressions were clicked, or none."""
    ONE_BIN = "one_bin"
    """All scores are alike: they tell nothing apart, or have no shape to compare."""
    ONE_CATEGORY = "one_category"
    NO_REFERENCE = "no_reference"
    """The earlier window that it compares with is still being learned."""
    NOTHING_BEYOND = "nothing_beyond"
    """One in a hundred queries of that window had only unknown tokens: none can be stranger."""
    REFERENCE_WITHOUT_CLICKS = "reference_without_clicks"
    """In that window nobody clicked on the first position, or on any that is shown now: nothing is predicted."""
    NOT_FINITE = "not_finite"
    """Numbers beyond what can be divided: no verdict rests on them."""


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
    """None where there is too little data to show a value; `reason` says what is missing."""
    numerator: float
    denominator: float
    standard_error: float | None
    """In the value's own unit; None where neither the cohort nor the cohorts before it tell."""
    variance: float | None = None
    """Sampling variance of the numerator, for readers who add cohorts up: of independent ones it adds up as well."""
    reason: str | None = None
    """Why there is no value: a word of `Reason`; later versions may know more."""


_encoder: Final = msgspec.json.Encoder()


def encode_signals(points: list[SignalPoint]) -> bytes:
    """Encode the points of one series and cohort as one record: a JSON array."""
    return _encoder.encode(points)
