"""A bounded cache of embeddings: one array of rows, one dictionary from text to row, CLOCK eviction.

The key is the text itself: an embedding depends on nothing else, so a changed title can never meet a stale vector,
equal titles share a row, and a warm search costs one dictionary lookup an item. One cache belongs to one model version.
"""

from collections.abc import Sequence
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from inference.encoder import Encoded

NO_TEXT_ROW = 0  # the row of `None`: a vector of NaN, so a missing text becomes a missing score without a branch
MISSING = -1
_MAX_KEY_CHARACTERS = 1024  # longer texts are encoded each time: they must not fill the memory as keys


class EmbeddingCache:
    """Vectors, token counts and unknown-token counts of up to `capacity` texts.

    Not for several threads at once.

    Args:
        capacity: texts at most, ≥ 1; memory is 4 * dim + about 200 bytes each.
        dim: width of an embedding.

    Attributes:
        hits: texts found so far, missing texts (None) included.
        misses: texts not found so far.
    """

    def __init__(self, capacity: int, dim: int) -> None:
        self.capacity = capacity
        # np.empty touches no page before a row is used, so an empty cache costs nothing.
        self._vectors: NDArray[np.float32] = np.empty((capacity + 1, dim), np.float32)
        self._token_counts: NDArray[np.int32] = np.zeros(capacity + 1, np.int32)
        self._unknown_counts: NDArray[np.int32] = np.zeros(capacity + 1, np.int32)
        self._vectors[NO_TEXT_ROW] = np.nan
        self.hits = 0
        self.misses = 0
        self._row_of: dict[str | None, int] = {None: NO_TEXT_ROW}
        self._text_at: list[str | None] = [None]
        self._referenced = np.zeros(capacity + 1, np.bool_)
        self._hand = 1

    def __len__(self) -> int:
        return len(self._row_of) - 1

    def find(self, texts: Sequence[str | None]) -> NDArray[np.int64]:
        """Rows of texts, int64, shape (texts,); `MISSING` for unknown ones, `NO_TEXT_ROW` for None."""
        rows = np.fromiter(map(self._row_of.get, texts, repeat(MISSING)), np.int64, len(texts))
        known = rows[rows >= NO_TEXT_ROW]
        self._referenced[known] = True
        self.hits += len(known)
        self.misses += len(rows) - len(known)
        return rows

    def vectors(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Copies of the vectors of rows; those of `MISSING` are any vector."""
        return self._vectors.take(rows, axis=0)

    def take(self, rows: NDArray[np.int64]) -> Encoded:
        """Copies of rows; those of `MISSING` hold anything and are the caller's to fill."""
        return Encoded(self._vectors[rows], self._token_counts[rows], self._unknown_counts[rows])

    def texts(self, limit: int) -> list[str]:
        """Up to `limit` cached texts. May be called while another thread inserts."""
        return [text for text in self._text_at[max(0, len(self._text_at) - limit) :] if text is not None]

    def insert(self, texts: Sequence[str], encoded: Encoded) -> None:
        """Keep texts that are distinct and not yet cached; of more than `capacity` the first are kept."""
        chosen = [i for i, text in enumerate(texts) if len(text) <= _MAX_KEY_CHARACTERS][: self.capacity]
        rows = self._free_rows(len(chosen))
        for i, row in zip(chosen, rows.tolist(), strict=True):
            text = texts[i]
            if row == len(self._text_at):
                self._text_at.append(text)
            else:
                del self._row_of[self._text_at[row]]
                self._text_at[row] = text
            self._row_of[text] = row
        self._vectors[rows] = encoded.vectors[chosen]
        self._token_counts[rows] = encoded.token_counts[chosen]
        self._unknown_counts[rows] = encoded.unknown_counts[chosen]
        self._referenced[rows] = True

    def _free_rows(self, wanted: int) -> NDArray[np.int64]:
        """Unused rows first, then rows not referenced since the clock's hand last passed them."""
        unused = np.arange(len(self._text_at), min(len(self._text_at) + wanted, self.capacity + 1))
        self._referenced[unused] = True  # taken: the hand must not take them a second time
        found = [unused]
        wanted -= len(unused)
        while wanted > 0:
            window = np.arange(self._hand, min(self._hand + 2 * wanted + 64, self.capacity + 1))
            victims = window[~self._referenced[window]][:wanted]
            passed = window if len(victims) < wanted else window[: int(victims[-1]) - self._hand + 1]
            self._referenced[passed] = False
            self._referenced[victims] = True
            found.append(victims)
            wanted -= len(victims)
            self._hand = int(passed[-1]) % self.capacity + 1
        return np.concatenate(found)
