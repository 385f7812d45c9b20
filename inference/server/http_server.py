"""The protocol over REST, with Triton's extensions for repository, configuration and statistics, and `/metrics`."""

import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final

import msgspec
from aiohttp import web

from inference.protocol.calls import Parameters
from inference.protocol.refusals import Reason, Refused
from inference.protocol.rest import HEADER_LENGTH, read_call, write_answer
from inference.server.model_figures import exposition
from inference.server.service import SERVER, InferService
from inference.server.telemetry import telemetry

_log = logging.getLogger(__name__)

_MODEL: Final = "/v2/models/{name}"
_VERSION: Final = _MODEL + "/versions/{version}"
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def http_application(service: InferService, worker: str, max_body_bytes: int) -> web.Application:
    """Make the application; its runner must cancel handlers whose client has gone (`handler_cancellation`)."""
    served = _Endpoints(service, worker)
    app = web.Application(middlewares=[_errors], client_max_size=max_body_bytes)
    app.router.add_get("/v2/health/live", served.live)
    app.router.add_get("/v2/health/ready", served.ready)
    app.router.add_get("/v2", served.server_metadata)
    app.router.add_get("/v2/models/stats", served.statistics)
    for prefix in (_MODEL, _VERSION):
        app.router.add_get(prefix, served.metadata)
        app.router.add_get(prefix + "/ready", served.model_ready)
        app.router.add_get(prefix + "/config", served.config)
        app.router.add_get(prefix + "/stats", served.statistics)
        app.router.add_post(prefix + "/infer", served.infer)
    app.router.add_post("/v2/repository/index", served.index)
    app.router.add_post("/v2/repository/models/{name}/load", served.load)
    app.router.add_post("/v2/repository/models/{name}/unload", served.unload)
    app.router.add_get("/metrics", served.metrics)
    app.router.add_get("/telemetry", served.telemetry)
    return app


class _RepositoryCall(msgspec.Struct):
    parameters: Parameters = {}


class _IndexCall(msgspec.Struct):
    ready: bool = False


class _Endpoints:
    def __init__(self, service: InferService, worker: str) -> None:
        self._service = service
        self._worker = worker

    async def live(self, request: web.Request) -> web.Response:  # noqa: ARG002 - as aiohttp calls it
        return _json({"live": True})

    async def ready(self, request: web.Request) -> web.Response:  # noqa: ARG002
        ready = self._service.ready
        return _json({"ready": ready}, HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE)

    async def server_metadata(self, request: web.Request) -> web.Response:  # noqa: ARG002
        return _json(SERVER)

    async def model_ready(self, request: web.Request) -> web.Response:
        self._service.library.find(*_asked(request))
        ready = self._service.ready
        status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
        return _json({"name": request.match_info["name"], "ready": ready}, status)

    async def metadata(self, request: web.Request) -> web.Response:
        return _json(self._service.metadata(*_asked(request)))

    async def config(self, request: web.Request) -> web.Response:
        return _json(self._service.config(*_asked(request)))

    async def statistics(self, request: web.Request) -> web.Response:
        return _json({"model_stats": self._service.statistics(*_asked(request))})

    async def infer(self, request: web.Request) -> web.Response:
        body = await request.read()
        call = read_call(*_asked(request), body, request.headers.get(HEADER_LENGTH))
        answer = await self._service.infer(call)
        written, json_length = write_answer(call, answer)
        if json_length is None:
            return web.Response(body=written, content_type="application/json")
        headers = {HEADER_LENGTH: str(json_length)}
        return web.Response(body=written, content_type="application/octet-stream", headers=headers)

    async def index(self, request: web.Request) -> web.Response:
        asked = _decoded(_IndexCall, await request.read())
        entries = self._service.library.index()
        return _json([msgspec.to_builtins(entry) for entry in entries if entry.state == "READY" or not asked.ready])

    async def load(self, request: web.Request) -> web.Response:
        parameters = _decoded(_RepositoryCall, await request.read()).parameters
        await self._service.load(request.match_info["name"], parameters)
        return _json({})

    async def unload(self, request: web.Request) -> web.Response:
        parameters = _decoded(_RepositoryCall, await request.read()).parameters
        await self._service.unload(request.match_info["name"], parameters)
        return _json({})

    async def metrics(self, request: web.Request) -> web.Response:  # noqa: ARG002
        library = self._service.library
        queued = [(b.model.name, b.model.version, b.queued_requests) for b in library.batchers()]
        return web.Response(text=exposition(library.figures.values(), queued), content_type="text/plain")

    async def telemetry(self, request: web.Request) -> web.Response:  # noqa: ARG002
        return _json(telemetry(self._service, self._worker))


def _asked(request: web.Request) -> tuple[str, str]:
    return request.match_info.get("name", ""), request.match_info.get("version", "")


def _decoded(kind: Any, body: bytes) -> Any:
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(Reason.INVALID, f"the body is not the protocol's JSON: {error}") from None


def _json(value: Any, status: int = HTTPStatus.OK) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")


@web.middleware
async def _errors(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Say what went wrong as the protocol does: `{"error": ...}` with a status that is not 200."""
    try:
        return await handler(request)
    except Refused as refused:
        return _json({"error": str(refused)}, refused.reason.http)
    except web.HTTPException as error:
        return _json({"error": f"{request.method} {request.path}: {error.text or error.reason}"}, error.status)
    except Exception as error:  # noqa: BLE001 - logged; its client gets an error, everybody else goes on
        _log.exception("%s %s failed", request.method, request.path)
        return _json({"error": f"{type(error).__name__}: {error}"}, HTTPStatus.INTERNAL_SERVER_ERROR)
