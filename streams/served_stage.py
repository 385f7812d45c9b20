"""A stage with an HTTP side: `/metrics`, `/live` and `/ready` from before it joins its group until it ends."""

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping

from schemas.errors import MatchwatchError
from streams.http import HttpServer
from streams.metrics import Metrics
from streams.transport import TP, Committed, RecordBatch, Stage

_log = logging.getLogger(__name__)


@contextlib.contextmanager
def _said_in_one_line() -> Iterator[None]:
    """Say what went wrong before the traceback does, where it is an error of our own with its cure."""
    try:
        yield
    except MatchwatchError as error:
        _log.critical("%s", error)
        raise


class ServedStage(Stage):
    """Passes everything on to a stage, and serves HTTP beside it.

    Args:
        stage: what does the work.
        host: to listen on.
        port: 0 takes a free one.
        metrics: what `/metrics` shows.
        announce: gets the address as soon as it is known.
    """

    def __init__(
        self, stage: Stage, *, host: str, port: int, metrics: Metrics, announce: Callable[[str], None]
    ) -> None:
        self._stage = stage
        self._announce = announce
        self._http = HttpServer(host, port, metrics, ready=self._is_ready, live=self._is_live)
        self.ready: Callable[[], bool] = lambda: False
        """Whether the worker is in its group; set once the app is known."""
        self.live: Callable[[], bool] = lambda: True
        """Whether the stage gets on; set once the app is known."""

    def _is_ready(self) -> bool:
        return self.ready()

    def _is_live(self) -> bool:
        return self.live()

    async def on_started(self) -> None:
        """Listen, then let the stage prepare."""
        self._stage.source = self.source
        with _said_in_one_line():
            self._announce(await self._http.start())
            await self._stage.on_started()

    async def on_assigned(self, committed: Mapping[TP, Committed]) -> Mapping[TP, int]:
        """Pass on."""
        with _said_in_one_line():
            return await self._stage.on_assigned(committed)

    async def on_batch(self, batch: RecordBatch) -> None:
        """Pass on."""
        with _said_in_one_line():
            await self._stage.on_batch(batch)

    async def on_revoked(self, tps: frozenset[TP]) -> None:
        """Pass on."""
        with _said_in_one_line():
            await self._stage.on_revoked(tps)

    async def on_stopping(self) -> None:
        """Pass on."""
        with _said_in_one_line():
            await self._stage.on_stopping()

    async def on_stopped(self) -> None:
        """Let the stage release what it made, then stop listening."""
        await self._stage.on_stopped()
        await self._http.stop()
