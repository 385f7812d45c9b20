"""The promise: what comes out equals a brute-force count, whatever is in the log and whoever dies on the way."""

from pathlib import Path

import pytest

from schemas.settings import Settings
from streams.shop.faults import parse_fault
from streams.shop.recording import record
from streams.shop.settings import DEFAULT_START_MS, SimulationSettings
from tests.integration.pipeline.harness import Closing, Pipeline, Replaying, Topic, wait_until
from tests.oracle.compare import differences
from tests.oracle.dirt import soil
from tests.oracle.oracle import OracleSettings, expect_folder

PARTITIONS = 4
ROLES = ("score", "evaluate", "detect")


@pytest.fixture(scope="module")
def dirty_recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some thousand searches with their clicks, 2 % of the lines dirty."""
    clean, dirty = tmp_path_factory.mktemp("clean"), tmp_path_factory.mktemp("dirty")
    shop = SimulationSettings(
        rate=12.0, minutes=12.0, seed=11, start_ms=DEFAULT_START_MS, faults=(parse_fault("bad_ranker@6"),)
    )
    record(shop, clean)
    soil(clean, dirty, seed=5)
    return dirty


def agree(pipeline: Pipeline, folder: Path, closing: Closing, refused: dict[str, int]) -> None:
    """Every integer of `rollups --json` equals the oracle's, and so do the counters.

    `refused`: lines by topic that are too large for the broker: they never reach the pipeline.
    """
    settings = pipeline.settings
    rows = pipeline.rollups()
    with Topic(settings, "match-scores", PARTITIONS) as scores:
        blocks = list(scores.everything())
    expected = expect_folder(folder, OracleSettings(partitions=PARTITIONS), blocks, all_versions=True)
    found = differences(expected, rows)
    assert not found, f"{len(found)} differences, the first: {found[:5]}\n{pipeline.logs()}"
    assert sum(row["searches"] for row in rows) > 0
    assert sum(row["pairs"]["concordant"] for row in rows) > 0
    counted: dict[str, int] = {}
    for totals in closing.totals.values():
        for name, number in totals.items():
            counted[name] = counted.get(name, 0) + number
    invalid_clicks = sum(number for name, number in counted.items() if name.startswith("invalid_clicks_"))
    invalid_searches = sum(number for name, number in counted.items() if name.startswith("source_invalid_"))
    found_counters = {
        "late search-events": counted.get("late_searches", 0),
        "late click-events": counted.get("late_clicks", 0),
        "repeated searches": counted.get("repeated_searches", 0),
        "unmatched clicks": counted.get("unmatched_clicks", 0),
        "unknown actions": counted.get("unknown_actions", 0),
        "misrouted": counted.get("misrouted_searches", 0) + counted.get("misrouted_clicks", 0),
        "invalid search-events": invalid_searches + refused.get("search-events", 0),
        "invalid click-events": invalid_clicks + refused.get("click-events", 0),
    }
    assert found_counters == {name: expected.counters[name] for name in found_counters}, (counted, expected.counters)


@pytest.mark.kafka
@pytest.mark.timeout(200)
@pytest.mark.parametrize("workers", [1, 2])
def test_rollups_equal_the_oracle(settings: Settings, dirty_recording: Path, tmp_path: Path, workers: int) -> None:
    with Pipeline(settings, tmp_path) as pipeline, Topic(settings, "rollups", 1) as topic:
        for role in ROLES:
            for _ in range(workers if role != "detect" else 1):
                pipeline.start(role)
        closing = Closing(topic)
        summary = Replaying(dirty_recording, settings).result()
        wait_until(lambda: closing.reached(summary.watermark_ms, PARTITIONS), "not everything is closed")
        agree(pipeline, dirty_recording, closing, summary.refused)


@pytest.mark.kafka
@pytest.mark.timeout(200)
def test_rollups_equal_the_oracle_after_a_kill_of_each_role(
    settings: Settings, dirty_recording: Path, tmp_path: Path
) -> None:
    with Pipeline(settings, tmp_path) as pipeline, Topic(settings, "rollups", 1) as topic:
        running = {role: pipeline.start(role) for role in ROLES}
        closing = Closing(topic)
        replaying = Replaying(dirty_recording, settings)
        for role, rollups in (("score", 200), ("evaluate", 900), ("detect", 1500)):
            wait_until(lambda: closing.look() or closing.rollups >= rollups, f"{rollups} rollups before {role} dies")  # noqa: B023
            running[role].kill()
            running[role].wait()
            running[role] = pipeline.start(role)
        summary = replaying.result()
        wait_until(lambda: closing.reached(summary.watermark_ms, PARTITIONS), "not everything is closed")
        agree(pipeline, dirty_recording, closing, summary.refused)
