"""Rollups: what evaluate counts per series, cohort and horizon; every field adds up over partitions."""

from typing import Final

import msgspec

from schemas.ours import decode_ours
from schemas.scores import Series

LABEL_FREE: Final = 0
"""`horizon_s` of the early rollup that needs no clicks; its label fields are zero."""
POSITION_SLOTS: Final = 20
"""Positions counted one by one; deeper ones share the last slot."""
SCORE_BINS: Final = 64
"""Equal bins of the score histogram over [0, 1]."""
OTHER: Final = "other"
UNKNOWN: Final = "unknown"


class Sketch(msgspec.Struct, array_like=True):
    """A DDSketch (relative error α = 0.01): quantiles of non-negative numbers that add up."""

    count: int = 0
    total: float = 0.0
    """Sum of the values."""
    zeros: int = 0
    """Values too small for a bin of their own."""
    bins: dict[int, int] = {}
    """Count by bin i, which holds (γ^(i−1), γ^i] with γ = (1 + α)/(1 − α)."""


class Moments(msgspec.Struct, array_like=True):
    """Count, sum and sum of squares of one number per search."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0


class Pairs(msgspec.Struct, array_like=True):
    """Pairs of a clicked and an examined, not clicked item of one search, and what their ratio's variance needs.

    With a = 2·concordant + tied and b = 2·all pairs of one search, `aa`, `ab` and `bb` are Σa², Σab and Σb² over
    searches: the delta method's terms for the ratio Σa/Σb.
    """

    concordant: int = 0
    discordant: int = 0
    tied: int = 0
    searches: int = 0
    """Searches with at least one pair."""
    aa: int = 0
    ab: int = 0
    bb: int = 0


class Clicks(msgspec.Struct, array_like=True):
    """Clicked impressions, and what the variance of clicks per impression needs (Σx², Σxm, Σm² over searches)."""

    clicks: int = 0
    purchases: int = 0
    clicked_searches: int = 0
    """Searches with at least one click."""
    xx: int = 0
    xm: int = 0
    mm: int = 0


class SegmentCounts(msgspec.Struct, array_like=True):
    """The scalar counters of one value of one segment dimension, for the drill-down."""

    searches: int = 0
    impressions: int = 0
    clicks: int = 0
    zero_results: int = 0
    latency_count: int = 0
    latency_total_ms: float = 0.0
    match_count: int = 0
    match_total: float = 0.0
    concordant: int = 0
    discordant: int = 0
    tied: int = 0


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
    searches: int = 0
    impressions: int = 0
    zero_results: int = 0
    unscored_searches: int = 0
    missing_titles: int = 0
    tokens: int = 0
    unknown_tokens: int = 0
    latency_ms: Sketch = msgspec.field(default_factory=Sketch)
    scoring_ms: Sketch = msgspec.field(default_factory=Sketch)
    match_at_10: Moments = msgspec.field(default_factory=Moments)
    """Of each search's mean score over its first ten scored positions."""
    score_bins: list[int] = []
    """Scored impressions by score, SCORE_BINS equal bins; empty where none was scored."""
    clicked_score_bins: list[int] = []
    """Scored and clicked impressions by score."""
    shown_at: list[int] = []
    """Impressions by position, POSITION_SLOTS slots."""
    clicked_at: list[int] = []
    """Clicked impressions by position."""
    exposure: dict[str, int] = {}
    """Impressions by category."""
    labels: Clicks = msgspec.field(default_factory=Clicks)
    pairs: Pairs = msgspec.field(default_factory=Pairs)
    """Concordant: the clicked item has the higher match score."""
    shown_pairs: Pairs = msgspec.field(default_factory=Pairs)
    """The same pairs by shown rank; concordant: the clicked item stands higher on the page."""
    segments: dict[str, dict[str, SegmentCounts]] = {}
    """Counters by dimension and value; the rarest beyond the settings' bound are counted as `other`."""
    match_models: dict[str, int] = {}
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
