"""Workers in the background, one process for each role, each ready before the next command runs."""

import os
import sys
import time
from collections.abc import Callable, Sequence
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final

import msgspec

from schemas.errors import ServerUnavailable
from schemas.settings import Settings
from streams.roles import ROLES, port_of_role
from streams.stack.home import Stack, Worker, write_stack
from streams.stack.ports import LOOPBACK, free_ports
from streams.stack.process import spawn, stop
from streams.stack.worker_log import reason_of_end

_READY_S: Final = 60.0
_POLL_S: Final = 0.1


def start_workers(
    home: Path,
    stack: Stack,
    settings: Settings,
    config: Path | None,
    tell: Callable[[str], None],
    *,
    options: Sequence[str] = (),
) -> Stack:
    """Start a worker of each role that has none, and wait until all answer GET /ready.

    One that looks for servers elsewhere than the settings say, as these have moved, is started anew.

    Args:
        home: folder of the stack; call with its lock held.
        stack: what runs.
        settings: theirs; a port of 0 becomes a free one of each worker's own.
        config: the settings file they are given.
        tell: told in one line what takes a while.
        options: further ones of `matchwatch worker`, for those that are started.

    Raises:
        ServerUnavailable: one ended or was not ready in time; those that this call started are stopped.
    """
    stack = _without_stale(stack, settings, tell)
    running = {worker.name for worker in stack.workers}
    missing = [role for role in ROLES if f"worker-{role}" not in running]
    started: list[Worker] = []
    if missing:
        tell("waiting for the workers to be ready")
    try:
        for role, port in zip(missing, free_ports(len(missing)), strict=True):
            started.append(
                _start(home, role, port_of_role(settings.http.port, role) or port, settings, config, options=options)
            )
            stack = msgspec.structs.replace(stack, workers=(*stack.workers, started[-1]))
            write_stack(home, stack)
        for worker in stack.workers:
            _wait(worker)
    except BaseException:
        for worker in started:
            stop(worker.process)
        alive = tuple(worker for worker in stack.workers if worker.process.alive)
        write_stack(home, msgspec.structs.replace(stack, workers=alive))
        raise
    return stack


def _without_stale(stack: Stack, settings: Settings, tell: Callable[[str], None]) -> Stack:
    """Leave only the workers that run and look for the servers where they are; stop the others."""
    kept = []
    for worker in stack.workers:
        if not worker.process.alive:
            continue
        if worker.looks_elsewhere(settings):
            tell(f"{worker.name} looks for servers where they were before: it is started anew")
            stop(worker.process)
        else:
            kept.append(worker)
    return msgspec.structs.replace(stack, workers=tuple(kept))


def _start(
    home: Path, role: str, port: int, settings: Settings, config: Path | None, *, options: Sequence[str]
) -> Worker:
    command = [sys.executable, "-m", "streams.cli.main", "worker", "--role", role, *options]
    if config is not None:
        command += ["--config", str(config)]
    environment = {**os.environ, "MATCHWATCH_HTTP_PORT": str(port)}
    process = spawn(command, home / "workers" / f"{role}.log", environment)
    return Worker(
        name=f"worker-{role}",
        address=f"http://{LOOPBACK}:{port}",
        process=process,
        kafka=settings.kafka.brokers,
        redis=settings.redis.shown_url,
    )


def _wait(worker: Worker) -> None:
    deadline = time.monotonic() + _READY_S
    while not is_ready(worker.address):
        log = worker.process.log
        if not worker.process.alive:
            raise ServerUnavailable(f"{worker.name} ended at its start: {reason_of_end(log)} (log: {log})")
        if time.monotonic() > deadline:
            raise ServerUnavailable(f"{worker.name} was not ready within {_READY_S:.0f} s (log: {log})")
        time.sleep(_POLL_S)


def is_ready(address: str) -> bool:
    """Whether a worker at this address answers GET /ready with 200."""
    connection = HTTPConnection(address.removeprefix("http://"), timeout=2.0)
    try:
        connection.request("GET", "/ready")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
