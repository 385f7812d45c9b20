"""Match scores: validated searches with the match probability of every shown item, as columns.

One record of `match-scores` holds a block of searches in the order of their source partition, every field a column of
little-endian numbers, so that evaluate reads a thousand searches with a dozen array views instead of a thousand
structs. Texts stay behind in `search-events`; ids are kept as 64-bit hashes.
"""

from typing import Final

import msgspec
import xxhash

from schemas.ours import decode_ours

SCORE_STEPS: Final = 4096
"""Scores are stored as round(score · 4096): comparisons and ties are those of the stored number."""
NULL_SCORE: Final = 0xFFFF
"""Stored score of an item without text, or of a search that passed unscored."""
MAX_TABLE_VALUES: Final = 0xFFFF

LONGEST_NAME: Final = 256
"""Characters kept of an application's or a model's name or version."""

FLAG_MISROUTED: Final = 1
"""The record lay in a partition that its key does not belong to."""
FLAG_UNSCORED: Final = 2
"""No pool worker answered in time: the scores are null."""
FLAG_UNKNOWN_FIELDS: Final = 4
"""The record had fields that the contract does not know."""


def id_hash(text: str) -> int:
    """Hash an id to 64 bits, the same on every machine (XXH3)."""
    return hash_bytes(text.encode("utf-8"))


hash_bytes: Final = xxhash.xxh3_64_intdigest
"""`id_hash` of a text that has been encoded already."""


class Series(msgspec.Struct, frozen=True, order=True, array_like=True):
    """What a number is about: a ranking model's version on one surface of an application."""

    application: str
    surface: str
    model: str
    version: str

    def all_versions(self) -> "Series":
        """Give the series that every version of this surface is folded into as well."""
        return Series(self.application, self.surface, "*", "*")


PIPELINE: Final = Series("*", "*", "*", "*")
"""The pipeline itself: all applications and surfaces together. No surface is called so."""


class Column(msgspec.Struct, frozen=True, array_like=True):
    """A text column: the distinct values, and an index into them for each row."""

    values: list[str]
    index: bytes
    """uint16, one for each row of the block (or each item, for `categories`)."""


class ScoreBlock(msgspec.Struct, frozen=True, array_like=True, tag="block"):
    """A block of n searches with m shown items, in source order; columns are little-endian.

    Items of a search are its distinct object ids in order of position (stable in the order of the page), so the
    first `item_counts[0]` items belong to the first search, and so on.
    """

    match_model: tuple[str, str]
    """Name and version of the model that scored; two empty strings where nothing was scored."""
    scoring_ms: float
    """What the pool took for the batch that this block was part of."""
    source_offsets: bytes
    """int64 [n]: offset of each search in `search-events`, increasing."""
    times_ms: bytes
    """int64 [n]: event time, epoch milliseconds."""
    query_ids: bytes
    """uint64 [n]: `id_hash(query_id)`."""
    series: list[Series]
    series_index: bytes
    """uint16 [n]: which of `series` a search belongs to."""
    latencies_ms: bytes
    """float64 [n]: as the shop reported it; NaN where it reported none."""
    flags: bytes
    """uint8 [n]: sum of the FLAG_ constants."""
    missing_titles: bytes
    """uint32 [n]: shown items without title in event and catalogue."""
    tokens: bytes
    """uint32 [n]: tokens of the query."""
    unknown_tokens: bytes
    """uint32 [n]: tokens of the query that the match model's vocabulary lacks."""
    item_counts: bytes
    """uint32 [n]: distinct items shown."""
    item_ids: bytes
    """uint64 [m]: `id_hash(object_id)`."""
    positions: bytes
    """uint32 [m]: position on the page, from 1; beyond 2³¹ renumbered, keeping order, equality and neighbours."""
    scores: bytes
    """uint16 [m]: round(score · 4096), or NULL_SCORE."""
    categories: Column
    """Category of each item [m]; `unknown` where neither event nor catalogue has one."""
    segments: dict[str, Column]
    """Segment values [n] by dimension, as the settings declare them; `unknown` where absent."""


class ScoreControl(msgspec.Struct, frozen=True, array_like=True, tag="control"):
    """What score says about its source partition every second, between its blocks."""

    partition: int
    next_source_offset: int
    """Every source record below it has been scored, or is a dead letter."""
    totals: dict[str, int]
    """Records since the log began, by verdict: `valid`, and each reason of invalid ones."""
    idle: bool
    """The consumer has stood at the end of its source for `idle_timeout_s`."""
    wall_ms: int
    """When this was written: epoch milliseconds of the writer's clock."""
    watermark_ms: int | None = None
    """Set once where the source ends on purpose (`replay --finish`): nothing older will come."""
    lag_ms: int | None = None
    """How long ago the latest search that was scored had arrived; 0 where none waits, None where nobody looked."""


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final[msgspec.msgpack.Decoder[ScoreBlock | ScoreControl]] = msgspec.msgpack.Decoder(ScoreBlock | ScoreControl)


def encode_scores(record: ScoreBlock | ScoreControl) -> bytes:
    """Encode a record of `match-scores`."""
    return _encoder.encode(record)


def decode_scores(raw: bytes) -> ScoreBlock | ScoreControl:
    """Decode a record of `match-scores`.

    Raises:
        msgspec.DecodeError: the bytes were not written by `encode_scores`.
    """
    return decode_ours(_decoder, raw)
