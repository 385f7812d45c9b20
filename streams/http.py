"""A worker's HTTP side: `/metrics`, `/live` and `/ready`."""

import logging
from collections.abc import Callable

from aiohttp import web

from schemas.errors import ServerUnavailable
from streams.metrics import Metrics

_log = logging.getLogger(__name__)


class HttpServer:
    """Serves a worker's state.

    Args:
        host: to listen on.
        port: 0 takes a free one, which `start` gives.
        metrics: what `/metrics` shows.
        ready: whether the worker is in its group and reads.
        live: whether it gets on with its work; where it does not, only a new start helps.
    """

    def __init__(
        self, host: str, port: int, metrics: Metrics, *, ready: Callable[[], bool], live: Callable[[], bool]
    ) -> None:
        self._host = host
        self._port = port
        self._metrics = metrics
        self._ready = ready
        self._live = live
        self._runner: web.AppRunner | None = None

    async def start(self) -> str:
        """Listen; returns the address, `http://host:port`."""
        app = web.Application()
        app.router.add_get("/metrics", self._on_metrics)
        app.router.add_get("/live", self._on_live)
        app.router.add_get("/ready", self._on_ready)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        try:
            await site.start()
        except OSError as error:
            raise ServerUnavailable(
                f"cannot listen on {self._host}:{self._port} ({error.strerror}): choose another http.port, or 0 for a "
                "free one"
            ) from error
        port = self._runner.addresses[0][1]
        return f"http://{self._host}:{port}"

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _on_metrics(self, _: web.Request) -> web.Response:
        headers = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        return web.Response(body=self._metrics.text(), headers=headers)

    async def _on_live(self, _: web.Request) -> web.Response:
        return web.Response(text="live\n") if self._live() else web.Response(text="stuck\n", status=503)

    async def _on_ready(self, _: web.Request) -> web.Response:
        return web.Response(text="ready\n") if self._ready() else web.Response(text="not ready\n", status=503)
