import json
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner
from confluent_kafka.admin import AdminClient, NewTopic

from schemas.topics import CATALOG_ITEMS, CLICK_EVENTS, MODEL_EVENTS, SEARCH_EVENTS
from streams.cli.replay import command as replay_command
from streams.cli.simulate import command as simulate_command
from streams.replay.ubi import SAMPLE_LOG

pytestmark = pytest.mark.kafka


def test_a_simulation_and_a_ubi_log_are_sent_by_command(kafka: str, tmp_path: Path) -> None:
    prefix = "by-command."
    admin = AdminClient({"bootstrap.servers": kafka, "log_level": 0})
    topics = (CATALOG_ITEMS, MODEL_EVENTS, SEARCH_EVENTS, CLICK_EVENTS)
    wanted = [NewTopic(prefix + topic.name, topic.partitions(2), 1, config=topic.config()) for topic in topics]
    for future in admin.create_topics(wanted).values():
        future.result(timeout=30)
    env = {
        "MATCHWATCH_HOME": str(tmp_path / "home"),
        "MATCHWATCH_KAFKA_BROKERS": kafka,
        "MATCHWATCH_KAFKA_TOPIC_PREFIX": prefix,
    }
    runner = CliRunner(env=env)
    short = ["--rate", "5", "--minutes", "1", "--seed", "3", "--start", "2026-01-05T10:00:00Z"]

    live = runner.invoke(simulate_command, [*short, "--speed", "0", "--finish", "--json"])
    assert live.exit_code == 0, live.output
    written = runner.invoke(simulate_command, [*short, "--out", str(tmp_path / "recording"), "--json"])
    controls = Counter({"search-events": 2, "click-events": 2})  # one in each partition
    assert json.loads(live.stdout)["sent"] == Counter(json.loads(written.stdout)["lines"]) + controls

    again = runner.invoke(replay_command, [str(tmp_path / "recording"), "--json"])
    assert again.exit_code == 0, again.output
    assert json.loads(again.stdout)["sent"] == json.loads(written.stdout)["lines"]

    ubi = runner.invoke(replay_command, [str(SAMPLE_LOG), "--format", "ubi", "--finish"])
    assert ubi.exit_code == 0, ubi.output
    assert "search with results" in ubi.stdout
    assert "action not used: on_search" in ubi.stdout
    assert "finished: watermark 2025-" in ubi.stdout
