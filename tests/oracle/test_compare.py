import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.oracle.build import block, click, search
from tests.oracle.compare import counter_differences, differences, main
from tests.oracle.oracle import Expected, PartitionLog, expect_folder, expect_logs, partition_of
from tests.oracle.scores import read_scores, write_scores

SCORES = [(0, block((0, "q", 0, [("a", 1, 0.5), ("b", 2, 0.25)])))]


@pytest.fixture
def expected() -> Expected:
    log = PartitionLog([search("q", 0, "a", "b")], [click("q", 1, "b")])
    return expect_logs([log], scores=SCORES)


def test_equal_lines_have_no_differences_in_any_order_and_form_of_time(expected: Expected) -> None:
    rows = copy.deepcopy(expected.rows)[::-1]
    rows[0]["cohort_start"] = "2026-11-23T10:00:00.000+00:00"
    assert differences(expected, rows) == []


Change = Callable[[dict[str, Any]], Any]


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("clicks", lambda row: row.update(clicks=2)),
        ("clicks", lambda row: row.update(clicks=1.0)),
        ("zero_results", lambda row: row.pop("zero_results")),
        ("latency_ms.count", lambda row: row["latency_ms"].update(count=2)),
        ("latency_ms.p95", lambda row: row["latency_ms"].update(p95=40.41)),
        ("latency_ms.p50", lambda row: row["latency_ms"].update(p50=None)),
        ("latency_ms.sum", lambda row: row["latency_ms"].update(sum=40.001)),
        ("pairs.tied", lambda row: row["pairs"].update(tied=1)),
        ("shown_pairs.discordant", lambda row: row["shown_pairs"].update(discordant=0)),
        ("match_at_10", lambda row: row.update(match_at_10=0.38)),
        ("ndcg_at_10", lambda row: row.update(ndcg_at_10=None)),
        ("mrr", lambda row: row.update(mrr=0.51)),
    ],
)
def test_a_difference_is_named_with_its_line_and_field(expected: Expected, path: str, change: Change) -> None:
    rows = copy.deepcopy(expected.rows)
    change(rows[1])
    (difference,) = differences(expected, rows)
    assert difference.startswith(f"shop-web/search/shop-rank/3 2026-11-23T10:00:00Z horizon 1800 s: {path} is ")


def test_quantiles_may_be_one_percent_off(expected: Expected) -> None:
    rows = copy.deepcopy(expected.rows)
    rows[0]["latency_ms"].update(p50=40.4, p95=39.6, p99=40.39)
    assert differences(expected, rows) == []


def test_missing_unexpected_and_repeated_lines_come_first(expected: Expected) -> None:
    row = copy.deepcopy(expected.rows[0])
    other = {**row, "cohort_start": "2026-11-23T10:00:10Z"}
    found = differences(expected, [row, row, other])
    assert [text.rpartition(": ")[2] for text in found] == [
        "printed twice",
        "missing, expected 1 searches",
        "not expected, has 1 searches",
    ]


def test_counters_are_compared_by_the_names_that_are_given(expected: Expected) -> None:
    assert counter_differences(expected, {"repeated searches": 0}) == []
    assert counter_differences(expected, {"repeated searches": 2}) == ["repeated searches: 2, expected 0"]


def test_scores_are_kept_in_a_file_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "scores.bin"
    write_scores(path, [*SCORES, (3, b"")])
    assert list(read_scores(path)) == [*SCORES, (3, b"")]


def test_the_command_exits_by_whether_they_agree(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "search-events.ndjson").write_bytes(search("q", 0, "a", "b"))
    (tmp_path / "click-events.ndjson").write_bytes(click("q", 1, "b"))
    scores = [(partition_of("q", 4), value) for _, value in SCORES]
    write_scores(tmp_path / "scores.bin", scores)
    rollups = tmp_path / "rollups.ndjson"
    rows = expect_folder(tmp_path, scores=scores, all_versions=True).rows
    rollups.write_text("".join(json.dumps(row) + "\n" for row in rows))
    arguments = [str(tmp_path), str(rollups), "--scores", str(tmp_path / "scores.bin")]
    assert main(arguments) == 0
    assert "0 differences in 4 lines, 4 expected" in capsys.readouterr().out
    rollups.write_text("")
    assert main([*arguments, "--horizon-s", "60"]) == 1
    assert "missing, expected 1 searches" in capsys.readouterr().out
