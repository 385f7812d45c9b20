"""The worker as a process: ports, models, signals, and an end that finishes what was begun."""

import asyncio
import logging
import signal
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from inference.repository import ModelFiles, ModelRepository
from inference.server.batch_queue import BatchLimits
from inference.server.grpc_server import grpc_server
from inference.server.http_server import http_application
from inference.server.library import ModelLibrary
from inference.server.served_model import ServedModel
from inference.server.service import InferService
from inference.server.two_tower_models import two_tower_models
from inference.two_tower import load_two_tower
from schemas.errors import ServerUnavailable

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """How a worker runs.

    Attributes:
        models: version by name, of those that a person names.
        http_port: 0 takes a free one.
        grpc_port: 0 takes a free one; None serves no gRPC.
        providers: execution providers, the most wanted first; those that are not available are left out.
        drain_s: how long requests under way may take once the worker is told to end.
    """

    models_dir: Path
    models: Mapping[str, str] = field(default_factory=dict)
    host: str = "127.0.0.1"
    http_port: int = 8000
    grpc_port: int | None = 8001
    limits: BatchLimits = field(default_factory=BatchLimits)
    providers: tuple[str, ...] = ("CPUExecutionProvider",)
    intra_op_threads: int = 1
    max_body_bytes: int = 16 * 2**20
    drain_s: float = 20.0
    worker: str = "worker"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a worker answers."""

    http: str
    grpc: str | None


async def serve(options: WorkerOptions, announce: Callable[[Addresses], None]) -> None:
    """Serve until SIGTERM or SIGINT, then answer what is under way and return.

    Args:
        options: how.
        announce: told the addresses once the models are warm.

    Raises:
        ModelRefused: no model can be served.
        ServerUnavailable: a port is taken.
    """
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    with ThreadPoolExecutor(1, thread_name_prefix="matchwatch-compute") as compute:
        await _serve(options, announce, ending, compute)


async def _serve(
    options: WorkerOptions, announce: Callable[[Addresses], None], ending: asyncio.Event, compute: ThreadPoolExecutor
) -> None:
    def open_model(files: ModelFiles) -> list[ServedModel]:
        return two_tower_models(load_two_tower(files, options.intra_op_threads, options.providers))

    library = ModelLibrary(ModelRepository(options.models_dir), open_model, options.limits, compute)
    service = InferService(library)
    runner = web.AppRunner(
        http_application(service, options.worker, options.max_body_bytes),
        access_log=None,
        handler_cancellation=True,
        shutdown_timeout=max(options.drain_s, 0.001),  # 0 would be no limit
    )
    await runner.setup()
    grpc = None if options.grpc_port is None else grpc_server(service, options.max_body_bytes)
    try:
        # Ports are open before models are loaded: whoever asks meanwhile is told that it lives and is not ready.
        http_address = await _open_http(runner, options)
        grpc_address = None if grpc is None else await _open_grpc(grpc, options)
        await _load(library, options, ending)
        if not ending.is_set():
            service.started = True
            announce(Addresses(http_address, grpc_address))
            await ending.wait()
        service.ending = True
        _log.info("ending: %d requests are under way, new ones are refused", service.under_way)
    finally:
        stopping = [runner.cleanup()] if grpc is None else [runner.cleanup(), grpc.stop(options.drain_s)]
        await asyncio.gather(*stopping)  # at the same time, so that both have `drain_s` and not twice as long
        await library.close()


async def _load(library: ModelLibrary, options: WorkerOptions, ending: asyncio.Event) -> None:
    """Load the models; if the worker is told to end first, no further one is begun."""
    loading = asyncio.create_task(library.start(options.models))
    told = asyncio.create_task(ending.wait())
    await asyncio.wait([loading, told], return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    if not loading.done():
        loading.cancel()
        await asyncio.gather(loading, return_exceptions=True)
        return
    await loading


async def _open_http(runner: web.AppRunner, options: WorkerOptions) -> str:
    try:
        await web.TCPSite(runner, options.host, options.http_port).start()
    except OSError as error:
        raise ServerUnavailable(
            f"{options.host}:{options.http_port}: {error.strerror}; choose another --http-port, 0 for a free one"
        ) from error
    host, port = runner.addresses[0][:2]
    return f"http://{host}:{port}"


async def _open_grpc(server: object, options: WorkerOptions) -> str:
    try:
        port = server.add_insecure_port(f"{options.host}:{options.grpc_port}")  # type: ignore[attr-defined]
    except RuntimeError as error:
        raise ServerUnavailable(
            f"{options.host}:{options.grpc_port}: taken, or no address of this machine; "
            "choose another --grpc-port, 0 for a free one"
        ) from error
    await server.start()  # type: ignore[attr-defined]
    return f"{options.host}:{port}"
