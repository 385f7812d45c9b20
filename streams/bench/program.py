"""The processes of a program under measure: started, stopped in their tracks, let go, and their CPU time read."""

import os
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final

from schemas.config import PREFIX
from schemas.errors import MatchwatchError
from streams.bench.cpu import cpu_seconds
from streams.stack.lifeline import Lifeline
from streams.stack.process import Process, last_line, spawn, stop, wait_until_ended

_POLL_S: Final = 0.02
_KILLED_S: Final = 30.0


class BenchFailed(MatchwatchError):
    """A program under measure ended, came to no end, or lost events: no figure is given, and the exit code is 1."""


class Program:
    """Processes that end with the block.

    Args:
        commands: command line of each process, by name.
        env: what is added to the environment, from which our own settings are taken out.
        folder: for what they print.
        lifeline: ends them also where this process is killed.
    """

    def __init__(
        self, commands: Mapping[str, Sequence[str]], env: Mapping[str, str], folder: Path, lifeline: Lifeline
    ) -> None:
        self._commands = commands
        # No setting of whoever calls the bench may change what is measured.
        ours = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        self._env = {**ours, **env}
        self._folder = folder
        self._lifeline = lifeline
        self._processes: dict[str, Process] = {}

    def __enter__(self) -> "Program":
        for name, command in self._commands.items():
            process = spawn(command, self._folder / f"{name}.log", self._env)
            self._processes[name] = process
            self._lifeline.tie(process)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.go_on()
        for process in self._processes.values():
            stop(process, grace_s=0)

    def halt(self) -> None:
        """Let no process run (SIGSTOP): what is sent meanwhile is a backlog when it goes on."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let the processes run again."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End all at once (SIGKILL), and wait until they have."""
        self._signal(signal.SIGKILL)
        for name, process in self._processes.items():
            if not wait_until_ended(process, _KILLED_S):
                raise BenchFailed(f"{name} was killed and has not ended")

    def cpu_seconds(self) -> dict[str, float]:
        """CPU time of each process with its children."""
        self.check()
        return {name: cpu_seconds([process.pid]) for name, process in self._processes.items()}

    def check(self) -> None:
        """See that all run.

        Raises:
            BenchFailed: one has ended.
        """
        for name, process in self._processes.items():
            if not process.alive:
                raise BenchFailed(f"{name} ended: {last_line(process.log)} (log: {process.log})")

    def wait_until(self, what: str, done: "Condition", deadline_s: float) -> None:
        """Wait for a condition while all processes run.

        Raises:
            BenchFailed: one has ended, or the time is over.
        """
        until_s = time.monotonic() + deadline_s
        while not done():
            self.check()
            if time.monotonic() > until_s:
                raise BenchFailed(f"waited {deadline_s:.0f} s for {what}")
            time.sleep(_POLL_S)

    def _signal(self, number: signal.Signals) -> None:
        for process in self._processes.values():
            if process.alive:
                os.kill(process.pid, number)


class Condition(ABC):
    """Says whether something has come true; asked again and again."""

    @abstractmethod
    def __call__(self) -> bool:
        """Whether it has."""
