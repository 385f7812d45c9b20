"""What the pool in this process does beyond the contract: caches that follow a rollout, figures for telemetry."""

import asyncio
import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest

from inference.manifest import Manifest, encode_manifest
from inference.pool import LocalPool, ModelName, PairBatch
from schemas.errors import PoolUnavailable

SHIPPED = Path(__file__).parents[3] / "models" / "shop-match" / "1"


@pytest.fixture
def models(tmp_path: Path) -> Path:
    for version in ("1", "2"):
        folder = Path(shutil.copytree(SHIPPED, tmp_path / "shop-match" / version))
        manifest = msgspec.json.decode((folder / "manifest.json").read_bytes(), type=Manifest)
        (folder / "manifest.json").write_bytes(encode_manifest(msgspec.structs.replace(manifest, version=version)))
    return tmp_path


def page(count: int) -> PairBatch:
    titles: list[str | None] = [f"kettle {i}" for i in range(count)]
    return PairBatch(["kettle"], [f"sku-{i}" for i in range(count)], titles, np.array([count], np.int32))


async def test_a_second_look_at_a_page_encodes_nothing_again(models: Path) -> None:
    pool = LocalPool(models)
    await pool.set_live(ModelName("shop-match", "1"))
    for _ in range(2):
        await pool.score(page(20))
    stats = pool.stats()
    await pool.close()
    assert (stats.item_misses, stats.item_hits) == (20, 20)
    assert (stats.query_misses, stats.query_hits) == (1, 1)
    assert (stats.searches_total, stats.rows_total, stats.queue_depth) == (2, 40, 0)


async def test_a_new_model_knows_the_items_of_the_old_one_before_it_is_live(models: Path) -> None:
    pool = LocalPool(models, cache_items=100)
    await pool.set_live(ModelName("shop-match", "1"))
    await pool.score(page(20))
    await pool.set_live(ModelName("shop-match", "2"))
    warmed = pool.stats()
    await pool.score(page(20))
    stats = pool.stats()
    await pool.close()
    assert warmed.cached_items == 20
    assert stats.item_misses == warmed.item_misses


async def test_the_item_cache_stays_within_its_bound(models: Path) -> None:
    pool = LocalPool(models, cache_items=8)
    await pool.set_live(ModelName("shop-match", "1"))
    await pool.score(page(50))
    assert pool.stats().cached_items == 8
    await pool.close()


async def test_callers_beyond_the_bound_wait_and_are_seen_in_the_queue_depth(models: Path) -> None:
    pool = LocalPool(models, max_in_flight=1)
    await pool.set_live(ModelName("shop-match", "1"))
    callers = [asyncio.ensure_future(pool.score(page(3))) for _ in range(5)]
    await asyncio.sleep(0)
    assert pool.stats().queue_depth == 5
    answers = await asyncio.gather(*callers)
    assert [len(answer.scores) for answer in answers] == [3] * 5
    assert pool.stats().queue_depth == 0
    await pool.close()


@pytest.mark.parametrize("bound", [1, 2])
async def test_no_more_batches_than_the_bound_are_under_way_so_that_only_they_are_finished_at_the_end(
    models: Path, bound: int
) -> None:
    pool = LocalPool(models, max_in_flight=bound)
    await pool.set_live(ModelName("shop-match", "1"))
    callers = [asyncio.ensure_future(pool.score(page(3))) for _ in range(5)]
    await asyncio.sleep(0)  # each caller comes as far as it can
    await pool.close()
    answers = await asyncio.gather(*callers, return_exceptions=True)
    assert [isinstance(answer, PoolUnavailable) for answer in answers] == [place >= bound for place in range(5)]
