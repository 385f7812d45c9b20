"""A silence is asked for, an alert is silenced, the silence is ended, and subscribers are told."""

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.rollup import encode_rollup
from schemas.settings import Settings
from schemas.timestamps import format_timestamp
from tests.integration.pipeline.harness import Pipeline, Topic, wait_until
from tests.integration.readers.topic_writing import call, write
from tests.unit.detect.shop_rollups import START_MS, Shop, changed_at

pytestmark = pytest.mark.kafka
SHOP = Shop(rate=40, minutes=60, seed=32, story=changed_at(1500, match=0.6), surfaces=("search",))
CHUNK = 20
"""Records that are written at once: several cohorts."""


def test_a_silenced_alert_is_told_when_its_silence_is_expired(settings: Settings, tmp_path: Path) -> None:
    def silence(*arguments: str) -> str:
        done = call(settings, tmp_path, "silence", *arguments)
        assert done.exit_code == 0, done.stderr
        return done.stdout.strip()

    def listed(*options: str) -> list[tuple[str, str]]:
        lines = silence("list", "--json", *options).splitlines()
        return [(one["id"], one["state"]) for one in map(json.loads, lines)]

    start, later = format_timestamp(START_MS), format_timestamp(START_MS + 86_400_000)
    other = silence("add", "ctr_drop", "--comment", "not this one", "--start", start, "--end", later)
    added = silence("add", "rule=match_*", "rule=~match_*", "-c", "neither", "--start", start, "--end", later, "--json")
    wrong = json.loads(added)["id"]
    wanted = silence(
        "add", "rule=~match_*", "application=shop", "-a", "dana", "-c", "known", "--start", start, "-d", "1d"
    )
    assert listed("--at", start) == [(one, "active") for one in sorted((other, wrong, wanted))]
    assert "rule=~match_* application=shop" in silence("list", "--at", start)

    records = [encode_rollup(record) for record in SHOP.records()]
    alerts: list[dict[str, Any]] = []
    with Pipeline(settings, tmp_path) as pipeline, Topic(settings, "alerts", 1) as topic:
        pipeline.start("detect")

        def sent(kind: str) -> bool:
            alerts.extend(json.loads(value) for _, value in topic.new())
            return any(alert["type"] == f"matchwatch.alert.{kind}" for alert in alerts)

        half = len(records) * 2 // 3
        write(settings, "rollups", records[:half])
        wait_until(lambda: sent("silenced"), f"a silenced alert\n{pipeline.logs()}")
        assert [alert["data"]["rule"] for alert in alerts] == ["match_drop"]
        assert alerts[0]["data"]["silenced_by"] == [wanted]
        silence("expire", wanted, "--at", format_timestamp(START_MS + 1000))
        # Detect hears of it when it does: cohorts go on until then.
        rest = [records[place : place + CHUNK] for place in range(half, len(records), CHUNK)]

        def told() -> bool:
            if rest:
                write(settings, "rollups", rest.pop(0))
            return sent("firing")

        wait_until(told, f"the alert, told\n{pipeline.logs()}")
    assert [(alert["type"], alert["data"]["repeat"]) for alert in alerts] == [
        ("matchwatch.alert.silenced", 0),
        ("matchwatch.alert.firing", 1),
    ]
    assert alerts[1]["data"]["silenced_by"] == []
    assert "(silenced)" in call(settings, tmp_path, "alerts", "--brief", "--last", "2").stdout
    (incident,) = map(json.loads, call(settings, tmp_path, "alerts", "--incidents", "--json").stdout.splitlines())
    assert (incident["incident"], incident["firing"]) == (alerts[0]["data"]["incident"], 1)
    assert incident["incident"] in call(settings, tmp_path, "alerts", "--incidents").stdout
    now = format_timestamp(START_MS + 2000)
    assert (wanted, "expired") not in listed("--at", now)
    assert (wanted, "expired") in listed("--at", now, "--expired")
    unknown = call(settings, tmp_path, "silence", "expire", "nobody")
    assert unknown.exit_code == 1
    assert "no silence has the id 'nobody'" in unknown.stderr
