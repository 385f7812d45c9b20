"""The scoring pool: one contract, whatever stands behind it, and the pool in this process."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import msgspec

from inference.embedding_cache import EmbeddingCache
from inference.pairs import PairBatch, ScoredBatch
from inference.repository import ModelName, ModelRepository
from inference.scorer import Scorer
from inference.two_tower import load_two_tower
from schemas.errors import PoolUnavailable

__all__ = ["LocalPool", "ModelName", "PairBatch", "PoolStats", "ScorePool", "ScoredBatch"]


class ScorePool(Protocol):
    """Scores batches of searches with the live match model.

    Batches are independent; each is scored as a whole by one model. A pool that is full makes its callers wait and
    drops nothing.
    """

    async def score(self, batch: PairBatch) -> ScoredBatch:
        """Score every pair of a batch, in the batch's order.

        Raises:
            PoolUnavailable: no model is live, the pool is closed, or no worker answered within the deadline.
        """
        ...

    async def set_live(self, model: ModelName) -> None:
        """Load and warm a model beside the live one, then switch between two batches.

        Raises:
            ModelRefused: the model cannot be used; the one before stays live.
        """
        ...

    async def close(self) -> None:
        """Finish the batches under way and give back what is held. Closing twice is allowed."""
        ...


class _Caching(Protocol):
    """A model with the embeddings that it keeps."""

    items: EmbeddingCache
    queries: EmbeddingCache


class PoolStats(msgspec.Struct, frozen=True):
    """Running totals since the pool was made, for telemetry. Cache figures are those of the live model."""

    searches_total: int
    rows_total: int
    queue_depth: int
    cached_items: int
    item_hits: int
    item_misses: int
    query_hits: int
    query_misses: int

    @classmethod
    def of(cls, live: _Caching | None, *, searches_total: int, rows_total: int, queue_depth: int) -> "PoolStats":
        """Put a pool's totals together with the cache figures of its live model, if it has one."""
        items = live.items if live else None
        queries = live.queries if live else None
        return cls(
            searches_total=searches_total,
            rows_total=rows_total,
            queue_depth=queue_depth,
            cached_items=len(items) if items else 0,
            item_hits=items.hits if items else 0,
            item_misses=items.misses if items else 0,
            query_hits=queries.hits if queries else 0,
            query_misses=queries.misses if queries else 0,
        )


class LocalPool:
    """Scores on one thread of this process, beside the event loop; ONNX Runtime and tokenizer release the lock.

    One scoring thread, so that caches need no locks and batches are scored in the order in which they came.

    Args:
        models_dir: root of the model repository.
        cache_items: item texts to keep embeddings of.
        cache_queries: queries to keep embeddings of.
        max_in_flight: batches handed to the thread at once; further callers wait their turn.
        intra_op_threads: threads ONNX Runtime may share one operator over.
    """

    def __init__(
        self,
        models_dir: Path,
        *,
        cache_items: int = 200_000,
        cache_queries: int = 50_000,
        max_in_flight: int = 4,
        intra_op_threads: int = 1,
    ) -> None:
        self._repository = ModelRepository(models_dir)
        self._cache_items = cache_items
        self._cache_queries = cache_queries
        self._intra_op_threads = intra_op_threads
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="matchwatch-score")
        self._turns = asyncio.Semaphore(max_in_flight)
        self._switching = asyncio.Lock()
        self._live: Scorer | None = None
        self._closed = False
        self._waiting = 0
        self._searches_total = 0
        self._rows_total = 0

    @property
    def live(self) -> ModelName | None:
        """The model that scores the next batch."""
        return self._live.model.model if self._live else None

    async def score(self, batch: PairBatch) -> ScoredBatch:
        """See `ScorePool.score`."""
        self._waiting += 1
        try:
            async with self._turns:
                if self._closed:
                    raise PoolUnavailable("the scoring pool is closed: make a new one")
                scored = await asyncio.get_running_loop().run_in_executor(self._thread, self._score, batch)
        finally:
            self._waiting -= 1
        self._searches_total += len(batch.queries)
        self._rows_total += len(batch.texts)
        return scored

    async def set_live(self, model: ModelName) -> None:
        """See `ScorePool.set_live`. The texts cached for the model before are embedded by the new one first."""
        async with self._switching:
            if self._closed:
                raise PoolUnavailable("the scoring pool is closed: make a new one")
            if self.live != model:
                # Not on the scoring thread: the old model goes on while the new one warms up.
                self._live = await asyncio.to_thread(self._load, model, self._live)

    async def close(self) -> None:
        """See `ScorePool.close`."""
        self._closed = True
        await asyncio.to_thread(self._thread.shutdown)

    def stats(self) -> PoolStats:
        """Figures for the worker's telemetry."""
        return PoolStats.of(
            self._live,
            searches_total=self._searches_total,
            rows_total=self._rows_total,
            queue_depth=self._waiting,
        )

    def _score(self, batch: PairBatch) -> ScoredBatch:
        live = self._live
        if live is None:
            raise PoolUnavailable("no match model is live: set one with a live deployment or score.live")
        return live.score(batch)

    def _load(self, model: ModelName, before: Scorer | None) -> Scorer:
        scorer = Scorer(
            load_two_tower(self._repository.read(model), self._intra_op_threads),
            self._cache_items,
            self._cache_queries,
        )
        if before is not None:
            scorer.warm(before.items.texts(scorer.items.capacity))
        return scorer
