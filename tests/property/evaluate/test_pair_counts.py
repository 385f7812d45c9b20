"""Pairs counted at once equal pairs counted one by one, by either way of counting."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.pair_counts import count_pairs
from schemas.scores import NULL_SCORE

SCORES = st.sampled_from([0, 1, 2, 4096, NULL_SCORE])
ITEMS = st.lists(st.tuples(st.integers(1, 8) | st.just(65_535), SCORES, st.booleans()), max_size=8)


def expected(page: list[tuple[int, int, bool]]) -> tuple[list[int], list[int]]:
    """(higher, lower, tied) by score and by rank, as the contract words it."""
    by_score, by_rank = [0, 0, 0], [0, 0, 0]
    clicked = [item for item in page if item[2]]
    lowest = max((item[0] for item in clicked), default=-1)
    for position, score, _ in clicked:
        for other_position, other_score, other_clicked in page:
            if other_clicked or other_position > lowest + 1 or NULL_SCORE in {score, other_score}:
                continue
            by_score[0 if score > other_score else 1 if score < other_score else 2] += 1
            by_rank[0 if position < other_position else 1 if position > other_position else 2] += 1
    return by_score, by_rank


@pytest.mark.parametrize("most_at_once", [0, 1_000_000])
@given(pages=st.lists(ITEMS, min_size=1, max_size=6))
def test_pairs_equal_those_counted_one_by_one(most_at_once: int, pages: list[list[tuple[int, int, bool]]]) -> None:
    pages = [sorted(page, key=lambda item: item[0]) for page in pages]
    flat = [item for page in pages for item in page]
    counts = count_pairs(
        np.repeat(np.arange(len(pages)), [len(page) for page in pages]),
        np.array([item[0] for item in flat], dtype=np.uint16),
        np.array([item[1] for item in flat], dtype=np.uint16),
        np.array([item[2] for item in flat], dtype=bool),
        len(pages),
        most_at_once=most_at_once,
    )
    for number, page in enumerate(pages):
        found = [[int(each[number]) for each in (side.higher, side.lower, side.tied)] for side in counts]
        assert found == list(expected(page))
