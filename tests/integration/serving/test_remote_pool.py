"""The pool on workers elsewhere, when they die, freeze, come back, or are of another make."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from time import monotonic
from urllib.request import urlopen

import numpy as np
import pytest
from aiohttp import web

from inference.pairs import PairBatch
from inference.pool import LocalPool, ModelName
from inference.remote.pool import RemotePool
from schemas.errors import ModelRefused, PoolUnavailable
from tests.integration.serving.worker_process import WorkerProcess

FIRST = ModelName("shop-match", "1")
OPTIONS = ("--model", "shop-match=1")
SHOE, KETTLE = "男士跑步运动鞋 透气", "美的电热水壶 1.5L 家用"


def page(number: int) -> PairBatch:
    """A page of its own items, so that every search asks the pool; even ones are about shoes."""
    titles: list[str | None] = [f"{SHOE if number % 2 == 0 else KETTLE} {number} {i}" for i in range(10)]
    return PairBatch([f"运动鞋 {number}"], [f"sku-{i}" for i in range(10)], titles, np.array([10], np.int32))


async def until(done: Callable[[], bool], deadline_s: float = 30.0) -> None:
    async with asyncio.timeout(deadline_s):
        while not done():  # noqa: ASYNC110 - there is no event for what a test wants to see
            await asyncio.sleep(0.01)


class Load:
    """Searches by several callers, one after the other, until they are told to end."""

    def __init__(self, pool: RemotePool, callers: int = 4) -> None:
        self._pool = pool
        self.taken_s: list[float] = []
        self._ended = False
        self._started = 0
        self._callers = [asyncio.create_task(self._call()) for _ in range(callers)]

    async def _call(self) -> None:
        while not self._ended:
            number = self._started = self._started + 1
            began_s = monotonic()
            scored = await self._pool.score(page(number))
            assert len(scored.scores) == 10
            assert ((scored.scores > 0.5) == (number % 2 == 0)).all()
            self.taken_s.append(monotonic() - began_s)

    async def more(self, searches: int) -> None:
        wanted = len(self.taken_s) + searches
        await until(lambda: len(self.taken_s) >= wanted or any(caller.done() for caller in self._callers))
        for caller in self._callers:
            if caller.done():
                caller.result()

    async def end(self) -> int:
        """Give how many searches were begun; each has come to its end."""
        self._ended = True
        await asyncio.gather(*self._callers)
        return self._started


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM], ids=lambda number: number.name)
async def test_no_search_is_lost_with_a_worker_and_none_takes_long(how: signal.Signals, served_models: Path) -> None:
    with WorkerProcess(served_models, *OPTIONS) as one, WorkerProcess(served_models, *OPTIONS) as two:
        pool = RemotePool([one.http, two.http], hedge_s=0.25, attempt_s=1.0)
        try:
            await pool.set_live(FIRST)
            load = Load(pool)
            await load.more(50)
            os.kill(one.process.pid, how)
            await load.more(100)
            begun = await load.end()
        finally:
            await pool.close()
        assert len(load.taken_s) == begun
        assert max(load.taken_s) < 5


async def test_a_silent_worker_is_not_waited_for_alone(served_models: Path) -> None:
    with WorkerProcess(served_models, *OPTIONS) as silent, WorkerProcess(served_models, *OPTIONS) as other:
        pool = RemotePool([silent.http, other.http], hedge_s=0.25, attempt_s=60.0, deadline_s=60.0)
        try:
            await pool.set_live(FIRST)
            os.kill(silent.process.pid, signal.SIGSTOP)
            async with asyncio.timeout(10):
                await asyncio.gather(*(pool.score(page(number)) for number in range(8)))
        finally:
            await pool.close()


async def test_a_worker_that_comes_back_is_given_the_live_version_and_asked_again(served_models: Path) -> None:
    with WorkerProcess(served_models, *OPTIONS) as staying:
        with WorkerProcess(served_models, *OPTIONS) as leaving:
            pool = RemotePool([staying.http, leaving.http])
            await pool.set_live(FIRST)
            load = Load(pool)
            await load.more(20)
        await load.more(20)
        port = int(leaving.http.rpartition(":")[2])
        with WorkerProcess(served_models, "--model", "shop-match=2", http_port=port) as back:
            await until(lambda: _rows(back, FIRST) > 0)
            staying.kill()
            await load.more(20)
            await load.end()
            await pool.close()


def _rows(worker: WorkerProcess, model: ModelName) -> float:
    with urlopen(worker.http + "/metrics", timeout=10) as answer:  # noqa: S310 - this machine
        lines = answer.read().decode().splitlines()
    wanted = f'nv_inference_count{{model="{model.name}.item",version="{model.version}"}}'
    return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(wanted)), 0.0)


async def test_without_any_worker_the_pool_says_so_in_time_and_answers_as_soon_as_one_is_there(
    served_models: Path,
) -> None:
    with WorkerProcess(served_models, *OPTIONS) as gone:
        port = int(gone.http.rpartition(":")[2])
    pool = RemotePool([gone.http], deadline_s=0.5)
    await pool.set_live(FIRST)  # nobody can say whether it can be used
    with pytest.raises(PoolUnavailable, match="no worker serves shop-match/1 yet"):
        await pool.score(page(0))
    with WorkerProcess(served_models, *OPTIONS, http_port=port):
        await until(lambda: pool.live == FIRST)
        assert len((await pool.score(page(0))).scores) == 10
    began_s = monotonic()
    with pytest.raises(PoolUnavailable, match=r"within 0\.5 s"):
        await pool.score(page(2))
    assert monotonic() - began_s < 3
    await pool.close()


async def test_a_full_pool_makes_callers_wait_and_drops_nothing(served_models: Path) -> None:
    with WorkerProcess(served_models, *OPTIONS, "--queue-rows", "12", "--max-batch-rows", "12") as narrow:
        pool = RemotePool([narrow.http], max_in_flight=40)
        await pool.set_live(FIRST)
        answers = await asyncio.gather(*(pool.score(page(number)) for number in range(200)))
        await pool.close()
    assert [bool(answer.scores[0] > 0.5) for answer in answers] == [number % 2 == 0 for number in range(200)]


async def test_an_item_is_sent_once_and_a_query_too(served_models: Path, worker: WorkerProcess) -> None:
    pool = RemotePool([worker.http])
    await pool.set_live(FIRST)
    before = _rows(worker, FIRST)
    scored = [await pool.score(page(7)) for _ in range(3)]
    assert _rows(worker, FIRST) == before + 10
    stats = pool.stats()
    await pool.close()
    assert (stats.item_misses, stats.item_hits, stats.query_misses, stats.query_hits) == (10, 20, 1, 2)
    local = LocalPool(served_models)
    await local.set_live(FIRST)
    np.testing.assert_allclose(scored[0].scores, (await local.score(page(7))).scores, rtol=0, atol=1e-5)
    await local.close()


@pytest.fixture
async def other_make() -> AsyncIterator[str]:
    """A server of another make: JSON alone, no configuration, no repository, and only the model of pairs."""

    async def answer(request: web.Request) -> web.Response:
        path = request.path
        if path == "/v2":
            return web.json_response({"name": "other", "version": "1", "extensions": []})
        if path == "/v2/models/shop-match/versions/1/infer":
            call = await request.json()
            columns = {one["name"]: one["data"] for one in call["inputs"]}
            match = [0.75 if query[:2] == item[-2:] else 0.25 for query, item in zip(*columns.values(), strict=True)]
            output = {"name": "match", "datatype": "FP32", "shape": [len(match), 1], "data": match}
            return web.json_response({"model_name": "shop-match", "model_version": "1", "outputs": [output]})
        known = path in {
            "/v2/health/ready",
            "/v2/models/shop-match/versions/1",
            "/v2/models/shop-match/versions/1/ready",
        }
        return web.json_response({}, status=200 if known else 404)

    runner = await _answering(answer)
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}"
    await runner.cleanup()


async def test_a_server_of_another_make_is_asked_for_every_pair(other_make: str) -> None:
    pool = RemotePool([other_make])
    await pool.set_live(FIRST)
    texts: list[str | None] = ["x ab", None, "x cd", " ", "x cd"]
    batch = PairBatch(["ab q", "cd q", ""], ["1", "2", "3", "4", "5"], texts, np.array([3, 1, 1], np.int32))
    scored = await pool.score(batch)
    with pytest.raises(ModelRefused, match="404"):
        await pool.set_live(ModelName("shop-match", "2"))
    await pool.close()
    np.testing.assert_array_equal(scored.scores, np.array([0.75, np.nan, 0.25, np.nan, np.nan], np.float32))
    assert scored.model == FIRST


async def _answering(answer: Callable[[web.Request], Awaitable[web.Response]]) -> web.AppRunner:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner


async def test_what_a_proxy_says_for_a_worker_is_an_error_of_the_pool_and_teaches_nothing_about_the_worker() -> None:
    says = [502, 520, 200]
    bodies: list[bool] = []

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/v2":
            return web.json_response({"extensions": ["binary_tensor_data"]}, status=says.pop(0))
        if request.path.endswith("/infer"):
            bodies.append("Inference-Header-Content-Length" in request.headers)
            return web.json_response({"error": "too much"}, status=599)
        return web.json_response({}, status=200 if request.method == "GET" and ".item" not in request.path else 404)

    runner = await _answering(answer)
    pool = RemotePool(["http://{}:{}".format(*runner.addresses[0][:2])], deadline_s=5.0)
    try:
        await pool.set_live(FIRST)
        for told in ("status 502", "status 520", "too much"):
            with pytest.raises(PoolUnavailable, match=told):
                await pool.score(page(0))
    finally:
        await pool.close()
        await runner.cleanup()
    assert bodies == [True]
