"""Some queries of a file with all their pairs, the same for a file in any order, in bounded memory."""

from collections.abc import Iterable
from typing import Final

import xxhash

from inference.datasets.pair import LabelledPair

_ALL: Final = 1 << 64


class SampledQueries:
    """Keeps queries whose hash is small, and halves the limit of the hash whenever that is too many.

    Args:
        most: pairs to keep at most.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._below = _ALL
        self._kept: list[tuple[int, LabelledPair]] = []

    def add(self, pairs: Iterable[LabelledPair]) -> None:
        """Take the next pairs."""
        for pair in pairs:
            place = query_hash(pair.query)
            if place < self._below:
                self._kept.append((place, pair))
            while len(self._kept) > self._most and self._below > 1:
                self._below //= 2
                self._kept = [one for one in self._kept if one[0] < self._below]

    def pairs(self) -> list[LabelledPair]:
        """What was kept, in an order that does not depend on the file's."""
        return sorted((pair for _, pair in self._kept), key=lambda pair: tuple(map(str, pair)))


def query_hash(query: str) -> int:
    """Give a query's number, the same everywhere."""
    return xxhash.xxh3_64_intdigest(query.encode())
