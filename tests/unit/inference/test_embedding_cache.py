"""The cache keeps what is used, within its bound."""

import numpy as np
import pytest

from inference.embedding_cache import MISSING, NO_TEXT_ROW, EmbeddingCache
from inference.encoder import Encoded


def encoded(*values: float) -> Encoded:
    count = len(values)
    return Encoded(
        np.array(values, np.float32)[:, None].repeat(2, axis=1),
        np.full(count, 3, np.int32),
        np.full(count, 1, np.int32),
    )


def test_what_is_inserted_is_found_again() -> None:
    cache = EmbeddingCache(4, 2)
    cache.insert(["a", "b"], encoded(1.0, 2.0))
    rows = cache.find(["b", "x", "a", None])
    assert rows[1] == MISSING
    assert rows[3] == NO_TEXT_ROW
    found = cache.take(rows)
    assert found.vectors[[0, 2], 0].tolist() == [2.0, 1.0]
    assert np.isnan(found.vectors[3]).all()
    assert found.token_counts[0] == 3
    assert found.unknown_counts[0] == 1


def test_a_full_cache_drops_what_was_not_used_since_the_last_round() -> None:
    cache = EmbeddingCache(3, 2)
    cache.insert(["a", "b", "c"], encoded(1.0, 2.0, 3.0))
    cache.insert(["d"], encoded(4.0))  # the first round clears all marks and takes a's place
    cache.find(["b"])
    cache.insert(["e"], encoded(5.0))
    assert (cache.find(["a", "b", "c", "d", "e"]) == MISSING).tolist() == [True, False, True, False, False]
    assert len(cache) == 3


def test_more_texts_than_fit_leave_the_cache_full_and_consistent() -> None:
    cache = EmbeddingCache(3, 2)
    cache.insert(list("abcdefg"), encoded(*range(7)))
    assert len(cache) == 3
    assert cache.take(cache.find(["a", "b", "c"])).vectors[:, 0].tolist() == [0.0, 1.0, 2.0]


def test_very_long_texts_are_not_kept() -> None:
    cache = EmbeddingCache(3, 2)
    cache.insert(["x" * 100_000, "short"], encoded(1.0, 2.0))
    assert len(cache) == 1
    assert cache.take(cache.find(["short"])).vectors[0, 0] == 2.0


@pytest.mark.parametrize("limit", [0, 1, 2, 10])
def test_the_cached_texts_can_be_listed_up_to_a_limit(limit: int) -> None:
    cache = EmbeddingCache(4, 2)
    cache.insert(["a", "b", "c"], encoded(1.0, 2.0, 3.0))
    assert len(cache.texts(limit)) == min(limit, 3)
    assert set(cache.texts(10)) == {"a", "b", "c"}


def test_hits_and_misses_are_counted() -> None:
    cache = EmbeddingCache(4, 2)
    cache.insert(["a"], encoded(1.0))
    cache.find(["a", None, "b", "c"])
    assert (cache.hits, cache.misses) == (2, 2)
