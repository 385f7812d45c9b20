"""What a worker says when something it needs is not there."""

import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

from schemas.settings import Settings
from streams.roles import ROLES, port_of_role
from streams.stack.kafka import start_kafka
from streams.stack.process import stop
from tests.integration.pipeline.harness import MODELS, Pipeline, environment, wait_until

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


def test_one_command_runs_all_three_stages_until_it_is_killed(settings: Settings, tmp_path: Path) -> None:
    address = tmp_path / "address"
    supervisor = subprocess.Popen(
        [sys.executable, "-m", "streams.cli.main", "worker", "--address-file", str(address)],
        env=environment(settings),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
    )
    try:
        files = [Path(f"{address}.{role}") for role in ROLES]
        wait_until(lambda: all(file.exists() and file.read_text("ascii") for file in files), "three addresses")
        addresses = [file.read_text("ascii").strip() for file in files]
        assert len(set(addresses)) == len(ROLES)
        wait_until(lambda: all(answers(one, "/ready") for one in addresses), "three stages that are ready")
        assert all(answers(one, "/live") for one in addresses)
    finally:
        supervisor.kill()
        supervisor.wait()
    wait_until(lambda: not any(answers(one, "/live") for one in addresses), "the end of all stages")


def test_a_worker_whose_broker_has_gone_is_alive_and_not_ready(
    fresh_settings: Callable[..., Settings], redis_url: str, tmp_path: Path
) -> None:
    brokers, server = start_kafka(tmp_path / "kafka")
    settings = fresh_settings(redis={"url": redis_url}, kafka={"brokers": brokers})
    try:
        with Pipeline(settings, tmp_path) as pipeline:
            running = pipeline.start("evaluate", "--address-file", str(tmp_path / "address"))
            wait_until(lambda: bool(address_of(tmp_path)), "an address")
            address = address_of(tmp_path)
            wait_until(lambda: answers(address, "/ready"), "a worker that is ready")
            stop(server, grace_s=0)
            wait_until(lambda: not answers(address, "/ready"), "a worker that says it is not ready")
            assert answers(address, "/live")
            running.kill()
            running.wait()
    finally:
        stop(server, grace_s=0)


def address_of(folder: Path) -> str:
    file = folder / "address"
    return file.read_text("ascii").strip() if file.exists() else ""


def answers(address: str, path: str) -> bool:
    connection = HTTPConnection(address.removeprefix("http://"), timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def test_a_port_that_is_taken_is_said_in_one_line(settings: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = worker(settings, "detect", MATCHWATCH_HTTP_PORT=str(port))
    assert ended.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in ended.stderr


def test_roles_that_run_beside_each_other_have_ports_in_a_row() -> None:
    assert [port_of_role(9100, role) for role in ROLES] == [9100, 9101, 9102]
    assert [port_of_role(0, role) for role in ROLES] == [0, 0, 0]
