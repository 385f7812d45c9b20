"""What the reading commands print of a recording, against simple counts of its files."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from schemas.settings import Settings
from streams.shop.faults import parse_fault
from streams.shop.recording import record
from streams.shop.settings import DEFAULT_START_MS, SimulationSettings
from tests.integration.pipeline.harness import Pipeline, wait_until

pytestmark = [pytest.mark.kafka, pytest.mark.redis]


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def printed(pipeline: Pipeline, *command: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in pipeline.run(*command, "--json").splitlines()]


def test_sums_over_printed_rollups_equal_counts_of_the_files_and_no_line_is_ever_partial(
    settings: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "recording"
    shop = SimulationSettings(
        rate=8.0, minutes=4.0, seed=3, start_ms=DEFAULT_START_MS, faults=(parse_fault("decoy@2"),)
    )
    record(shop, folder)
    searches = {event["query_id"]: event for event in reversed(read(folder / "search-events.ndjson"))}

    with Pipeline(settings, tmp_path) as pipeline:
        for role in ("score", "evaluate", "detect"):
            pipeline.start(role)
        pipeline.run("replay", str(folder), "--finish")
        looks: list[list[dict[str, Any]]] = []

        def counters() -> dict[str, Any]:
            (found,) = printed(pipeline, "counters")
            return found

        def all_there() -> bool:
            looks.append(printed(pipeline, "rollups"))
            counted = counters()
            sums = dict.fromkeys((60, 1800), counted["counters"].get("late_searches", 0))
            for row in looks[-1]:
                sums[row["horizon_s"]] += row["searches"]
            return set(sums.values()) == {len(searches)} and not counted["missing_partitions"]

        wait_until(all_there, f"rollups of all {len(searches)} searches at both horizons", 90)
        rows = looks[-1]
        late = counters()["counters"].get("late_searches", 0)
        if not late:
            shown = sum(len({result["object_id"] for result in event["results"]}) for event in searches.values())
            assert sum(row["impressions"] for row in rows if row["horizon_s"] == 60) == shown
        by_version = Counter(event["model"]["version"] for event in searches.values())
        assert by_version.keys() == {row["series"]["version"] for row in rows}
        final = {line(row): row for row in rows}
        for look in looks:
            assert all(final[line(row)] == row for row in look)

        wait_until(lambda: bool(printed(pipeline, "signals")), "signals")
        assert {point["signal"] for point in printed(pipeline, "signals")} >= {"ctr", "match_at_10", "latency_p95"}
        assert printed(pipeline, "dead-letters") == []
        assert counters()["counters"]["source_valid"] == len(read(folder / "search-events.ndjson"))


def line(row: dict[str, Any]) -> tuple[Any, ...]:
    return (*row["series"].values(), row["cohort_start"], row["horizon_s"])
