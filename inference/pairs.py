"""What goes into a pool and what comes back: searches with their items, flat."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.repository import ModelName


@dataclass(frozen=True, slots=True)
class PairBatch:
    """Searches whose items are to be scored. Search i owns the next `lengths[i]` items.

    Attributes:
        queries: one a search; may be empty (a recommendation page has none): its items get no score.
        object_ids: all items of all searches, flat. The local pool keys by text and does not look at them.
        texts: of each item, flat; None or blank: no score.
        lengths: int32, shape (searches,), items of each search.
    """

    queries: list[str]
    object_ids: list[str]
    texts: list[str | None]
    lengths: NDArray[np.int32]

    def __post_init__(self) -> None:
        items = int(self.lengths.sum())
        if len(self.queries) != len(self.lengths) or not len(self.texts) == len(self.object_ids) == items:
            raise ValueError(
                f"{len(self.queries)} queries, {len(self.lengths)} lengths of {items} items together, "
                f"{len(self.texts)} texts, {len(self.object_ids)} object_ids: these must agree"
            )


@dataclass(frozen=True, slots=True)
class ScoredBatch:
    """Scores in the order of the batch's items.

    Attributes:
        scores: float32, shape (items,), in [0, 1]; NaN where query or text is missing or blank.
        model: the match model that scored the whole batch.
        token_counts: int32, shape (searches,), tokens of each query.
        unknown_token_counts: int32, shape (searches,), those outside the vocabulary.
        scoring_ms: time from the start of the work on this batch to its end, waiting not included.
    """

    scores: NDArray[np.float32]
    model: ModelName
    token_counts: NDArray[np.int32]
    unknown_token_counts: NDArray[np.int32]
    scoring_ms: float
