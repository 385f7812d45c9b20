"""What a worker says when something it needs is not there."""

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.settings import Settings
from tests.integration.pipeline.harness import MODELS, environment

pytestmark = pytest.mark.kafka


@pytest.fixture
def dead_port() -> Iterator[int]:
    """A port that is taken, so that nobody else gets it, and that nobody listens on."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]


def worker(settings: Settings, role: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "streams.cli.main", "worker", "--role", role],
        env={**environment(settings), **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("role", ["all", "evaluate"])
def test_without_kafka_a_worker_says_so_in_one_line(settings: Settings, dead_port: int, role: str) -> None:
    ended = worker(settings, role, MATCHWATCH_KAFKA_BROKERS=f"127.0.0.1:{dead_port}")
    assert ended.returncode == 1
    assert ended.stderr.splitlines() == [
        f"matchwatch: no Kafka answers at 127.0.0.1:{dead_port}: start one with `matchwatch up`, or set kafka.brokers"
    ]


def test_without_redis_a_worker_says_so_in_one_line_and_hides_the_password(settings: Settings, dead_port: int) -> None:
    ended = worker(settings, "detect", MATCHWATCH_REDIS_URL=f"redis://:secret@127.0.0.1:{dead_port}/0")
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    assert f"127.0.0.1:{dead_port}" in ended.stderr
    assert "secret" not in ended.stderr


def test_a_changed_model_file_is_refused_with_its_path(settings: Settings, tmp_path: Path) -> None:
    shutil.copytree(MODELS, tmp_path / "models")
    changed = tmp_path / "models" / "shop-match" / "1" / "tokenizer.json"
    changed.write_bytes(changed.read_bytes() + b" ")
    ended = worker(settings, "score", MATCHWATCH_SCORE_MODELS_DIR=str(tmp_path / "models"))
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    assert str(changed) in ended.stderr
