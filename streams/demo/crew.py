"""The pipeline's three workers as child processes that end with the demo."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from schemas.errors import ServerUnavailable
from schemas.settings import Settings
from streams.roles import ROLES
from streams.stack.lifeline import Lifeline
from streams.stack.process import Process, last_line, spawn, stop
from streams.stack.workers import is_ready

_READY_S: Final = 60.0
_GRACE_S: Final = 3.0
_POLL_S: Final = 0.1


class Worker(msgspec.Struct, frozen=True):
    """One worker."""

    role: str
    process: Process
    address_file: Path


class Crew:
    """The workers at work."""

    def __init__(self, workers: list[Worker]) -> None:
        self._workers = workers

    def check(self) -> None:
        """See that all live.

        Raises:
            ServerUnavailable: one ended; the message has its last line.
        """
        for worker in self._workers:
            if not worker.process.alive:
                log = worker.process.log
                raise ServerUnavailable(f"the {worker.role} worker ended: {last_line(log)} (log: {log})")

    def wait_until_ready(self) -> None:
        """Return when every worker is in its group.

        Raises:
            ServerUnavailable: one ended, or was not ready in time.
        """
        deadline_s = time.monotonic() + _READY_S
        waiting = list(self._workers)
        while waiting:
            self.check()
            waiting = [worker for worker in waiting if not _is_ready(worker)]
            if waiting and time.monotonic() > deadline_s:
                late = waiting[0]
                raise ServerUnavailable(
                    f"the {late.role} worker was not ready within {_READY_S:.0f} s (log: {late.process.log})"
                )
            if waiting:
                time.sleep(_POLL_S)


@contextlib.contextmanager
def crew(folder: Path, settings: Settings, lifeline: Lifeline) -> Iterator[Crew]:
    """Start a worker of each role; they end with the block, and with this process however it ends.

    Args:
        folder: gets their settings, addresses and logs; what an earlier demo left is replaced.
        settings: theirs; nothing of the caller's own settings file or environment reaches them.
        lifeline: they are tied to it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "matchwatch.toml"
    config.write_text(_toml(settings), encoding="utf-8")
    # Another stack may be up, and the shell may have settings for it: the demo's workers must not follow those.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MATCHWATCH_")}
    environment["MATCHWATCH_HOME"] = str(folder)
    workers: list[Worker] = []
    try:
        for role in ROLES:
            log, address = folder / f"{role}.log", folder / f"{role}.address"
            for old in (log, address):
                old.unlink(missing_ok=True)
            command = [sys.executable, "-m", "streams.cli.main", "worker", "--role", role]
            command += ["--config", str(config), "--address-file", str(address)]
            process = spawn(command, log, environment)
            lifeline.tie(process)
            workers.append(Worker(role, process, address))
        yield Crew(workers)
    finally:
        for worker in workers:
            stop(worker.process, _GRACE_S)


def _is_ready(worker: Worker) -> bool:
    try:
        address = worker.address_file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return False
    return bool(address) and is_ready(address)


def _toml(settings: Settings) -> str:
    """Write what differs from the defaults; every value here is a string that TOML quotes as JSON does."""
    tables = {
        "kafka": {"brokers": settings.kafka.brokers},
        "redis": {"url": settings.redis.url},
        "score": {"models_dir": settings.score.models_dir},
    }
    lines = []
    for table, values in tables.items():
        lines += [f"[{table}]", *(f"{name} = {msgspec.json.encode(value).decode()}" for name, value in values.items())]
    return "\n".join(lines) + "\n"
