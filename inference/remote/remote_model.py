"""A match model that workers elsewhere run: how a batch is scored, and the embeddings that are kept here."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from time import perf_counter
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from inference.embedding_cache import MISSING, EmbeddingCache
from inference.encoder import Encoded
from inference.manifest import Calibration
from inference.pairs import PairBatch, ScoredBatch
from inference.protocol.calls import InferAnswer, InferCall
from inference.protocol.tensors import texts_tensor
from inference.repository import ModelName
from schemas.errors import PoolUnavailable

_T = TypeVar("_T")
Ask = Callable[[InferCall], Awaitable[InferAnswer]]

CHUNK_ROWS: Final = 256
"""Rows of a request: what a worker takes as one batch."""
_MAX_CHARACTERS: Final = 4096  # encoders look at no more


class RemoteTower:
    """A model whose encoders are served: each text goes to a worker once, P(match) is computed here.

    Args:
        model: its name and version.
        ask: sends a call to the pool.
        dim: width of an embedding.
        calibration: of the cosine.
    """

    def __init__(
        self,
        model: ModelName,
        ask: Ask,
        dim: int,
        calibration: Calibration,
        *,
        cache_items: int,
        cache_queries: int,
    ) -> None:
        self.model = model
        self._ask = ask
        self._dim = dim
        self._calibration = calibration
        self.items = EmbeddingCache(cache_items, dim)
        self.queries = EmbeddingCache(cache_queries, dim)

    async def score(self, batch: PairBatch) -> ScoredBatch:
        """Score a batch; see `ScorePool.score`."""
        started_s = perf_counter()
        queries, items = await _all(
            [self._encoded("query", self.queries, batch.queries), self._encoded("item", self.items, batch.texts)]
        )
        owners = np.repeat(np.arange(len(batch.lengths)), batch.lengths)
        cosines = np.einsum("ij,ij->i", items.vectors, queries.vectors[owners])
        logits = np.float32(self._calibration.a) * cosines + np.float32(self._calibration.b)
        with np.errstate(over="ignore"):
            scores = (np.float32(1) / (np.float32(1) + np.exp(-logits))).astype(np.float32)
        return ScoredBatch(
            scores, self.model, queries.token_counts, queries.unknown_counts, (perf_counter() - started_s) * 1000
        )

    async def warm(self, texts: Sequence[str]) -> None:
        """Get the embeddings of item texts ahead of their first search."""
        for start in range(0, len(texts), 8 * CHUNK_ROWS):
            await self._encoded("item", self.items, texts[start : start + 8 * CHUNK_ROWS])

    async def _encoded(self, role: str, cache: EmbeddingCache, texts: Sequence[str | None]) -> Encoded:
        rows = cache.find(texts)
        found = cache.take(rows)  # copies: what is evicted while we wait is not missed
        missing = np.flatnonzero(rows == MISSING).tolist()
        if missing:
            wanted: dict[str, int] = {}
            place = [wanted.setdefault(texts[i] or "", len(wanted)) for i in missing]
            fresh = await self._fetched(role, list(wanted))
            found.vectors[missing] = fresh.vectors[place]
            found.token_counts[missing] = fresh.token_counts[place]
            found.unknown_counts[missing] = fresh.unknown_counts[place]
            _keep(cache, list(wanted), fresh)
        return found

    async def _fetched(self, role: str, texts: list[str]) -> Encoded:
        encoded = Encoded(
            np.full((len(texts), self._dim), np.nan, np.float32),
            np.zeros(len(texts), np.int32),
            np.zeros(len(texts), np.int32),
        )
        # A server that is not ours may have no idea of a blank text. By length, so that little of a batch is padding.
        there = sorted((i for i, text in enumerate(texts) if text.strip()), key=lambda i: len(texts[i]))
        chunks = [there[start : start + CHUNK_ROWS] for start in range(0, len(there), CHUNK_ROWS)]

        async def fetch(chunk: list[int]) -> None:
            column = texts_tensor("text", [texts[i][:_MAX_CHARACTERS] for i in chunk])
            call = InferCall(f"{self.model.name}.{role}", self.model.version, [column], binary_default=True)
            answer = await self._ask(call)
            encoded.vectors[chunk] = _output(answer, "embedding", (len(chunk), self._dim))
            for name, counts in (("tokens", encoded.token_counts), ("unknown_tokens", encoded.unknown_counts)):
                if answer.output(name) is not None:  # ours gives them; without them queries are never strange
                    counts[chunk] = _output(answer, name, (len(chunk), 1))[:, 0]

        await _all(fetch(chunk) for chunk in chunks)
        return encoded


class RemotePairs:
    """A model that is served as a whole: every pair goes to a worker."""

    def __init__(self, model: ModelName, ask: Ask) -> None:
        self.model = model
        self._ask = ask
        self.items = EmbeddingCache(1, 1)
        self.queries = EmbeddingCache(1, 1)

    async def score(self, batch: PairBatch) -> ScoredBatch:
        """Score a batch; see `ScorePool.score`. Tokens are not counted: the protocol has no word for them."""
        started_s = perf_counter()
        owners = np.repeat(np.arange(len(batch.lengths)), batch.lengths).tolist()
        scores = np.full(len(batch.texts), np.nan, np.float32)
        rows = [
            i
            for i, (text, owner) in enumerate(zip(batch.texts, owners, strict=True))
            if text and text.strip() and batch.queries[owner].strip()
        ]
        rows.sort(key=lambda i: len(batch.texts[i] or ""))

        async def fetch(chunk: list[int]) -> None:
            columns = [
                texts_tensor("query", [batch.queries[owners[i]][:_MAX_CHARACTERS] for i in chunk]),
                texts_tensor("item", [(batch.texts[i] or "")[:_MAX_CHARACTERS] for i in chunk]),
            ]
            answer = await self._ask(InferCall(self.model.name, self.model.version, columns, binary_default=True))
            scores[chunk] = _output(answer, "match", (len(chunk), 1))[:, 0]

        await _all(fetch(rows[start : start + CHUNK_ROWS]) for start in range(0, len(rows), CHUNK_ROWS))
        none = np.zeros(len(batch.queries), np.int32)
        return ScoredBatch(scores, self.model, none, none, (perf_counter() - started_s) * 1000)

    async def warm(self, texts: Sequence[str]) -> None:
        """Nothing is kept, so there is nothing to warm."""


RemoteModel = RemoteTower | RemotePairs


def _output(answer: InferAnswer, name: str, shape: tuple[int, ...]) -> NDArray[Any]:
    tensor = answer.output(name)
    if tensor is None or tensor.shape != shape:
        found = None if tensor is None else list(tensor.shape)
        raise PoolUnavailable(f"{answer.model}: expected the output {name!r} of shape {list(shape)}, found {found}")
    return tensor.array()


def _keep(cache: EmbeddingCache, texts: list[str], fresh: Encoded) -> None:
    """Keep what nobody else has kept while we waited."""
    hits, misses = cache.hits, cache.misses
    new = np.flatnonzero(cache.find(texts) == MISSING)
    cache.hits, cache.misses = hits, misses  # a look of our own
    chosen = Encoded(fresh.vectors[new], fresh.token_counts[new], fresh.unknown_counts[new])
    cache.insert([texts[i] for i in new.tolist()], chosen)


async def _all(parts: Iterable[Coroutine[Any, Any, _T]]) -> list[_T]:
    """Wait for all; where one fails, the others are ended."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(part) for part in parts]
    return [task.result() for task in tasks]
