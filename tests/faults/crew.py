"""The workers of a scene: started, stopped in every way, and started again by a keeper when they end by themselves."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from streams.parent_pipe import VARIABLE

DEADLINE_S = 90.0
POLL_S = 0.05
GRACE_S = 20.0


def wait_until(condition: Callable[[], object], what: str | Callable[[], str], deadline_s: float = DEADLINE_S) -> None:
    """Wait for a condition; fails with `what` at the deadline."""
    deadline = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() >= deadline:
            raise AssertionError(f"gave up after {deadline_s:.0f} s: {what if isinstance(what, str) else what()}")
        time.sleep(POLL_S)


@dataclass(eq=False)
class Worker:
    """One worker process."""

    role: str
    process: subprocess.Popen[bytes]
    log: Path
    address_file: Path
    wanted: bool = True
    """False once a test has ended it: then the keeper leaves it alone."""

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if the process is still there."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, number)

    def get(self, path: str) -> str | None:
        """Ask its HTTP side; None while it does not answer, or answers that it is not ready."""
        try:
            address = self.address_file.read_text().strip()
            with urllib.request.urlopen(address + path, timeout=2.0) as answer:  # noqa: S310 - our own worker
                return str(answer.read().decode())
        except (OSError, urllib.error.URLError, ValueError):
            return None

    @property
    def ready(self) -> bool:
        """Whether it is in its group and reads."""
        return self.get("/ready") is not None


class Crew:
    """Starts workers of some settings; a context manager that ends what still runs.

    Args:
        environment: that makes a command use the settings.
        folder: for logs.
        keep: start a worker again when it ends by itself, as `worker --role all` and any orchestrator would.
    """

    def __init__(self, environment: Mapping[str, str], folder: Path, *, keep: bool = False) -> None:
        self.environment = dict(environment)
        self.restarts: list[str] = []
        """Roles of the workers that had to be started again, with the last line that each said."""
        self._folder = folder
        self._workers: list[Worker] = []
        # Closes when this process ends, however it ends, and its workers with it.
        self._told, self._held = os.pipe()
        self._closing = threading.Event()
        self._keeper = threading.Thread(target=self._keep, daemon=True) if keep else None
        folder.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> "Crew":
        if self._keeper is not None:
            self._keeper.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        if self._keeper is not None:
            self._keeper.join()
        for worker in self._workers:
            worker.wanted = False
            worker.signal(signal.SIGCONT)
            worker.signal(signal.SIGTERM)
        deadline = time.monotonic() + GRACE_S
        for worker in self._workers:
            try:
                worker.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()
        os.close(self._held)
        os.close(self._told)

    def start(self, role: str, *options: str, **changes: str) -> Worker:
        """Start a worker with further options of the command; `changes` are further environment variables."""
        number = len(self._workers)
        log, address = self._folder / f"{role}-{number}.log", self._folder / f"{role}-{number}.address"
        with log.open("wb") as out:
            command = [sys.executable, "-m", "streams.cli.main", "worker", "--role", role, "--wait"]
            process = subprocess.Popen(
                [*command, "--address-file", str(address), *options],
                env={**self.environment, VARIABLE: str(self._told), **changes},
                pass_fds=[self._told],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        worker = Worker(role, process, log, address)
        self._workers.append(worker)
        return worker

    def started(self, *roles: str) -> None:
        """Wait until the running workers (of some roles) are in their groups and read."""
        for worker in self.running(*roles):
            wait_until(
                lambda worker=worker: worker.ready or worker.process.poll() is not None,
                lambda worker=worker: f"{worker.role} is not ready\n{worker.log.read_text()[-2000:]}",
            )

    def running(self, *roles: str) -> list[Worker]:
        """Give the workers that live (of some roles), oldest first."""
        return [w for w in list(self._workers) if w.process.poll() is None and (not roles or w.role in roles)]

    def kill(self, *roles: str) -> list[Worker]:
        """SIGKILL the workers of some roles, all if none is named."""
        return self._end(signal.SIGKILL, roles)

    def terminate(self, *roles: str) -> list[Worker]:
        """SIGTERM the workers of some roles and wait for their end; one that takes too long fails the test."""
        return self._end(signal.SIGTERM, roles)

    def terminate_one(self, worker: Worker) -> None:
        """SIGTERM one worker and wait for its end."""
        worker.wanted = False
        worker.signal(signal.SIGTERM)
        worker.process.wait(GRACE_S)

    def _end(self, number: signal.Signals, roles: tuple[str, ...]) -> list[Worker]:
        ended = self.running(*roles)
        for worker in ended:
            worker.wanted = False
            worker.signal(number)
        for worker in ended:
            worker.process.wait(GRACE_S)
        return ended

    def said(self) -> str:
        """Give the ends of all logs, for a failure's message."""
        return "\n".join(f"== {worker.log.name}\n{worker.log.read_text()[-1200:]}" for worker in self._workers)

    def _keep(self) -> None:
        while not self._closing.wait(0.2):
            for worker in list(self._workers):
                if worker.wanted and worker.process.poll() is not None:
                    worker.wanted = False
                    lines = worker.log.read_text(errors="replace").strip().splitlines()
                    self.restarts.append(f"{worker.role}: {lines[-1] if lines else ''}")
                    self.start(worker.role)
