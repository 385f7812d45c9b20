"""Scoring one batch with one model: look up or encode both sides, take cosines, calibrate."""

from collections.abc import Sequence
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from inference.embedding_cache import MISSING, EmbeddingCache
from inference.encoder import Encoded, Encoder
from inference.pairs import PairBatch, ScoredBatch
from inference.two_tower import TwoTower

_WARM_CHUNK = 1024
_ITEMS_AT_ONCE = 2048
"""So that what is gathered stays in the cache, and no allocation is so large that it is given back each time."""


class Scorer:
    """A model with the embeddings it has already computed. For one thread at a time.

    Args:
        model: a loaded match model.
        cache_items: item texts to keep embeddings of.
        cache_queries: queries to keep embeddings of; queries repeat as items do (their frequencies follow Zipf's law).
    """

    def __init__(self, model: TwoTower, cache_items: int, cache_queries: int) -> None:
        self.model = model
        self.items = EmbeddingCache(cache_items, model.items.dim)
        self.queries = EmbeddingCache(cache_queries, model.queries.dim)

    def score(self, batch: PairBatch) -> ScoredBatch:
        """Scores in the order of the items; the same pair gets the same score in any batch (up to 1e-5)."""
        started = perf_counter()
        queries = self._queries(batch.queries)
        owners = np.repeat(np.arange(len(batch.lengths)), batch.lengths)
        return ScoredBatch(
            scores=self.model.probabilities(self._cosines(batch.texts, queries.vectors, owners)),
            model=self.model.model,
            token_counts=queries.token_counts,
            unknown_token_counts=queries.unknown_counts,
            scoring_ms=(perf_counter() - started) * 1000.0,
        )

    def warm(self, texts: Sequence[str]) -> None:
        """Compute embeddings of item texts ahead of their first search."""
        texts = texts[: self.items.capacity]
        for start in range(0, len(texts), _WARM_CHUNK):
            chunk = texts[start : start + _WARM_CHUNK]
            unknown = np.flatnonzero(self.items.find(chunk) == MISSING).tolist()
            self._learn(self.items, self.model.items, [chunk[i] for i in unknown])

    def _queries(self, texts: Sequence[str]) -> Encoded:
        rows = self.queries.find(texts)
        found = self.queries.take(rows)
        missing = np.flatnonzero(rows == MISSING)
        if missing.size:
            # After `take`, so that a row evicted now is one nobody reads any more.
            fresh, inverse = self._learn(self.queries, self.model.queries, [texts[i] for i in missing.tolist()])
            found.vectors[missing] = fresh.vectors[inverse]
            found.token_counts[missing] = fresh.token_counts[inverse]
            found.unknown_counts[missing] = fresh.unknown_counts[inverse]
        return found

    def _cosines(
        self, texts: Sequence[str | None], queries: NDArray[np.float32], owners: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        rows = self.items.find(texts)
        cosines = np.empty(len(rows), np.float32)
        for start in range(0, len(rows), _ITEMS_AT_ONCE):
            part = slice(start, start + _ITEMS_AT_ONCE)
            np.einsum("ij,ij->i", self.items.vectors(rows[part]), queries[owners[part]], out=cosines[part])
        missing = np.flatnonzero(rows == MISSING)
        if missing.size:
            wanted = [text for i in missing.tolist() if (text := texts[i]) is not None]
            fresh, inverse = self._learn(self.items, self.model.items, wanted)
            cosines[missing] = np.einsum("ij,ij->i", fresh.vectors[inverse], queries[owners[missing]])
        return cosines

    def _learn(self, cache: EmbeddingCache, encoder: Encoder, texts: Sequence[str]) -> tuple[Encoded, list[int]]:
        """Embed texts that the cache lacks, and keep them; gives each distinct one once, and which one each text is."""
        place: dict[str, int] = {}
        inverse = [place.setdefault(text, len(place)) for text in texts]
        fresh = encoder.encode(list(place))
        cache.insert(list(place), fresh)
        return fresh, inverse
