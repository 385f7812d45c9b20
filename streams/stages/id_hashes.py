"""Hashes of object ids, which come again and again."""

import struct
from collections.abc import Sequence
from typing import Final

from schemas.scores import id_hash

_MAX_KNOWN: Final = 500_000
_LONGEST_KNOWN: Final = 256
"""Characters of the longest id that is remembered: ids may be as long as a record, and must not fill the memory."""
_pack: Final = struct.Struct("<Q").pack


class IdHashes:
    """Remembers `id_hash` of ids, as it stands in a block: eight bytes each, little-endian.

    Bounded by forgetting all at once. Joining known bytes takes a third of the time of making numbers into an array.
    """

    def __init__(self) -> None:
        self._known: dict[str, bytes] = {}

    def column(self, ids: Sequence[str]) -> bytes:
        """Give the hashes of some ids, one behind the other."""
        try:
            return b"".join(map(self._known.get, ids))  # type: ignore[arg-type]  # None, of a new id, is a TypeError
        except TypeError:
            return self._learned(ids)

    def _learned(self, ids: Sequence[str]) -> bytes:
        if len(self._known) + len(ids) > _MAX_KNOWN:
            self._known.clear()
        known = self._known
        hashes = []
        for name in ids:
            packed = known.get(name)
            if packed is None:
                packed = _pack(id_hash(name))
                if len(name) <= _LONGEST_KNOWN:
                    known[name] = packed
            hashes.append(packed)
        return b"".join(hashes)
