"""Odd moments of an outage: a batch that fails while it goes on asking, and the end of the stage."""

import asyncio

import numpy as np
import pytest

from inference.pairs import PairBatch, ScoredBatch
from inference.pool import ModelName
from streams.metrics import Metrics
from streams.stages.pool_watch import PoolWatch

DEADLINE_S = 0.2
AWAY = b"matchwatch_scoring_pool_away 1.0"
BATCH = PairBatch([], object_ids=[], texts=[], lengths=np.empty(0, np.int32))
NONE = np.empty(0, np.int32)
ANSWER = ScoredBatch(np.empty(0, np.float32), ModelName("m", "1"), NONE, NONE, 1.0)


class ScriptedPool:
    """Answers as the test says: no real pool can be told when to fail."""

    def __init__(self) -> None:
        self.asked: list[asyncio.Future[ScoredBatch]] = []

    async def score(self, _: PairBatch) -> ScoredBatch:
        self.asked.append(asyncio.get_running_loop().create_future())
        return await self.asked[-1]

    async def set_live(self, model: ModelName) -> None:
        """Any will do."""

    async def close(self) -> None:
        """Nothing is held."""


async def turns() -> None:
    """Let every task run that can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_failure_while_asking_is_raised_by_the_next_batch_though_another_has_ended_the_outage() -> None:
    pool = ScriptedPool()
    metrics = Metrics("score")
    watch = PoolWatch(pool, DEADLINE_S, metrics)
    first = asyncio.create_task(watch.score(BATCH))
    await asyncio.sleep(DEADLINE_S / 2)  # so that the second has time left when the first has none
    second = asyncio.create_task(watch.score(BATCH))
    assert await first is None
    assert AWAY in metrics.text()
    pool.asked[1].set_result(ANSWER)
    assert await second is ANSWER
    assert AWAY not in metrics.text()
    pool.asked[0].set_exception(ValueError("a bug"))
    await turns()
    with pytest.raises(ValueError, match="a bug"):
        await watch.score(BATCH)
    assert len(pool.asked) == 2  # it was told before anything was asked, not when that batch misses its deadline


async def test_batches_after_the_end_are_not_cancelled_by_it() -> None:
    pool = ScriptedPool()
    watch = PoolWatch(pool, DEADLINE_S, Metrics("score"))
    assert await watch.score(BATCH) is None
    watch.close()
    await turns()
    assert await watch.score(BATCH) is None
    watch.close()


async def test_of_two_batches_that_miss_the_deadline_the_first_goes_on_asking_and_its_answer_ends_the_outage() -> None:
    pool = ScriptedPool()
    metrics = Metrics("score")
    watch = PoolWatch(pool, DEADLINE_S, metrics)
    assert await asyncio.gather(watch.score(BATCH), watch.score(BATCH)) == [None, None]
    await turns()
    assert [each.cancelled() for each in pool.asked] == [False, True]
    pool.asked[0].set_result(ANSWER)
    await turns()
    assert AWAY not in metrics.text()
