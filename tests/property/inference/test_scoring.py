"""A pair's score depends on the pair alone: not on the batch, its order, or what the cache still holds."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference.pairs import PairBatch
from inference.repository import ModelName, ModelRepository
from inference.scorer import Scorer
from inference.two_tower import TwoTower, load_two_tower

MODELS = Path(__file__).parents[3] / "models"
QUERIES = st.sampled_from(["", "运动鞋", "kettle", "women's 红色 coat", "туфли"]) | st.text(max_size=20)
TEXTS = st.none() | st.sampled_from(["男士跑步运动鞋", "Electric Kettle", " "]) | st.text(max_size=30)
PAGES = st.lists(st.tuples(QUERIES, st.lists(TEXTS, max_size=6)), max_size=8)


@pytest.fixture(scope="module")
def model() -> TwoTower:
    return load_two_tower(ModelRepository(MODELS).read(ModelName("shop-match", "1")))


def batch_of(pages: list[tuple[str, list[str | None]]]) -> PairBatch:
    texts = [text for _, page in pages for text in page]
    lengths = np.array([len(page) for _, page in pages], np.int32)
    return PairBatch([query for query, _ in pages], [""] * len(texts), texts, lengths)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(PAGES, max_size=5))
def test_a_tiny_cache_scores_like_a_large_one_and_like_each_page_alone(
    model: TwoTower, batches: list[list[tuple[str, list[str | None]]]]
) -> None:
    tiny, large = Scorer(model, 2, 1), Scorer(model, 1000, 1000)
    for pages in batches:
        first, second = tiny.score(batch_of(pages)), large.score(batch_of(pages))
        alone = [Scorer(model, 10, 10).score(batch_of([page])) for page in pages]
        expected = np.concatenate([np.zeros(0, np.float32), *(one.scores for one in alone)])
        for scored in (first, second):
            np.testing.assert_allclose(scored.scores, expected, rtol=0, atol=1e-5)
            assert scored.token_counts.tolist() == [int(one.token_counts[0]) for one in alone]
            assert scored.unknown_token_counts.tolist() == [int(one.unknown_token_counts[0]) for one in alone]
