"""A pool that hangs is waited for once, then asked in the background until it answers."""

import asyncio
import time
from pathlib import Path

import numpy as np

from inference.pairs import PairBatch
from inference.pool import LocalPool, ModelName
from streams.metrics import Metrics
from streams.stages.pool_watch import PoolWatch
from tests.faults.slow_models import GOOD, NAME, add_slow_model

DEADLINE_S = 0.3
HANGS_S = 1.5


def batch(name: str) -> PairBatch:
    """Give a batch of queries that no cache knows."""
    queries = [f"{name} {number}" for number in range(8)]
    items = [f"shoe {number}" for number in range(8)]
    return PairBatch(queries, object_ids=items, texts=list(items), lengths=np.ones(8, np.int32))


def away(metrics: Metrics) -> bool:
    return b"matchwatch_scoring_pool_away 1.0" in metrics.text()


async def test_only_the_first_batch_of_an_outage_waits_and_an_answer_ends_it(tmp_path: Path) -> None:
    models = add_slow_model(tmp_path, "slow", HANGS_S)
    metrics = Metrics("score")
    pool = LocalPool(models)
    watch = PoolWatch(pool, DEADLINE_S, metrics)
    await pool.set_live(ModelName(NAME, GOOD))
    assert await watch.score(batch("before")) is not None
    await pool.set_live(ModelName(NAME, "slow"))
    assert await watch.score(batch("first")) is None
    assert away(metrics)
    began_s = time.monotonic()
    assert [await watch.score(batch(f"then {number}")) for number in range(100)] == [None] * 100
    assert time.monotonic() - began_s < DEADLINE_S, "later batches waited for a pool that is away"
    await pool.set_live(ModelName(NAME, GOOD))
    async with asyncio.timeout(20):
        while away(metrics):
            await watch.score(batch("again"))
            await asyncio.sleep(0.05)  # lets the answer arrive
    assert await watch.score(batch("after")) is not None
    watch.close()
    await pool.close()


async def test_a_pool_without_a_model_is_away_and_nobody_waits(tmp_path: Path) -> None:
    metrics = Metrics("score")
    pool = LocalPool(tmp_path)
    watch = PoolWatch(pool, 60.0, metrics)
    async with asyncio.timeout(5):
        assert await watch.score(batch("any")) is None
    assert away(metrics)
    watch.close()
    await pool.close()
