"""Cutting what is too large for one record of the state into pieces, and putting it together again."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

CUT_BYTES: Final = 500_000
"""A part larger than this is cut: half of what a broker takes in one record by default."""

_encoder: Final = msgspec.msgpack.Encoder()


def cut_part(name: str, part: dict[str, Any]) -> dict[str, Any]:
    """Give a part as it is or, where it is large, in pieces of its msgpack bytes.

    Long names in many dimensions over several horizons make a series larger than a record may be.

    Returns:
        Under `name` the part, or how many pieces there are; and the pieces under `piece:<number>:<name>`.
    """
    encoded = _encoder.encode(part)
    if len(encoded) <= CUT_BYTES:
        return {name: part}
    pieces = [encoded[start : start + CUT_BYTES] for start in range(0, len(encoded), CUT_BYTES)]
    return {name: {"pieces": len(pieces)}} | {_piece(name, i): piece for i, piece in enumerate(pieces)}


def whole_part(name: str, parts: Mapping[str, Any]) -> Any:
    """Give the part that `cut_part` was given, from all parts of the state.

    Raises:
        KeyError: a piece is missing.
    """
    part = parts[name]
    if "pieces" not in part:
        return part
    return msgspec.msgpack.decode(b"".join(parts[_piece(name, i)] for i in range(part["pieces"])))


def _piece(name: str, number: int) -> str:
    return f"piece:{number:03}:{name}"
