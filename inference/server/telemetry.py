"""How a worker is, for whoever asks: what `streams` carries to `model-events`."""

import time
from pathlib import Path
from typing import Any

from inference.server.gpu_memory import gpu_memory_bytes
from inference.server.service import InferService


def telemetry(service: InferService, worker: str) -> dict[str, Any]:
    """Give the worker's state in the shape of a `worker` record of `model-events`, without its timestamp.

    Args:
        service: the worker.
        worker: its name.
    """
    library = service.library
    return {
        "type": "worker",
        "time_ms": time.time_ns() // 1_000_000,
        "worker": worker,
        "models": [
            {"name": entry.name, "version": entry.version, "state": entry.state.lower()}
            for entry in library.index()
            if entry.state != "UNAVAILABLE"
        ],
        "rss_bytes": _rss_bytes(),
        "gpu_memory_bytes": gpu_memory_bytes(),
        "queue_depth": sum(batcher.queued_rows for batcher in library.batchers()),
        "rows_total": sum(figures.rows for figures in library.figures.values()),
    }


def _rss_bytes() -> int | None:
    try:
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None
