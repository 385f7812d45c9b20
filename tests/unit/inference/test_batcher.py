"""Requests share batches, and nothing else: what goes wrong with one is its own."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from inference.protocol.refusals import Reason, Refused
from inference.protocol.tensors import TensorSpec
from inference.server.batch_queue import BatchLimits
from inference.server.batcher import Batcher
from inference.server.model_figures import ModelFigures
from inference.server.served_model import Columns, Computed, ServedModel

COLUMN = TensorSpec("text", "BYTES", (-1, 1))
LIMITS = BatchLimits(max_rows=8, max_delay_s=0.005, queue_rows=16)


class Lengths:
    """A model that gives each text's length; it can be held, fails on `poison`, and gives NaN for `nan`."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.begun = 0
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def compute(self, columns: Columns) -> Computed:
        self.begun += 1
        assert self.may_go_on.wait(30)
        texts = list(columns[0])
        self.batches.append(texts)
        if "poison" in texts:
            raise ValueError("what a library says")
        lengths = np.array([np.nan if text == "nan" else len(text) for text in texts], np.float32)
        return Computed({"length": lengths[:, None]}, np.isnan(lengths))

    def served(self) -> ServedModel:
        return ServedModel("lengths", "1", (COLUMN,), (TensorSpec("length", "FP32", (-1, 1)),), self.compute)


@pytest.fixture
def model() -> Lengths:
    return Lengths()


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as made:
        yield made


@pytest.fixture
async def batcher(model: Lengths, executor: ThreadPoolExecutor) -> AsyncIterator[Batcher]:
    made = Batcher(model.served(), LIMITS, executor, ModelFigures("lengths", "1"))
    yield made
    model.may_go_on.set()
    await made.close()


async def lengths(batcher: Batcher, *texts: str) -> list[float]:
    return (await batcher.ask([texts])).computed.arrays["length"][:, 0].tolist()


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not done():  # noqa: ASYNC110 - there is no event for what a test wants to see
            await asyncio.sleep(0.001)


async def test_requests_that_come_together_are_one_batch_and_each_gets_its_own_rows(
    batcher: Batcher, model: Lengths
) -> None:
    found = await asyncio.gather(lengths(batcher, "a", "bb"), lengths(batcher, "ccc"), lengths(batcher, "dddd"))
    assert found == [[1, 2], [3], [4]]
    assert model.batches == [["a", "bb", "ccc", "dddd"]]
    assert (batcher.figures.batches, batcher.figures.rows) == (1, 4)


async def test_a_request_larger_than_a_batch_is_computed_alone(batcher: Batcher, model: Lengths) -> None:
    found = await asyncio.gather(lengths(batcher, "a"), lengths(batcher, *["bb"] * 12))
    assert found == [[1], [2] * 12]
    assert [len(batch) for batch in model.batches] == [1, 12]


async def test_while_a_batch_is_computed_only_a_full_one_is_handed_over(batcher: Batcher, model: Lengths) -> None:
    model.may_go_on.clear()
    first = asyncio.create_task(lengths(batcher, *"aaaaaaaa"))
    await until(lambda: model.begun == 1)
    waiting = [asyncio.create_task(lengths(batcher, "b")) for _ in range(7)]
    await asyncio.sleep(5 * LIMITS.max_delay_s)  # far beyond the delay: they are not full, so they go on gathering
    assert batcher.queued_rows == 7
    waiting.append(asyncio.create_task(lengths(batcher, "b")))
    await until(lambda: batcher.queued_rows == 0)
    model.may_go_on.set()
    assert await asyncio.gather(first, *waiting) == [[1] * 8] + [[1]] * 8


async def test_a_full_queue_refuses_at_once_and_takes_requests_again(batcher: Batcher, model: Lengths) -> None:
    model.may_go_on.clear()
    under_way = []
    for queued_rows in (0, 0, 8, 16):  # the first is computed, the second handed over
        under_way.append(asyncio.create_task(lengths(batcher, *"aaaaaaaa")))
        await until(lambda rows=queued_rows: model.begun == 1 and batcher.queued_rows == rows)  # type: ignore[misc]
    with pytest.raises(Refused, match="16 rows wait") as refused:
        await lengths(batcher, "b")
    assert refused.value.reason is Reason.FULL
    with pytest.raises(Refused, match="17 rows in one request") as too_large:
        await lengths(batcher, *["b"] * 17)
    assert too_large.value.reason is Reason.TOO_LARGE
    model.may_go_on.set()
    assert await asyncio.gather(*under_way) == [[1] * 8] * 4
    assert await lengths(batcher, "b") == [1]


async def test_what_nobody_waits_for_any_more_is_not_computed(batcher: Batcher, model: Lengths) -> None:
    model.may_go_on.clear()
    first = asyncio.create_task(lengths(batcher, "a"))
    await until(lambda: model.begun == 1)
    leaving = [asyncio.create_task(lengths(batcher, "gone", "gone")) for _ in range(3)]
    staying = asyncio.create_task(lengths(batcher, "here"))
    await until(lambda: batcher.queued_rows == 7)
    for task in leaving:
        task.cancel()
    await asyncio.gather(*leaving, return_exceptions=True)
    assert batcher.queued_rows == 1
    model.may_go_on.set()
    assert await asyncio.gather(first, staying) == [[1], [4]]
    assert model.batches == [["a"], ["here"]]


async def test_a_request_that_the_model_fails_on_fails_alone(batcher: Batcher) -> None:
    found = await asyncio.gather(
        lengths(batcher, "a"), lengths(batcher, "poison"), lengths(batcher, "bb"), return_exceptions=True
    )
    assert (found[0], found[2]) == ([1], [2])
    assert isinstance(found[1], Refused)
    assert found[1].reason is Reason.FAILED
    assert "what a library says" in str(found[1])


async def test_what_is_not_a_number_is_an_error_of_its_own_request(batcher: Batcher) -> None:
    found = await asyncio.gather(lengths(batcher, "a"), lengths(batcher, "b", "nan"), return_exceptions=True)
    assert found[0] == [1]
    assert "1 of 2 rows, the first row 1, is not a number" in str(found[1])


async def test_closing_computes_what_waits(model: Lengths, executor: ThreadPoolExecutor) -> None:
    batcher = Batcher(model.served(), LIMITS, executor, ModelFigures("lengths", "1"))
    asked = [asyncio.create_task(lengths(batcher, "a" * i)) for i in range(5)]
    await asyncio.sleep(0)
    await batcher.close()
    assert await asyncio.gather(*asked) == [[i] for i in range(5)]


async def test_closing_ends_though_the_last_that_waited_has_gone(model: Lengths, executor: ThreadPoolExecutor) -> None:
    limits = BatchLimits(max_rows=8, max_delay_s=60.0, queue_rows=16)
    batcher = Batcher(model.served(), limits, executor, ModelFigures("lengths", "1"))
    asked = asyncio.create_task(lengths(batcher, "gone"))
    await until(lambda: batcher.queued_rows == 1)
    closing = asyncio.create_task(batcher.close())
    await asyncio.sleep(0)
    asked.cancel()
    async with asyncio.timeout(10):
        await closing
    assert model.batches == []
