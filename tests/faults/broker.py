"""A Kafka of a scene's own, that may be hurt: stopped, killed, frozen, refused its disk, and started again."""

import os
import resource
import signal
import time
from collections.abc import Mapping
from pathlib import Path

from streams.stack.kafka import start_kafka
from streams.stack.lifeline import Lifeline
from streams.stack.ports import port_of
from streams.stack.process import stop, wait_until_ended

TRIES = 3


class Broker:
    """One node and its folder; started by construction."""

    def __init__(self, home: Path, lifeline: Lifeline, properties: Mapping[str, str] | None = None) -> None:
        self._home, self._lifeline, self._properties = home, lifeline, dict(properties or {})
        self.address, self._process = start_kafka(home, tie=lifeline.tie, properties=self._properties)

    def start(self) -> None:
        """Start it again where it was."""
        for _ in range(TRIES):
            address, self._process = start_kafka(
                self._home, tie=self._lifeline.tie, preferred_port=port_of(self.address), properties=self._properties
            )
            if address == self.address:
                return
            stop(self._process, 0.0)  # its port was not free yet
            time.sleep(1.0)  # so that what holds it can go; there is no event for it
        raise AssertionError(f"the port of {self.address} does not become free")

    def terminate(self) -> None:
        """SIGTERM, as an orderly restart does."""
        stop(self._process, 30.0)

    def kill(self) -> None:
        """SIGKILL: nothing is flushed, no client is told."""
        stop(self._process, 0.0)

    def freeze(self) -> None:
        """SIGSTOP: connections stay, nobody answers."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        os.kill(self._process.pid, signal.SIGCONT)

    def refuse_disk(self) -> None:
        """Let every write to a file fail from now on, as on a disk that is full."""
        resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))

    def ended(self, deadline_s: float) -> bool:
        """Wait for its end; False if it still runs."""
        return wait_until_ended(self._process, deadline_s)

    def close(self) -> None:
        """End it."""
        stop(self._process, 0.0)
