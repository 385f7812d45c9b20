"""The scoring pool on workers elsewhere."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import aiohttp

from inference.manifest import Calibration
from inference.pairs import PairBatch, ScoredBatch
from inference.pool import PoolStats
from inference.protocol.calls import InferAnswer, InferCall
from inference.remote.dispatcher import CHECK_S, UNANSWERED, Dispatcher
from inference.remote.remote_model import RemoteModel, RemotePairs, RemoteTower
from inference.remote.worker_link import WorkerLink
from inference.repository import PLAIN_NAME, ModelName
from schemas.errors import ModelRefused, PoolUnavailable

_log = logging.getLogger(__name__)


class RemotePool:
    """Scores on workers that speak the Open Inference Protocol v2 over HTTP: ours, Triton, or another.

    Every request names the version that is live here, so a batch belongs to one model whatever workers serve beside it.

    Args:
        workers: `http://host:port` of each.
        cache_items: item texts to keep embeddings of.
        cache_queries: queries to keep embeddings of.
        max_in_flight: batches under way at once; further callers wait their turn.
        deadline_s: how long a request may take over all workers.
        attempt_s: how long one worker may take; then it is out until it is ready again.
        hedge_s: how long a request waits for one worker before it goes to a second one too.
    """

    def __init__(
        self,
        workers: Sequence[str],
        *,
        cache_items: int = 200_000,
        cache_queries: int = 50_000,
        max_in_flight: int = 8,
        deadline_s: float = 30.0,
        attempt_s: float = 10.0,
        hedge_s: float = 1.0,
    ) -> None:
        self._workers = workers
        self._caches = {"cache_items": cache_items, "cache_queries": cache_queries}
        self._max_in_flight = max_in_flight
        self._times = (deadline_s, attempt_s, hedge_s)
        self._turns = asyncio.Semaphore(max_in_flight)
        self._switching = asyncio.Lock()
        self._session: aiohttp.ClientSession | None = None
        self._checks: list[asyncio.Task[None]] = []
        self._dispatcher: Dispatcher | None = None
        self._live: RemoteModel | None = None
        self._wanted: ModelName | None = None
        self._closed = False
        self._waiting = 0
        self._searches_total = 0
        self._rows_total = 0

    @property
    def live(self) -> ModelName | None:
        """The model that scores the next batch."""
        return self._live.model if self._live else None

    async def score(self, batch: PairBatch) -> ScoredBatch:
        """See `ScorePool.score`."""
        self._waiting += 1
        try:
            async with self._turns:
                if self._closed:
                    raise PoolUnavailable("the scoring pool is closed: make a new one")
                live = self._live
                if live is None:
                    told = f"no worker serves {self._wanted} yet" if self._wanted else "set one"
                    raise PoolUnavailable(f"no match model is live: {told}")
                try:
                    scored = await live.score(batch)
                except* PoolUnavailable as group:
                    raise _first(group) from None
        finally:
            self._waiting -= 1
        self._searches_total += len(batch.queries)
        self._rows_total += len(batch.texts)
        return scored

    async def set_live(self, model: ModelName) -> None:
        """See `ScorePool.set_live`: workers load it beside what they serve, then it is asked for by its version.

        Where no worker answers, it is live as soon as one does.
        """
        async with self._switching:
            if self._closed:
                raise PoolUnavailable("the scoring pool is closed: make a new one")
            if model == self.live:
                self._wanted = None
            if model in {self.live, self._wanted}:
                return
            for part in model:
                if not PLAIN_NAME.fullmatch(part):
                    raise ModelRefused(f"model {model}: {part!r} is no plain name; correct the deployment")
            await self._switch(model)

    async def close(self) -> None:
        """See `ScorePool.close`."""
        self._closed = True
        for _ in range(self._max_in_flight):  # those under way are waited for; who comes now is refused
            await self._turns.acquire()
        for _ in range(self._max_in_flight):
            self._turns.release()
        for check in self._checks:
            check.cancel()
        await asyncio.gather(*self._checks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def stats(self) -> PoolStats:
        """Figures for the worker's telemetry."""
        return PoolStats.of(
            self._live,
            searches_total=self._searches_total,
            rows_total=self._rows_total,
            queue_depth=self._waiting,
        )

    def _started(self) -> Dispatcher:
        if self._dispatcher is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=None)
            )
            links = [WorkerLink(url, self._session) for url in self._workers]
            self._dispatcher = Dispatcher(links, *self._times)
            self._checks = [asyncio.create_task(self._check(self._dispatcher, link)) for link in links]
        return self._dispatcher

    async def _switch(self, model: ModelName) -> None:
        dispatcher = self._started()
        refusals = await dispatcher.prepare(model)
        serving = [link for link in dispatcher.links if model in link.models]
        if not serving:
            if refusals:
                raise ModelRefused(str(refusals[0]))
            _log.error("no worker of the pool answers: %s is live as soon as one does", model)
            self._wanted = model
            return
        try:
            described = await self._described(serving[0], model, self._asking(dispatcher, model))
            if self._live is not None:
                await described.warm(self._live.items.texts(self._live.items.capacity))
        except (*UNANSWERED, PoolUnavailable) as error:
            _log.error("the worker went away while %s was made live (%s): tried again", model, error)
            self._wanted = model
            return
        self._live, self._wanted = described, None

    async def _described(self, link: WorkerLink, model: ModelName, ask: Callable[[InferCall], Any]) -> RemoteModel:
        encoder = await link.describe(ModelName(f"{model.name}.item", model.version))
        if encoder is not None:
            metadata, config = encoder
            parameters = config.get("parameters", {})
            dims = [one["shape"][-1] for one in metadata["outputs"] if one["name"] == "embedding"]
            if dims and {"calibration_a", "calibration_b"} <= set(parameters):
                a, b = (float(parameters[f"calibration_{name}"]["string_value"]) for name in "ab")
                return RemoteTower(model, ask, dims[0], Calibration(a, b), **self._caches)
        _log.warning("%s: no encoders with their calibration are served: every pair goes to a worker", model)
        return RemotePairs(model, ask)

    def _asking(self, dispatcher: Dispatcher, model: ModelName) -> Callable[[InferCall], Awaitable[InferAnswer]]:
        async def ask(call: InferCall) -> InferAnswer:
            return await dispatcher.ask(call, model)

        return ask

    async def _check(self, dispatcher: Dispatcher, link: WorkerLink) -> None:
        """See again and again whether a worker is there; if it comes back without the live model, it loads it."""
        while True:
            await asyncio.sleep(CHECK_S)
            try:
                if self.live is not None:
                    refused = await dispatcher.look(link, self.live)
                    if refused is not None:
                        _log.error("%s", refused)
                if self._wanted is not None and await link.is_ready():
                    async with self._switching:
                        await self._retry()
            except Exception:  # noqa: BLE001 - logged; a worker that is never looked after again would stay out for ever
                _log.exception("looking after %s failed: tried again", link.url)

    async def _retry(self) -> None:
        if self._wanted is None:
            return
        try:
            await self._switch(self._wanted)
        except ModelRefused as error:
            _log.error("%s", error)


def _first(group: BaseExceptionGroup[Any]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
