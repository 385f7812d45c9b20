import json
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from schemas.rollup import Rollup, RollupControl, Sketch, encode_rollup
from schemas.settings import Settings
from tests.integration.readers.topic_writing import EVERY, PARTITIONS, SEARCH, call, control, rollup, write

pytestmark = pytest.mark.kafka

T0 = 1_795_428_000_000
T1, T2, T3 = T0 + 10_000, T0 + 20_000, T0 + 30_000


def rows(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def searches(result: Result) -> list[tuple[str, int, int]]:
    return [(row["cohort_start"][11:19], row["horizon_s"], row["searches"]) for row in rows(result)]


def use_all_partitions(settings: Settings) -> None:
    for partition in range(PARTITIONS):
        write(settings, "search-events", [b"{}"], partition=partition)


def test_partitions_add_up_and_the_first_of_each_rollup_counts(settings: Settings, tmp_path: Path) -> None:
    use_all_partitions(settings)
    write(
        settings,
        "rollups",
        [
            rollup(0, T0, 5, clicks=2),
            rollup(1, T0, 7, clicks=3),
            rollup(0, T0, 5, clicks=2),  # a crash before the commit: written again
            rollup(1, T0, 6, clicks=9),  # and one that differs
            rollup(0, T0, 5, clicks=4, horizon_s=1800),
            *(control(partition, T1) for partition in range(PARTITIONS)),
        ],
    )

    result = call(settings, tmp_path, "rollups", "--json")

    first, second = rows(result)
    assert (first["searches"], first["clicks"], first["horizon_s"]) == (12, 5, 60)
    assert (second["searches"], second["clicks"], second["horizon_s"]) == (5, 4, 1800)
    assert first["cohort_start"] == "2026-11-23T10:00:00.000Z"
    assert "1 repeated rollups differ" in result.stderr


def test_lines_come_by_cohort_horizon_and_series_and_special_ones_only_on_demand(
    settings: Settings, tmp_path: Path
) -> None:
    use_all_partitions(settings)
    write(
        settings,
        "rollups",
        [
            rollup(0, T1, 3),
            rollup(0, T1, 3, series=EVERY),
            rollup(0, T0, 2, horizon_s=0),
            rollup(0, T0, 2),
            rollup(0, T0, 2, horizon_s=1800),
            *(control(partition, T2) for partition in range(PARTITIONS)),
        ],
    )

    plain = call(settings, tmp_path, "rollups", "--json")
    assert searches(plain) == [("10:00:00", 60, 2), ("10:00:00", 1800, 2), ("10:00:10", 60, 3)]
    assert "segments" not in rows(plain)[0]
    early = call(settings, tmp_path, "rollups", "--json", "--label-free")
    assert searches(early)[0] == ("10:00:00", 0, 2)
    every = rows(call(settings, tmp_path, "rollups", "--json", "--all"))
    assert [row["series"]["version"] for row in every] == ["3", "3", "*", "3"]
    assert all("segments" in row for row in every)
    assert searches(call(settings, tmp_path, "rollups", "--json", "--last", "1")) == [
        ("10:00:00", 1800, 2),
        ("10:00:10", 60, 3),
    ]
    table = call(settings, tmp_path, "rollups")
    assert table.exit_code == 0
    (line,) = [line for line in table.stdout.splitlines() if "10:00:10" in line]
    assert "shop-web/search shop-rank 3" in line


def test_records_that_evaluate_cannot_have_written_are_left_out_and_said(settings: Settings, tmp_path: Path) -> None:
    use_all_partitions(settings)
    odd = Rollup(
        SEARCH, T0, 10, 60, 1, searches=1, impressions=1, latency_ms=Sketch(count=1, total=1.0, bins={10**6: 1})
    )
    beyond = RollupControl(1000, 1001, {60: T1}, T1, T1, idle=False, wall_ms=T1)
    write(
        settings,
        "rollups",
        [
            rollup(0, T0, 5),
            encode_rollup(odd),
            encode_rollup(beyond),
            *(control(partition, T1) for partition in range(PARTITIONS)),
        ],
    )

    result = call(settings, tmp_path, "rollups", "--json")

    assert searches(result) == [("10:00:00", 60, 5)]
    assert result.stderr.count("is not ours and is left out") == 2


def test_a_cohort_is_printed_once_every_partition_has_closed_it(settings: Settings, tmp_path: Path) -> None:
    use_all_partitions(settings)
    write(settings, "rollups", [rollup(0, T0, 5), rollup(0, T1, 6), *(control(p, T2) for p in (0, 1, 2))])
    assert searches(call(settings, tmp_path, "rollups", "--json")) == []  # nothing is known of partition 3

    write(settings, "rollups", [rollup(3, T0, 1), control(3, T1)])
    assert searches(call(settings, tmp_path, "rollups", "--json")) == [("10:00:00", 60, 6)]

    write(settings, "rollups", [control(3, T3)])
    assert searches(call(settings, tmp_path, "rollups", "--json")) == [("10:00:00", 60, 6), ("10:00:10", 60, 6)]


def test_partitions_without_any_event_hold_nothing_back(settings: Settings, tmp_path: Path) -> None:
    write(settings, "search-events", [b"{}"], partition=2)
    write(settings, "rollups", [control(0, 0), rollup(2, T0, 5), control(2, T1)])
    assert searches(call(settings, tmp_path, "rollups", "--json")) == [("10:00:00", 60, 5)]


def test_an_idle_partition_holds_nothing_back_until_something_new_is_written_to_it(
    settings: Settings, tmp_path: Path
) -> None:
    use_all_partitions(settings)
    later_ms = int(time.time() * 1000) + 1000 * settings.fold.idle_timeout_s
    busy = [rollup(0, T0, 5), *(control(partition, T1) for partition in (0, 1, 2))]
    write(settings, "rollups", [*busy, control(3, 0, idle=True, wall_ms=later_ms)])
    assert searches(call(settings, tmp_path, "rollups", "--json")) == [("10:00:00", 60, 5)]

    # Its word is older than a record that has come since: a worker that is down cannot say that it has work.
    write(settings, "rollups", [control(3, 0, idle=True, wall_ms=later_ms - 3_600_000)])
    assert searches(call(settings, tmp_path, "rollups", "--json")) == []


def test_records_that_are_not_ours_are_left_out_with_a_warning(settings: Settings, tmp_path: Path) -> None:
    write(settings, "search-events", [b"{}"])
    write(settings, "rollups", [b"\xc1nothing", rollup(0, T0, 5), control(0, T1)])
    result = call(settings, tmp_path, "rollups", "--json")
    assert searches(result) == [("10:00:00", 60, 5)]
    assert "rollups[0] at 0 is not ours" in result.stderr
