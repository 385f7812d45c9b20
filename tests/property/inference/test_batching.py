"""Batches neither lose nor double a text; caches of any size change no score."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.batches import length_batches
from inference.embedding_cache import MISSING, EmbeddingCache
from inference.encoder import Encoded


@given(st.lists(st.integers(0, 64), max_size=200), st.integers(1, 50))
def test_every_text_with_tokens_is_in_one_batch_and_padding_is_little(lengths: list[int], max_rows: int) -> None:
    counts = np.array(lengths, np.int32)
    batches = length_batches(counts, max_rows)
    members = np.concatenate(batches) if batches else np.array([], int)
    assert sorted(members.tolist()) == [i for i, length in enumerate(lengths) if length > 0]
    for batch in batches:
        sizes = counts[batch]
        assert 1 <= len(batch) <= max_rows
        assert np.all(np.diff(sizes) >= 0)
        assert sizes[-1] <= max(8, 2 * sizes[0])


@settings(max_examples=200)
@given(st.integers(1, 6), st.lists(st.lists(st.sampled_from("abcdefghij"), max_size=8), max_size=30))
def test_a_cache_of_any_size_stays_within_it_and_never_gives_a_wrong_vector(
    capacity: int, rounds: list[list[str]]
) -> None:
    cache = EmbeddingCache(capacity, 1)
    for texts in rounds:
        rows = cache.find(texts)
        found = cache.take(rows)
        for text, row, vector in zip(texts, rows, found.vectors, strict=True):
            assert row == MISSING or vector[0] == ord(text)
        fresh = list(dict.fromkeys(text for text, row in zip(texts, rows, strict=True) if row == MISSING))
        values = np.array([[ord(text)] for text in fresh], np.float32).reshape(-1, 1)
        ones = np.ones(len(fresh), np.int32)
        cache.insert(fresh, Encoded(values, ones, ones))
        assert len(cache) <= capacity
        if len(fresh) <= capacity:
            assert (cache.find(fresh) != MISSING).all()
