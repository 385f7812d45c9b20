"""`matchwatch backtest --kafka` says what the running pipeline said, and the folder's own backtest says it too."""

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.settings import Settings
from schemas.timestamps import timestamp_ms
from streams.shop.faults import parse_fault
from streams.shop.recording import record
from streams.shop.settings import DEFAULT_START_MS, SimulationSettings
from tests.integration.pipeline.harness import Closing, Pipeline, Topic, wait_until
from tests.integration.readers.topic_writing import call

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

PARTITIONS = 4


def lines(settings: Settings, home: Path, *command: str | Path) -> list[dict[str, Any]]:
    result = call(settings, home, *map(str, command), "--json")
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def decided(alerts: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """By id: the whole alert, but for when it was sent and how far the log had been read when it was decided."""
    found = {}
    for alert in alerts:
        data = {name: value for name, value in alert["data"].items() if name != "detected_at"}
        found[alert["id"]] = {**{name: value for name, value in alert.items() if name != "time"}, "data": data}
    assert len(found) == len(alerts)
    return found


def _differing(alerts: list[dict[str, Any]], others: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Say which fields of which alerts differ."""
    one, other = decided(alerts), decided(others)
    pairs = {what: (one.get(what, {}), other.get(what, {})) for what in sorted({*one, *other})}
    flat = {
        what: tuple({**alert.get("data", {}), "type": alert.get("type")} for alert in pair)
        for what, pair in pairs.items()
    }
    found = [
        (what, name, mine.get(name), yours.get(name))
        for what, (mine, yours) in flat.items()
        for name in sorted({*mine, *yours})
        if mine.get(name) != yours.get(name)
    ]
    assert bool(found) is (one != other)
    return found


@pytest.mark.timeout(300)
def test_it_says_bit_for_bit_what_the_running_pipeline_said(settings: Settings, tmp_path: Path) -> None:
    shop = SimulationSettings(
        rate=12.0,
        minutes=16.0,
        seed=4,
        start_ms=DEFAULT_START_MS,
        faults=(parse_fault("bad_ranker@7"), parse_fault("decoy@3")),
    )
    record(shop, tmp_path / "shop")
    with Pipeline(settings, tmp_path) as pipeline, Topic(settings, "rollups", 1) as topic:
        for role in ("score", "evaluate", "detect"):
            pipeline.start(role)
        closing = Closing(topic)
        (summary,) = lines(settings, tmp_path, "replay", tmp_path / "shop", "--finish")
        wait_until(lambda: closing.reached(summary["watermark_ms"], PARTITIONS), "not everything is closed")
        expected = lines(settings, tmp_path, "backtest", "--kafka")
        ids = {alert["id"] for alert in expected}
        wait_until(lambda: {alert["id"] for alert in lines(settings, tmp_path, "alerts")} >= ids, "the live alerts")
        live = lines(settings, tmp_path, "alerts")

    assert _differing(expected, live) == []
    assert {alert["data"]["rule"] for alert in live} >= {"match_drop", "ctr_drop"}
    assert any(alert["data"]["samples"] for alert in live)
    for alert in expected:  # in the time of events, not of reading
        assert alert["time"] == (alert["data"].get("resolved_at") or alert["data"]["detected_at"])
        started_ms = timestamp_ms(alert["data"]["started_at"], "")
        assert 0 <= timestamp_ms(alert["data"]["detected_at"], "") - started_ms < 8 * 60_000
    assert lines(settings, tmp_path, "backtest", "--kafka") == expected

    # The recording itself, scored anew, cut into other blocks.
    assert _differing(lines(settings, tmp_path, "backtest", tmp_path / "shop"), live) == []

    nothing = call(settings, tmp_path, "backtest", "--kafka", "--from", "2027-01-01T00:00:00Z")
    assert nothing.exit_code == 1
    assert "the log ends at 2026-01-05T11:" in nothing.stderr
