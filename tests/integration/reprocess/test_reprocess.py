"""A span recomputed with unchanged settings is what the running pipeline said of it."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from schemas.rollup import Rollup, decode_rollup
from schemas.scores import encode_scores
from schemas.settings import Settings
from schemas.timestamps import format_timestamp
from streams.shop.faults import parse_fault
from streams.shop.recording import record
from streams.shop.settings import DEFAULT_START_MS, SimulationSettings
from tests.integration.pipeline.harness import Closing, Pipeline, Topic, wait_until
from tests.integration.readers.topic_writing import call, write
from tests.oracle.dirt import soil
from tests.property.evaluate.shop_log import Search, as_block

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

PARTITIONS = 4
MINUTES = 12.0
FROM_MS = DEFAULT_START_MS + 4 * 60_000
TO_MS = DEFAULT_START_MS + 9 * 60_000


def under(settings: Settings, name: str) -> Settings:
    """Settings under which the commands show a result."""
    prefix = f"{settings.kafka.topic_prefix}reprocess-{name}."
    return msgspec.structs.replace(settings, kafka=msgspec.structs.replace(settings.kafka, topic_prefix=prefix))


def first_rollups(settings: Settings) -> dict[tuple[Any, ...], Rollup]:
    """The first rollup of each series, cohort, horizon and partition.

    Not as bytes: blocks that live were folded together may have named segments' values in another order.
    """
    found: dict[tuple[Any, ...], Rollup] = {}
    with Topic(settings, "rollups", 1) as topic:
        for _, value in topic.everything():
            rollup = decode_rollup(value)
            if isinstance(rollup, Rollup):
                which = (rollup.series, rollup.cohort_start_ms, rollup.horizon_s, rollup.partition)
                found.setdefault(which, rollup)
    return found


def lines(settings: Settings, home: Path, *command: str) -> list[dict[str, Any]]:
    result = call(settings, home, *command, "--json")
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def flat(rows: list[dict[str, Any]]) -> tuple[dict[str, Any], dict[str, float]]:
    """Every word, and every number, by where it stands."""
    leaves: dict[str, Any] = {}

    def walk(value: Any, path: str) -> None:
        if isinstance(value, dict | list):
            for name, one in value.items() if isinstance(value, dict) else enumerate(value):
                walk(one, f"{path}.{name}")
        else:
            leaves[path] = value

    walk(rows, "")
    numbers = {path: leaf for path, leaf in leaves.items() if isinstance(leaf, int | float)}
    return {path: leaf for path, leaf in leaves.items() if path not in numbers}, numbers


@pytest.mark.timeout(400)
def test_with_unchanged_settings_every_cohort_of_the_span_equals_the_live_one(
    settings: Settings, tmp_path: Path
) -> None:
    shop = SimulationSettings(
        rate=12.0, minutes=MINUTES, seed=4, start_ms=DEFAULT_START_MS, faults=(parse_fault("bad_ranker@6"),)
    )
    record(shop, tmp_path / "clean")
    soil(tmp_path / "clean", tmp_path / "dirty", seed=3)
    with Pipeline(settings, tmp_path) as pipeline, Topic(settings, "rollups", 1) as topic:
        running = {role: pipeline.start(role) for role in ("score", "evaluate", "detect")}
        closing = Closing(topic)
        (summary,) = lines(settings, tmp_path, "replay", str(tmp_path / "dirty"), "--finish")
        wait_until(lambda: closing.look() or closing.rollups > 200, "some rollups")
        running["score"].kill()  # its successor writes some blocks twice
        pipeline.start("score")
        finished_ms = summary["watermark_ms"]
        wait_until(lambda: closing.reached(finished_ms, PARTITIONS), "not everything is closed")
        wait_until(lambda: bool(lines(settings, tmp_path, "alerts")), "the live alert")

        span = ("--from", format_timestamp(FROM_MS), "--to", str(TO_MS))
        (told,) = lines(settings, tmp_path, "reprocess", *span, "--id", "span")
        expected = {what: value for what, value in first_rollups(settings).items() if FROM_MS <= what[1] < TO_MS}
        found = first_rollups(under(settings, "span"))
        assert found == expected
        assert {what[2] for what in found} == {0, 60, 1800}
        assert told["rollups"] == len(found)
        assert set(told["complete_through"].values()) == {format_timestamp(TO_MS)}
        assert told["searches"] > 3_000
        assert told["totals"]["clicks_before_span"] > 0  # on searches of the first minutes: nothing came too late
        assert "overtaken_clicks" not in told["totals"]

        shown = lines(under(settings, "span"), tmp_path, "rollups", "--all")
        in_span = [
            row
            for row in lines(settings, tmp_path, "rollups", "--all")
            if format_timestamp(FROM_MS) <= row["cohort_start"] < format_timestamp(TO_MS)
        ]
        # The last digit of a sum of fractions depends on the order in which the partitions came.
        words, numbers = flat(shown)
        assert words == flat(in_span)[0]
        assert numbers == pytest.approx(flat(in_span)[1], rel=1e-9)
        assert lines(under(settings, "span"), tmp_path, "signals")

        # The same log gives the same records; and from the beginning, the same alert, for which nobody is paged.
        for name in ("one", "two"):
            lines(settings, tmp_path, "reprocess", "--from", format_timestamp(DEFAULT_START_MS), "--id", name)
        with Topic(under(settings, "one"), "rollups", 1) as one, Topic(under(settings, "two"), "rollups", 1) as two:
            assert list(one.everything()) == list(two.everything())
        alerts = lines(under(settings, "one"), tmp_path, "alerts")
        live = lines(settings, tmp_path, "alerts")
        assert {one["data"]["fingerprint"] for one in alerts} >= {live[0]["data"]["fingerprint"]}
        assert all(alert["data"]["replayed"] for alert in alerts)
        assert any(alert["data"]["samples"] for alert in alerts)
        assert not any(alert["data"]["replayed"] for alert in live)

        refused = call(settings, tmp_path, "reprocess", *span, "--id", "span")
        assert refused.exit_code == 1
        assert "--drop span" in refused.stderr
        assert lines(settings, tmp_path, "reprocess", "--list") == [["one", "span", "two"]]
        (gone,) = lines(settings, tmp_path, "reprocess", "--drop", "span")
        assert len(gone) == 3
        wait_until(
            lambda: lines(settings, tmp_path, "reprocess", "--list") == [["one", "two"]], "the deletion of `span`"
        )


def test_mistakes_are_said_in_a_line_and_leave_nothing_behind(settings: Settings, tmp_path: Path) -> None:
    for arguments, code, said in (
        ((), 2, "--from TIME"),
        (("--from", "yesterday"), 2, "not RFC 3339"),
        (("--from", "2026-11-23T10:00:00Z", "--to", "2026-11-23T10:00:05Z"), 2, "no whole cohort"),
        (("--from", "2026-11-23T10:00:00Z", "--id", "Noon!"), 2, "lower-case"),
        (("--from", "2026-11-23T10:00:00Z"), 1, "holds no search"),
        (("--drop", "none"), 1, "no result"),
    ):
        result = call(settings, tmp_path, "reprocess", *arguments)
        assert (result.exit_code, said in result.stderr) == (code, True), result.stderr
    assert lines(settings, tmp_path, "reprocess", "--list") == [[]]


def test_a_span_that_retention_has_cut_names_the_first_possible_time(settings: Settings, tmp_path: Path) -> None:
    blocks = [as_block([Search(n, 1_700_000_000_000 + 60_000 * n, "1", "d", [])], n) for n in range(1, 4)]
    write(settings, "match-scores", [encode_scores(block) for block in blocks])
    admin = AdminClient({"bootstrap.servers": settings.kafka.brokers})
    place = TopicPartition(settings.kafka.topic_prefix + "match-scores", 0, 1)
    for answer in admin.delete_records([place]).values():
        answer.result(20)
    refused = call(settings, tmp_path, "reprocess", "--from", str(1_700_000_000_000 + 120_000))
    assert refused.exit_code == 1
    assert "--from 2023-11-14T22:16:00.000Z or later" in refused.stderr
    (told,) = lines(settings, tmp_path, "reprocess", "--from", "2023-11-14T22:16:00.000Z", "--id", "x")
    assert told["open_cohorts"] == 0
