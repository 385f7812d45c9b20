"""Figures that workers show while a scene goes on, sampled, so that the highest can be held against a bound."""

import re
import threading
from pathlib import Path

from tests.faults.crew import Worker

EVERY_S = 0.2
_SAMPLE = re.compile(r"^(?P<name>[a-z_]+)(\{[^}]*\})? (?P<value>[0-9.e+-]+)$", re.MULTILINE)


def metric(worker: Worker, name: str) -> float:
    """Give a metric summed over its labels; 0 where the worker does not show it."""
    text = worker.get("/metrics") or ""
    return sum(float(found["value"]) for found in _SAMPLE.finditer(text) if found["name"] == name)


def rss_mb(worker: Worker) -> float:
    """Give a worker's resident memory, of anonymous pages: what it allocated, not what it maps of files."""
    text = Path(f"/proc/{worker.process.pid}/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+) kB", text)[1]) / 1024


class Peaks(threading.Thread):
    """Samples a worker in the background; a context manager.

    Args:
        worker: that lives on until the end.
        names: of metrics.
    """

    def __init__(self, worker: Worker, *names: str) -> None:
        super().__init__(daemon=True)
        self._worker, self._names = worker, names
        self._ending = threading.Event()
        self.first_mb = rss_mb(worker)
        self.peak_mb = self.first_mb
        self.of: dict[str, float] = dict.fromkeys(names, 0.0)
        """The highest value of each metric."""

    def __enter__(self) -> "Peaks":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self.join()

    def run(self) -> None:
        while not self._ending.wait(EVERY_S):
            try:
                self.peak_mb = max(self.peak_mb, rss_mb(self._worker))
            except FileNotFoundError:
                return
            for name in self._names:
                self.of[name] = max(self.of[name], metric(self._worker, name))

    @property
    def growth_mb(self) -> float:
        """How much memory the worker took beyond what it began with."""
        return self.peak_mb - self.first_mb
