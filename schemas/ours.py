"""Decoding topics that only our own stages write: whatever else somebody has put there is one kind of error."""

from typing import Protocol, TypeVar

import msgspec

Decoded_co = TypeVar("Decoded_co", covariant=True)


class Decoder(Protocol[Decoded_co]):
    """What the decoders of `msgspec.json` and `msgspec.msgpack` share."""

    def decode(self, raw: bytes, /) -> Decoded_co:
        """Decode one record."""
        ...


def decode_ours(decoder: Decoder[Decoded_co], raw: bytes) -> Decoded_co:
    """Decode a record; text that is not UTF-8 and nesting without end are no errors of msgspec's own.

    Raises:
        msgspec.DecodeError: the bytes are not what the decoder reads.
    """
    try:
        return decoder.decode(raw)
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(f"{type(error).__name__}: {error}") from error
