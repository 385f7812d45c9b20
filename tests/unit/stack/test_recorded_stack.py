"""What `stack.json` records is what commands go by, whether or not it still runs."""

from pathlib import Path

import msgspec
import pytest

from schemas.config import parse_settings
from streams.stack.home import Server, Stack, Worker, load_settings, read_stack, write_stack
from streams.stack.process import Process

ENDED = Process(pid=1, born="0@an earlier boot", log="log")
STACK = Stack(
    kind="kafka",
    kafka=Server("kafka", "127.0.0.1:40001", ENDED),
    redis=Server("redis", "redis://127.0.0.1:40002/0", ENDED),
)


def test_a_stack_that_died_still_gives_its_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATCHWATCH_HOME", str(tmp_path))
    write_stack(tmp_path, STACK)
    settings = load_settings(env={})
    assert settings.kafka.brokers == "127.0.0.1:40001"
    assert settings.redis.url == "redis://127.0.0.1:40002/0"
    assert load_settings(env={"MATCHWATCH_KAFKA_BROKERS": "given:1"}).kafka.brokers == "given:1"
    write_stack(tmp_path, None)
    assert load_settings(env={}).kafka.brokers == "127.0.0.1:9092"


def test_a_worker_remembers_where_it_looks_without_the_password(tmp_path: Path) -> None:
    settings = parse_settings({"kafka": {"brokers": "one:1"}, "redis": {"url": "redis://:secret@one:2/0"}}, {})
    worker = Worker("worker-score", "http://one:3", ENDED, settings.kafka.brokers, settings.redis.shown_url)
    write_stack(tmp_path, msgspec.structs.replace(STACK, workers=(worker,)))
    assert "secret" not in (tmp_path / "stack.json").read_text()
    found = read_stack(tmp_path)
    assert found is not None
    assert found.workers == (worker,)
    assert not found.workers[0].looks_elsewhere(settings)


@pytest.mark.parametrize("moved", [{"kafka": {"brokers": "two:1"}}, {"redis": {"url": "redis://two:2/0"}}])
def test_a_worker_looks_elsewhere_once_either_server_has_moved(moved: dict[str, dict[str, str]]) -> None:
    at = {"kafka": {"brokers": "one:1"}, "redis": {"url": "redis://one:2/0"}}
    settings = parse_settings(at, {})
    worker = Worker("worker-score", "http://one:3", ENDED, settings.kafka.brokers, settings.redis.shown_url)
    assert worker.looks_elsewhere(parse_settings({**at, **moved}, {}))
