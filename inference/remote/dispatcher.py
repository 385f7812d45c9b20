"""Which worker answers a request: the least busy that serves the model, another one where it does not."""

import asyncio
import logging
from collections.abc import Sequence
from time import monotonic
from typing import Final

import aiohttp

from inference.protocol.calls import InferAnswer, InferCall
from inference.protocol.refusals import Reason, Refused
from inference.remote.worker_link import WorkerLink
from inference.repository import ModelName
from schemas.errors import PoolUnavailable

CHECK_S: Final = 1.0
"""How often workers that are out are asked whether they are back, and the others whether they are ready."""
FULL_S: Final = 0.02
"""How long a request waits before it asks again where every worker was full."""
UNANSWERED: Final = (OSError, TimeoutError, aiohttp.ClientError)

_log = logging.getLogger(__name__)


class Dispatcher:
    """Sends requests to workers until one answers or the time is over.

    A worker that breaks a connection or keeps silent is out at once, and comes back when it says that it is ready. One
    that has been silent for `hedge_s` is not waited for alone: the request goes to a second one too, and the first
    answer counts.

    Args:
        links: the workers.
        deadline_s: how long a request may take over all attempts.
        attempt_s: how long one worker may take.
        hedge_s: how long a request waits for one worker alone.
    """

    def __init__(self, links: Sequence[WorkerLink], deadline_s: float, attempt_s: float, hedge_s: float) -> None:
        self.links = links
        self._deadline_s = deadline_s
        self._attempt_s = attempt_s
        self._hedge_s = hedge_s
        self._back = asyncio.Event()

    async def ask(self, call: InferCall, model: ModelName) -> InferAnswer:
        """Get an answer from some worker that serves a model.

        Raises:
            PoolUnavailable: no worker answered within the deadline, or each that serves the model failed on it.
        """
        until_s = monotonic() + self._deadline_s
        tried: set[WorkerLink] = set()
        first = asyncio.create_task(self._attempts(call, model, until_s, tried))
        tasks = {first}
        try:
            done, _ = await asyncio.wait(tasks, timeout=self._hedge_s)
            if not done and any(model in link.models and link not in tried for link in self.links):
                tasks.add(asyncio.create_task(self._attempts(call, model, until_s, tried)))
            pending = set(tasks)
            while True:
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                answered = [task for task in done if task.exception() is None]
                if answered or not pending:
                    return (answered or [first])[0].result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def prepare(self, model: ModelName) -> list[Refused]:
        """Let all workers load a model that do not serve it; gives what they say against it."""
        return [said for said in await asyncio.gather(*(self.look(link, model) for link in self.links)) if said]

    async def look(self, link: WorkerLink, model: ModelName) -> Refused | None:
        """See whether a worker serves a model, and let it load it if not; gives what it says against it."""
        said = None
        ready = await link.serves(model)
        if not ready and await link.is_ready():
            try:
                await link.load(model)
                ready = await link.serves(model)
            except Refused as refused:
                said = refused
            except UNANSWERED:
                pass
        if ready and model not in link.models:
            _log.info("%s serves %s", link.url, model)
            link.models.add(model)
            self._back.set()
        elif not ready:
            link.models.discard(model)
        return said

    async def _attempts(self, call: InferCall, model: ModelName, until_s: float, tried: set[WorkerLink]) -> InferAnswer:
        while (left_s := until_s - monotonic()) > 0:
            serving = [link for link in self.links if model in link.models]
            untried = [link for link in serving if link not in tried]
            if not untried:
                await self._wait(serving, tried, left_s)
                continue
            link = min(untried, key=lambda one: one.outstanding)
            tried.add(link)
            try:
                return await link.infer(call, min(self._attempt_s, left_s))
            except UNANSWERED as error:
                link.models.clear()
                _log.warning("%s does not answer (%s): it is out until it is ready", link.url, type(error).__name__)
            except Refused as refused:
                self._note(link, model, refused, serving, tried)
        raise PoolUnavailable(f"no worker of the pool answered for {model} within {self._deadline_s:g} s: see to them")

    def _note(
        self, link: WorkerLink, model: ModelName, refused: Refused, serving: list[WorkerLink], tried: set[WorkerLink]
    ) -> None:
        if refused.reason in {Reason.NOT_FOUND, Reason.ENDING}:
            link.models.discard(model)
        elif refused.reason not in {Reason.FULL, Reason.TOO_LATE} and tried.issuperset(serving):
            raise PoolUnavailable(str(refused)) from refused  # it would fail again

    async def _wait(self, serving: list[WorkerLink], tried: set[WorkerLink], left_s: float) -> None:
        """Wait for full workers to have room, or for one to come back."""
        self._back.clear()
        try:
            async with asyncio.timeout(min(left_s, FULL_S if serving else left_s)):
                await self._back.wait()
        except TimeoutError:
            pass
        tried.clear()
