"""Silences: what people ask not to be told about for a while, one JSON object a record, newest of each id."""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from schemas.errors import BadRecord
from schemas.ours import decode_ours
from schemas.timestamps import timestamp_ms

MAX_MATCHERS: Final = 10
LONGEST_ID: Final = 100
"""Characters."""
LONGEST_S: Final = 366 * 86_400
"""A year: one that was to last longer is a slip, and nobody would be paged for years."""

MatcherName = Literal["application", "surface", "model", "version", "rule", "signal", "severity"]
_Id = Annotated[str, Meta(min_length=1, max_length=LONGEST_ID)]
_Value = Annotated[str, Meta(max_length=500)]


class SilenceMatcher(msgspec.Struct, frozen=True):
    """One condition on an alert."""

    name: MatcherName
    value: _Value
    is_pattern: bool = False
    """The value is a shell pattern of `*`, `?` and `[...]`; otherwise it must be equal."""
    is_equal: bool = True
    """False turns the condition round."""


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts that all matchers fit page nobody from `starts_at` until before `ends_at`, both event times."""

    id: _Id
    matchers: Annotated[list[SilenceMatcher], Meta(min_length=1, max_length=MAX_MATCHERS)]
    starts_at: str
    """RFC 3339."""
    ends_at: str
    """RFC 3339; not before `starts_at`, and at most 366 days after it. One that was expired early ends when that was
    asked for."""
    created_by: _Value
    comment: _Value = ""

    @property
    def starts_ms(self) -> int:
        """Its beginning, epoch milliseconds."""
        return timestamp_ms(self.starts_at, "starts_at")

    @property
    def ends_ms(self) -> int:
        """Its end, epoch milliseconds."""
        return timestamp_ms(self.ends_at, "ends_at")


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(Silence)


def encode_silence(silence: Silence) -> bytes:
    """Encode a silence."""
    return _encoder.encode(silence)


def decode_silence(raw: bytes) -> Silence:
    """Decode a silence, and see that its times are times.

    Raises:
        msgspec.DecodeError: the bytes are no silence.
    """
    silence = decode_ours(_decoder, raw)
    try:
        starts_ms, ends_ms = silence.starts_ms, silence.ends_ms
    except BadRecord as error:
        raise msgspec.ValidationError(error.message) from None
    if ends_ms < starts_ms:
        raise msgspec.ValidationError(f"ends_at {silence.ends_at} lies before starts_at {silence.starts_at}")
    if ends_ms - starts_ms > LONGEST_S * 1000:
        raise msgspec.ValidationError(
            f"ends_at {silence.ends_at} lies more than 366 days after starts_at {silence.starts_at}; end it sooner"
        )
    return silence
