"""A real pool worker for tests: a process of its own, with its addresses."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import msgspec

from inference.manifest import Calibration, Manifest, encode_manifest

SHIPPED = Path(__file__).parents[3] / "models" / "shop-match" / "1"
START_S = 60.0


class WorkerProcess:
    """`matchwatch serve` on free ports (or on a given one), ready when the block begins, killed when it ends."""

    def __init__(self, models: Path, *options: str, http_port: int = 0) -> None:
        self._command = [
            sys.executable, "-m", "streams.cli.main", "serve", "--models", str(models),
            "--http-port", str(http_port), "--grpc-port", "0", *options,
        ]  # fmt: skip
        self.http = self.grpc = ""

    def __enter__(self) -> "WorkerProcess":
        self.process = subprocess.Popen(self._command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), True)
        line = self.process.stdout.readline()
        assert line, self.process.communicate(timeout=START_S)[1]
        told = json.loads(line)
        self.http, self.grpc = told["http"], told["grpc"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.communicate(timeout=START_S)

    @property
    def http_address(self) -> str:
        return self.http.removeprefix("http://")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(START_S)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(START_S)


def copied_model(root: Path, version: str, calibration: Calibration | None = None) -> Path:
    """Put the shipped model under another version, with another calibration if wanted."""
    folder = Path(shutil.copytree(SHIPPED, root / "shop-match" / version))
    manifest = msgspec.json.decode((folder / "manifest.json").read_bytes(), type=Manifest)
    manifest = msgspec.structs.replace(manifest, version=version, calibration=calibration or manifest.calibration)
    (folder / "manifest.json").write_bytes(encode_manifest(manifest))
    return folder


def wait_until(what: str, done: Callable[[], bool], deadline_s: float = 30.0) -> None:
    """Poll a condition."""
    until_s = time.monotonic() + deadline_s
    while not done():
        assert time.monotonic() < until_s, f"waited {deadline_s} s for {what}"
        time.sleep(0.01)
