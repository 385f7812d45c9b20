"""Rollups: what evaluate counts per series, cohort and horizon; every field adds up over partitions."""

import sys
from typing import Annotated, Final

import msgspec

from schemas.ours import decode_ours
from schemas.scores import Series

LABEL_FREE: Final = 0
"""`horizon_s` of the early rollup that needs no clicks; its label fields are zero."""
POSITION_SLOTS: Final = 20
"""Positions counted one by one; deeper ones share the last slot."""
SCORE_BINS: Final = 64
"""Equal bins of the score histogram over [0, 1]."""
UNKNOWN_SHARES: Final = 17
"""Slots for the share of a query's tokens that are unknown: none, up to 1/16, up to 2/16, …, up to all."""
LARGEST_COUNT: Final = (1 << 62) - 1
"""No count in a rollup is larger: two of them add up in 64 bits. Sums of squares stop there, see `rollup_merge`."""
LOWEST_BIN: Final = -400
HIGHEST_BIN: Final = 1400
"""Bins of a sketch for values from a thousandth to 10¹², see `detectors.sketch`."""
OTHER: Final = "other"
UNKNOWN: Final = "unknown"

# The decoder sees that every number is one that can be added up: looking at them afterwards took longer than decoding.
Count = Annotated[int, msgspec.Meta(ge=0, le=LARGEST_COUNT)]
Total = Annotated[float, msgspec.Meta(ge=0, le=sys.float_info.max)]
"""A sum of numbers that are not negative; neither infinite nor no number."""
Bin = Annotated[int, msgspec.Meta(ge=LOWEST_BIN, le=HIGHEST_BIN)]


class Sketch(msgspec.Struct, array_like=True):
    """A DDSketch (relative error α = 0.01): quantiles of non-negative numbers that add up."""

    count: Count = 0
    total: Total = 0.0
    """Sum of the values."""
    zeros: Count = 0
    """Values too small for a bin of their own."""
    bins: dict[Bin, Count] = {}
    """Count by bin i, which holds (γ^(i−1), γ^i] with γ = (1 + α)/(1 − α)."""


class Moments(msgspec.Struct, array_like=True):
    """Count, sum and sum of squares of one number per search."""

    count: Count = 0
    total: Total = 0.0
    squares: Total = 0.0


class Pairs(msgspec.Struct, array_like=True):
    """Pairs of a clicked and an examined, not clicked item of one search, and what their ratio's variance needs.

    With a = 2·concordant + tied and b = 2·all pairs of one search, `aa`, `ab` and `bb` are Σa², Σab and Σb² over
    searches: the delta method's terms for the ratio Σa/Σb.
    """

    concordant: Count = 0
    discordant: Count = 0
    tied: Count = 0
    searches: Count = 0
    """Searches with at least one pair."""
    aa: Count = 0
    ab: Count = 0
    bb: Count = 0


class Clicks(msgspec.Struct, array_like=True):
    """Clicked impressions, and what the variance of clicks per impression needs (Σx², Σxm, Σm² over searches)."""

    clicks: Count = 0
    purchases: Count = 0
    clicked_searches: Count = 0
    """Searches with at least one click."""
    xx: Count = 0
    xm: Count = 0
    mm: Count = 0


class SegmentCounts(msgspec.Struct, array_like=True):
    """The scalar counters of one value of one segment dimension, for the drill-down."""

    searches: Count = 0
    impressions: Count = 0
    clicks: Count = 0
    zero_results: Count = 0
    latency_count: Count = 0
    latency_total_ms: Total = 0.0
    match_count: Count = 0
    match_total: Total = 0.0
    concordant: Count = 0
    discordant: Count = 0
    tied: Count = 0


class Exemplar(msgspec.Struct, frozen=True, array_like=True):
    """One search of the cohort, chosen by the hash of its id: where its text lies, and what came of it."""

    id_hash: int
    partition: int
    source_offset: int
    """Offset in `search-events`."""
    scores: list[int | None]
    """Of the first ten items by position, in steps of 1/4096; None where not scored."""
    clicked: list[int]
    """Which of those items were clicked within the horizon, counted from 0."""


class Rollup(msgspec.Struct, tag="rollup"):
    """Counts of one (series, cohort, horizon), from one partition or summed over several."""

    series: Series
    cohort_start_ms: int
    bucket_s: int
    horizon_s: int
    """How long after the search clicks count; LABEL_FREE for the early rollup without any."""
    partition: int
    """Where it was counted; −1 for a sum over partitions."""
    searches: Count = 0
    impressions: Count = 0
    zero_results: Count = 0
    unscored_searches: Count = 0
    missing_titles: Count = 0
    tokens: Count = 0
    unknown_tokens: Count = 0
    latency_ms: Sketch = msgspec.field(default_factory=Sketch)
    scoring_ms: Sketch = msgspec.field(default_factory=Sketch)
    match_at_10: Moments = msgspec.field(default_factory=Moments)
    """Of each search's mean score over its first ten scored positions."""
    score_bins: list[Count] = []
    """Scored impressions by score, SCORE_BINS equal bins; empty where none was scored."""
    clicked_score_bins: list[Count] = []
    """Scored and clicked impressions by score."""
    shown_at: list[Count] = []
    """Impressions by position, POSITION_SLOTS slots."""
    clicked_at: list[Count] = []
    """Clicked impressions by position."""
    exposure: dict[str, Count] = {}
    """Impressions by category."""
    labels: Clicks = msgspec.field(default_factory=Clicks)
    pairs: Pairs = msgspec.field(default_factory=Pairs)
    """Concordant: the clicked item has the higher match score."""
    shown_pairs: Pairs = msgspec.field(default_factory=Pairs)
    """The same pairs by shown rank; concordant: the clicked item stands higher on the page."""
    ndcg_at_10: Moments = msgspec.field(default_factory=Moments)
    """Of the shown order of each search with a click; a click is a gain of one, the discount is log₂."""
    mrr: Moments = msgspec.field(default_factory=Moments)
    """Of one over the place of each search's uppermost click."""
    unknown_share_bins: list[Count] = []
    """Searches with tokens by the share of them that the match model's vocabulary lacks, UNKNOWN_SHARES slots."""
    segments: dict[str, dict[str, SegmentCounts]] = {}
    """Counters by dimension and value; the rarest beyond the settings' bound are counted as `other`."""
    match_models: dict[str, Count] = {}
    """Searches by the match model that scored them, as name/version."""
    exemplars: list[Exemplar] = []
    """At most three, those with the smallest hashes."""


class RollupControl(msgspec.Struct, frozen=True, tag="control"):
    """What evaluate says about one partition, after every rollup it covers has been acknowledged."""

    partition: int
    partitions: int
    """How many partitions the fold is spread over."""
    closed_through_ms: dict[int, int]
    """By horizon: every cohort that starts before it has been emitted."""
    watermark_ms: int
    """The smaller of the watermarks of searches and clicks."""
    largest_time_ms: int
    """Largest accepted event time of the partition's searches; 0 before the first."""
    idle: bool
    """Both sources have stood at their ends for `idle_timeout_s`."""
    wall_ms: int
    """When this was written: epoch milliseconds of the writer's clock."""
    totals: dict[str, int] = {}
    """Counters of the partition since its log began, by name."""
    lag_ms: int | None = None
    """How long events wait until score and evaluate have read them, added up; None where nobody looked."""


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final[msgspec.msgpack.Decoder[Rollup | RollupControl]] = msgspec.msgpack.Decoder(Rollup | RollupControl)
_rollup_decoder: Final = msgspec.msgpack.Decoder(Rollup)
_key_encoder: Final = msgspec.json.Encoder()


def encode_rollup(record: Rollup | RollupControl) -> bytes:
    """Encode a record of `rollups`."""
    return _encoder.encode(record)


def decode_rollup(raw: bytes) -> Rollup | RollupControl:
    """Decode a record of `rollups`.

    Raises:
        msgspec.DecodeError: the bytes were not written by `encode_rollup`.
    """
    return decode_ours(_decoder, raw)


def unpack_rollup(raw: bytes) -> Rollup:
    """Decode a rollup of `encode_rollup` that never left this process."""
    return _rollup_decoder.decode(raw)


def series_key(series: Series) -> bytes:
    """Give the record key of a series: its four names as a JSON array."""
    return _key_encoder.encode(series)
