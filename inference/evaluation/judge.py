"""What gives a raw score to a pair of texts, and turns it into a probability: a model under evaluation."""

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from inference.embedding_cache import MISSING, EmbeddingCache
from inference.encoder import Encoder
from inference.repository import ModelFiles, ModelName
from inference.two_tower import TwoTower, load_two_tower

_CACHED_TEXTS: Final = 50_000


class Judge(Protocol):
    """A model of any kind."""

    @property
    def model(self) -> ModelName:
        """Its name."""
        ...

    def raw(self, queries: Sequence[str], items: Sequence[str]) -> NDArray[np.float32]:
        """Score pairs before calibration, shape (pairs,); NaN where a text has no tokens."""
        ...

    def probabilities(self, raw: NDArray[np.float32]) -> NDArray[np.float32]:
        """Calibrate raw scores."""
        ...


class TwoTowerJudge:
    """A two-tower model: the raw score is the cosine. It keeps the embeddings of the texts it met last."""

    def __init__(self, towers: TwoTower) -> None:
        self.model = towers.model
        self._towers = towers
        self._queries = EmbeddingCache(_CACHED_TEXTS, towers.queries.dim)
        self._items = EmbeddingCache(_CACHED_TEXTS, towers.items.dim)

    def raw(self, queries: Sequence[str], items: Sequence[str]) -> NDArray[np.float32]:
        """See `Judge.raw`."""
        left = _vectors(self._queries, self._towers.queries, queries)
        right = _vectors(self._items, self._towers.items, items)
        cosines: NDArray[np.float32] = np.einsum("ij,ij->i", left, right)
        return cosines

    def probabilities(self, raw: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Judge.probabilities`."""
        return self._towers.probabilities(raw)


def open_judge(files: ModelFiles) -> Judge:
    """Load a verified model.

    Raises:
        ModelRefused: it does not run.
    """
    return TwoTowerJudge(load_two_tower(files))


def _vectors(cache: EmbeddingCache, encoder: Encoder, texts: Sequence[str]) -> NDArray[np.float32]:
    places: dict[str, int] = {}
    inverse = [places.setdefault(text, len(places)) for text in texts]
    distinct = list(places)
    rows = cache.find(distinct)
    vectors = cache.vectors(rows)
    missing = np.flatnonzero(rows == MISSING).tolist()
    if missing:
        wanted = [distinct[place] for place in missing]
        fresh = encoder.encode(wanted)
        vectors[missing] = fresh.vectors
        cache.insert(wanted, fresh)
    found: NDArray[np.float32] = vectors[inverse]
    return found
