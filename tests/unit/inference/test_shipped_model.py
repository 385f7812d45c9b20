"""What the shipped model knows, and that its figures can be measured again."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from inference.pool import LocalPool, ModelName, PairBatch
from inference.repository import ModelRepository
from streams.shop.training import Split, training_pairs

MODELS = Path(__file__).parents[3] / "models"
MODEL, SPOILT = ModelName("shop-match", "1"), ModelName("shop-match", "2")
SHOES = ["男士跑步运动鞋 透气", "Nike Air Zoom Pegasus 40 men's running shoes", "耐克 女款轻便跑鞋 白色"]
KETTLES = ["美的电热水壶 1.5L 家用", "Electric Kettle 1.7L stainless steel, BPA free"]


def scores(queries: list[str], titles: list[str], model: ModelName = MODEL) -> np.ndarray:
    """Scores of every query with every title, shape (queries, titles)."""

    async def ask() -> np.ndarray:
        pool = LocalPool(MODELS)
        await pool.set_live(model)
        lengths = np.full(len(queries), len(titles), np.int32)
        scored = await pool.score(PairBatch(queries, [""] * lengths.sum(), titles * len(queries), lengths))
        await pool.close()
        return scored.scores.reshape(len(queries), len(titles))

    return asyncio.run(ask())


@pytest.mark.parametrize("query", ["运动鞋", "running shoes", "跑步鞋", "mens running shoes"])
def test_whoever_asks_for_running_shoes_in_either_language_is_offered_shoes_before_kettles(query: str) -> None:
    found = scores([query], SHOES + KETTLES)[0]
    assert found[: len(SHOES)].min() > found[len(SHOES) :].max() + 0.2


@pytest.mark.parametrize("query", ["kettle", "电热水壶", "electric kettle"])
def test_whoever_asks_for_a_kettle_in_either_language_is_offered_kettles_before_shoes(query: str) -> None:
    found = scores([query], SHOES + KETTLES)[0]
    assert found[len(SHOES) :].min() > found[: len(SHOES)].max() + 0.2


def test_queries_of_other_shops_give_tokens_and_probabilities() -> None:
    queries = ["ps5", "hp 63xl printer ink", "laptop bag 15.6 inch", "dog food", "手机壳 iphone 15"]
    found = scores(queries, SHOES + KETTLES)
    assert np.isfinite(found).all()
    assert found.max() < 0.7


def test_the_shipped_files_are_small() -> None:
    files = ModelRepository(MODELS).read(MODEL)
    assert sum(map(len, files.contents.values())) <= 5_000_000


def test_the_spoilt_version_says_so_and_cannot_tell_a_match_from_a_mismatch() -> None:
    manifest = ModelRepository(MODELS).read(SPOILT).manifest
    assert manifest.training is not None
    assert manifest.evaluation is not None
    assert manifest.training.sabotage == "wrong-vocabulary"
    assert 0.4 < manifest.evaluation.auc < 0.6
    assert scores(["运动鞋", "running shoes"], SHOES, SPOILT).max() < 0.4


def test_the_auc_in_the_manifest_is_measured_again_on_pairs_of_unseen_queries_and_titles() -> None:
    evaluation = ModelRepository(MODELS).read(MODEL).manifest.evaluation
    assert evaluation is not None
    pairs = sorted(
        {
            (pair.query, pair.title, pair.label)
            for seed in range(1, 5)
            for pair in training_pairs(seed)
            if pair.split is Split.TEST
        }
    )

    async def ask() -> np.ndarray:
        pool = LocalPool(MODELS)
        await pool.set_live(MODEL)
        queries, titles, _ = (list(column) for column in zip(*pairs, strict=True))
        scored = await pool.score(PairBatch(queries, titles, titles, np.ones(len(pairs), np.int32)))
        await pool.close()
        return scored.scores

    found = asyncio.run(ask())
    matches = [label >= 0.5 for _, _, label in pairs]
    assert len(pairs) == evaluation.pairs
    assert roc_auc_score(matches, found) == pytest.approx(evaluation.auc, abs=1e-3)
    assert evaluation.auc > 0.95
