"""Scoring one batch with one model: look up or encode both sides, take cosines, calibrate."""

from collections.abc import Sequence
from time import perf_counter

import numpy as np

from inference.embedding_cache import MISSING, EmbeddingCache
from inference.encoder import Encoded, Encoder
from inference.pairs import PairBatch, ScoredBatch
from inference.two_tower import TwoTower

_WARM_CHUNK = 1024


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
        queries = self._embed(self.queries, self.model.queries, batch.queries)
        items = self._embed(self.items, self.model.items, batch.texts)
        owners = np.repeat(np.arange(len(batch.lengths)), batch.lengths)
        cosines = np.einsum("ij,ij->i", items.vectors, queries.vectors[owners])
        return ScoredBatch(
            scores=self.model.probabilities(cosines),
            model=self.model.model,
            token_counts=queries.token_counts,
            unknown_token_counts=queries.unknown_counts,
            scoring_ms=(perf_counter() - started) * 1000.0,
        )

    def warm(self, texts: Sequence[str]) -> None:
        """Compute embeddings of item texts ahead of their first search."""
        texts = texts[: self.items.capacity]
        for start in range(0, len(texts), _WARM_CHUNK):
            self._embed(self.items, self.model.items, texts[start : start + _WARM_CHUNK])

    def _embed(self, cache: EmbeddingCache, encoder: Encoder, texts: Sequence[str | None]) -> Encoded:
        """Embeddings of texts in their order, from the cache where it has them."""
        rows = cache.find(texts)
        found = cache.take(rows)
        missing = np.flatnonzero(rows == MISSING)
        if missing.size:
            place: dict[str, int] = {}
            inverse = [place.setdefault(text, len(place)) for i in missing.tolist() if (text := texts[i]) is not None]
            fresh = encoder.encode(list(place))
            found.vectors[missing] = fresh.vectors[inverse]
            found.token_counts[missing] = fresh.token_counts[inverse]
            found.unknown_counts[missing] = fresh.unknown_counts[inverse]
            # After the copies above, so that a row evicted now is one nobody reads any more.
            cache.insert(list(place), fresh)
        return found
