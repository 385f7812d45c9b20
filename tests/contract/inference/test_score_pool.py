"""What every scoring pool promises, wherever it scores."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from inference.manifest import Calibration, Manifest, encode_manifest
from inference.pool import LocalPool, ModelName, PairBatch, ScorePool
from inference.remote.pool import RemotePool
from schemas.errors import ModelRefused, PoolUnavailable
from tests.integration.serving.worker_process import WorkerProcess

SHIPPED = Path(__file__).parents[3] / "models" / "shop-match" / "1"
FIRST, SECOND, DAMAGED = (ModelName("shop-match", version) for version in ("1", "2", "3"))
SHOE, KETTLE = "男士跑步运动鞋 透气", "美的电热水壶 1.5L 家用"


async def open_local(models: Path, workers: list[str]) -> ScorePool:  # noqa: ARG001 - one signature for all
    return LocalPool(models, cache_items=100, cache_queries=50)


async def open_remote(models: Path, workers: list[str]) -> ScorePool:  # noqa: ARG001 - likewise
    return RemotePool(workers, cache_items=100, cache_queries=50)


POOLS: dict[str, Callable[[Path, list[str]], Awaitable[ScorePool]]] = {"local": open_local, "remote": open_remote}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Version 1 as shipped, version 2 with another calibration, version 3 with a damaged graph."""
    root = tmp_path_factory.mktemp("models")
    for model in (FIRST, SECOND, DAMAGED):
        folder = root / model.name / model.version
        shutil.copytree(SHIPPED, folder)
        manifest = msgspec.json.decode((folder / "manifest.json").read_bytes(), type=Manifest)
        calibration = Calibration(1.0, -5.0) if model == SECOND else manifest.calibration
        manifest = msgspec.structs.replace(manifest, version=model.version, calibration=calibration)
        (folder / "manifest.json").write_bytes(encode_manifest(manifest))
    with (root / "shop-match" / "3" / "item.onnx").open("ab") as graph:
        graph.write(b"\0")
    return root


@pytest.fixture(scope="module")
def workers(models: Path) -> Iterator[list[str]]:
    """Two real workers, for pools that score elsewhere."""
    options = (models, "--model", "shop-match=1")
    with WorkerProcess(*options) as one, WorkerProcess(*options) as two:
        yield [one.http, two.http]


@pytest.fixture(params=sorted(POOLS))
async def idle_pool(request: pytest.FixtureRequest, models: Path, workers: list[str]) -> AsyncIterator[ScorePool]:
    pool = await POOLS[request.param](models, workers)
    yield pool
    await pool.close()


@pytest.fixture
async def pool(idle_pool: ScorePool) -> ScorePool:
    await idle_pool.set_live(FIRST)
    return idle_pool


def searches(*pages: tuple[str, list[str | None]]) -> PairBatch:
    texts = [text for _, page in pages for text in page]
    return PairBatch(
        queries=[query for query, _ in pages],
        object_ids=[f"sku-{i}" for i in range(len(texts))],
        texts=texts,
        lengths=np.array([len(page) for _, page in pages], np.int32),
    )


async def test_scores_stand_in_the_order_of_the_items(pool: ScorePool) -> None:
    scored = await pool.score(searches(("运动鞋", [SHOE, KETTLE]), ("kettle", [KETTLE, SHOE, KETTLE])))
    shoe_for_shoe, kettle_for_shoe, *for_kettle = scored.scores.tolist()
    assert shoe_for_shoe > kettle_for_shoe
    assert for_kettle[0] == for_kettle[2] > for_kettle[1]
    assert scored.scores.dtype == np.float32
    assert scored.model == FIRST
    assert scored.scoring_ms > 0


async def test_scores_are_probabilities(pool: ScorePool) -> None:
    scores = (await pool.score(searches(("运动鞋", [SHOE, KETTLE, "x" * 5000, "🫖", "a\x00b"])))).scores
    assert np.all((scores >= 0) & (scores <= 1))


async def test_a_missing_or_blank_text_has_no_score_and_its_neighbours_do(pool: ScorePool) -> None:
    scores = (await pool.score(searches(("kettle", [None, KETTLE, "", " \t\u3000", SHOE])))).scores
    assert np.isnan(scores).tolist() == [True, False, True, True, False]


async def test_a_blank_query_scores_nothing_and_has_no_tokens(pool: ScorePool) -> None:
    scored = await pool.score(searches(("", [KETTLE, SHOE]), ("  ", [SHOE]), ("kettle", [KETTLE])))
    assert np.isnan(scored.scores).tolist() == [True, True, True, False]
    assert scored.token_counts[:2].tolist() == [0, 0]


async def test_tokens_and_unknown_tokens_are_counted_for_each_query(pool: ScorePool) -> None:
    scored = await pool.score(searches(("running shoes", []), ("женские туфли", []), ("运动鞋 туфли", [SHOE])))
    assert scored.token_counts.tolist() == [2, 2, 4]
    assert scored.unknown_token_counts.tolist() == [0, 2, 1]


async def test_an_empty_batch_and_a_search_without_results_are_fine(pool: ScorePool) -> None:
    assert len((await pool.score(searches())).scores) == 0
    scored = await pool.score(searches(("kettle", []), ("kettle", [KETTLE]), ("运动鞋", [])))
    assert len(scored.scores) == 1
    assert len(scored.token_counts) == 3


async def test_a_pair_scores_the_same_alone_and_among_others(pool: ScorePool, models: Path) -> None:
    pages = [(f"kettle {i} 运动鞋"[: 3 + i % 12], [f"{SHOE} {i}", f"{KETTLE} " * (1 + i % 9)]) for i in range(64)]
    together = (await pool.score(searches(*pages))).scores
    fresh = LocalPool(models)
    await fresh.set_live(FIRST)
    alone = np.concatenate([(await fresh.score(searches(page))).scores for page in pages])
    await fresh.close()
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-5)


async def test_a_repeated_batch_scores_the_same_to_the_bit(pool: ScorePool) -> None:
    batch = searches(("运动鞋", [SHOE, KETTLE, None]))
    first, second = await pool.score(batch), await pool.score(batch)
    np.testing.assert_array_equal(first.scores, second.scores)


async def test_a_changed_title_is_scored_anew(pool: ScorePool) -> None:
    lengths = np.array([1], np.int32)
    before = await pool.score(PairBatch(["运动鞋"], ["sku-1"], [SHOE], lengths))
    after = await pool.score(PairBatch(["运动鞋"], ["sku-1"], [KETTLE], lengths))
    assert before.scores[0] > 0.5 > after.scores[0]


async def test_many_callers_at_once_each_get_their_own_answer(pool: ScorePool) -> None:
    pages = [("运动鞋", [SHOE if bit == "1" else KETTLE for bit in f"{i:06b}"]) for i in range(64)]
    answers = await asyncio.gather(*(pool.score(searches(page)) for page in pages))
    found = ["".join("1" if score > 0.5 else "0" for score in answer.scores) for answer in answers]
    assert found == [f"{i:06b}" for i in range(64)]


async def test_the_event_loop_goes_on_while_a_batch_is_scored(pool: ScorePool) -> None:
    scoring = asyncio.ensure_future(pool.score(searches(*((f"kettle {i}", [f"{SHOE} {i}"]) for i in range(2000)))))
    turns = 0
    while not scoring.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 10
    assert len(scoring.result().scores) == 2000


async def test_a_caller_who_gives_up_takes_nobody_elses_turn(pool: ScorePool) -> None:
    for _ in range(20):
        giving_up = asyncio.ensure_future(pool.score(searches(("kettle", [KETTLE]))))
        await asyncio.sleep(0)
        giving_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await giving_up
    assert len((await pool.score(searches(("kettle", [KETTLE])))).scores) == 1


async def test_without_a_live_model_the_pool_says_so(idle_pool: ScorePool) -> None:
    with pytest.raises(PoolUnavailable, match="live"):
        await idle_pool.score(searches(("kettle", [KETTLE])))


async def test_a_new_live_model_scores_from_the_next_batch_on(pool: ScorePool) -> None:
    batch = searches(("运动鞋", [SHOE]))
    before = await pool.score(batch)
    await pool.set_live(SECOND)
    after = await pool.score(batch)
    assert (before.model, after.model) == (FIRST, SECOND)
    assert before.scores[0] > 0.5 > after.scores[0]


async def test_while_the_model_changes_each_batch_belongs_to_one_model(pool: ScorePool) -> None:
    switching = asyncio.ensure_future(pool.set_live(SECOND))
    batch, seen = searches(*(("运动鞋", [SHOE]) for _ in range(20))), []
    while not seen or seen[-1] != SECOND:
        scored = await pool.score(batch)
        assert set((scored.scores > 0.5).tolist()) == {scored.model == FIRST}
        seen.append(scored.model)
    await switching
    assert seen == sorted(seen)


async def test_a_model_that_is_refused_leaves_the_one_before_live(pool: ScorePool) -> None:
    for refused in (DAMAGED, ModelName("shop-match", "99"), ModelName("..", "1")):
        with pytest.raises(ModelRefused):
            await pool.set_live(refused)
    assert (await pool.score(searches(("运动鞋", [SHOE])))).model == FIRST


async def test_setting_the_live_model_again_changes_nothing(pool: ScorePool) -> None:
    await asyncio.gather(pool.set_live(FIRST), pool.set_live(FIRST))
    assert (await pool.score(searches(("运动鞋", [SHOE])))).model == FIRST


async def test_a_closed_pool_refuses_and_may_be_closed_again(pool: ScorePool) -> None:
    under_way = asyncio.ensure_future(pool.score(searches(("kettle", [KETTLE]))))
    await asyncio.sleep(0)
    await pool.close()
    assert len((await under_way).scores) == 1
    await pool.close()
    with pytest.raises(PoolUnavailable):
        await pool.score(searches(("kettle", [KETTLE])))
    with pytest.raises(PoolUnavailable):
        await pool.set_live(SECOND)


def test_a_batch_whose_parts_disagree_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="agree"):
        PairBatch(["a"], ["sku-1"], ["x", "y"], np.array([1], np.int32))
