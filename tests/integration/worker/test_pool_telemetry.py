"""What pool workers write to `model-events` becomes signals and gauges, also over a detect that was killed."""

import json
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest

from schemas.encode import encode_worker_telemetry
from schemas.events import WorkerTelemetry
from schemas.settings import Settings
from tests.integration.pipeline.harness import Pipeline, wait_until
from tests.integration.readers.topic_writing import call, write

pytestmark = pytest.mark.kafka


def test_workers_reports_become_signals_once(settings: Settings, tmp_path: Path) -> None:
    begun_ms = int(time.time()) // 10 * 10_000 - 200_000

    def report(second: int) -> bytes:
        worker = WorkerTelemetry(begun_ms + 1000 * second, "gpu-1", [], rss_bytes=10**9 + second, queue_depth=3)
        return encode_worker_telemetry(worker)

    def printed() -> list[float | None]:
        result = call(settings, tmp_path, "signals", "--json", "--signal", "worker_rss_bytes", "--series", "*/gpu-1")
        assert result.exit_code == 0, result.stderr
        return [json.loads(line)["value"] for line in result.stdout.splitlines()]

    write(settings, "model-events", [report(second) for second in range(0, 60, 5)])
    address = tmp_path / "address"
    with Pipeline(settings, tmp_path) as pipeline:
        first = pipeline.start("detect", "--address-file", str(address))
        wait_until(lambda: len(printed()) == 2, "the cohorts that nobody waits for any more")
        first.kill()
        first.wait()
        address.unlink()
        write(settings, "model-events", [report(second) for second in range(60, 120, 5)])
        pipeline.start("detect", "--address-file", str(address))
        wait_until(lambda: len(printed()) == 8, "the cohorts that came while nobody was there")
        write(settings, "model-events", [report(125)])
        wait_until(lambda: "matchwatch_pool_worker_rss_bytes" in metrics(address), "a gauge of the worker")
        wait_until(lambda: gauge(metrics(address)) == 1e9 + 125, "what it reported last")
        wait_until(lambda: len(printed()) == 9, "the cohort that it completes")
    assert printed() == [1e9 + 10 * number + 2.5 for number in range(9)]


def metrics(address: Path) -> str:
    if not address.exists() or not address.read_text("ascii").strip():
        return ""
    connection = HTTPConnection(address.read_text("ascii").strip().removeprefix("http://"), timeout=5)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def gauge(text: str) -> float:
    (line,) = [
        line for line in text.splitlines() if line.startswith('matchwatch_pool_worker_rss_bytes{worker="gpu-1"}')
    ]
    return float(line.split()[-1])
