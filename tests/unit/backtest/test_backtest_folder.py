"""`matchwatch backtest DIR`: the same folder gives the same alerts, and what is broken in it is told."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from detectors.rules import DEFAULT_RULES
from streams.cli.main import main
from streams.shop.faults import parse_fault
from streams.shop.recording import record
from streams.shop.settings import DEFAULT_START_MS, SimulationSettings

FIRST_TIME = "2026-01-05T10:00:00Z"
STRICT = """
[[rules]]
name = "any_match"
signal = "match_at_10"
detector = "threshold"
direction = "down"
settings = { limit = 0.5 }
min_n = 20
"""


def backtest(*arguments: str | Path) -> Result:
    # The models folder that comes with matchwatch, whatever the working directory is.
    models = Path(__file__).parents[3] / "models"
    variables = {"MATCHWATCH_SCORE_MODELS_DIR": str(models), "MATCHWATCH_HOME": "/nonexistent"}
    return CliRunner(env=variables).invoke(main, ["backtest", *map(str, arguments)])


def alerts(*arguments: str | Path) -> list[dict[str, Any]]:
    result = backtest(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recording")
    shop = SimulationSettings(
        rate=9.0, minutes=11.0, seed=4, start_ms=DEFAULT_START_MS, faults=(parse_fault("bad_ranker@7"),)
    )
    record(shop, folder)
    return folder


def test_it_names_the_broken_rollout_with_event_times_and_searches_as_people_saw_them(
    folder: Path, tmp_path: Path
) -> None:
    report = tmp_path / "report.html"
    found = alerts(folder, "--report", report)
    first = found[0]
    assert first["data"]["rule"] == "match_drop"
    assert first["data"]["suspected_cause"]["model"] == "shop-rank"
    assert not first["data"]["replayed"]
    assert first["time"] == first["data"]["detected_at"]
    assert "2026-01-05T10:07:00.000Z" <= first["time"] <= "2026-01-05T10:10:00.000Z"
    shown = {sample["query_id"]: sample for alert in found for sample in alert["data"]["samples"]}
    lines = (folder / "search-events.ndjson").read_bytes().splitlines()
    recorded = {event["query_id"]: event for event in map(json.loads, lines)}
    assert shown
    for query_id, sample in shown.items():
        assert sample["user_query"] == recorded[query_id]["user_query"]
        assert sample["items"][0]["object_id"] == recorded[query_id]["results"][0]["object_id"]

    page = report.read_text(encoding="utf-8")
    assert page.count("<svg") == len({(str(a["data"]["series"]), a["data"]["signal"]) for a in found})
    assert "match_at_10" in page
    assert "http" not in page  # nothing comes from elsewhere


def test_the_same_folder_gives_the_same_bytes(folder: Path) -> None:
    one, other = (backtest(folder, "--json", "--to", "2026-01-05T10:09:00Z").stdout for _ in range(2))
    assert one == other
    assert one


def test_rules_of_a_file_take_the_place_of_the_settings(folder: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text(STRICT)
    found = alerts(folder, "--rules", rules)
    assert {alert["data"]["rule"] for alert in found} == {"any_match"}
    assert all(alert["data"]["threshold"] == 0.5 for alert in found)


def test_lines_that_break_their_contract_are_counted_and_told_and_change_nothing_else(
    folder: Path, tmp_path: Path
) -> None:
    dirty = tmp_path / "dirty"
    dirty.mkdir()
    for file in folder.glob("*.ndjson"):
        lines = file.read_bytes().splitlines(keepends=True)
        (dirty / file.name).write_bytes(
            b"".join([b'{"half":\n', *lines[: len(lines) // 2], b"\n", *lines[len(lines) // 2 :]])
        )
    clean, soiled = backtest(folder, "--json"), backtest(dirty, "--json")
    assert soiled.exit_code == 0, soiled.stderr
    for topic in ("search-events", "click-events", "catalog-items", "model-events"):
        assert f"{topic}: 2 break their contract" in soiled.stderr
        assert topic not in clean.stderr
    assert [json.loads(line)["id"] for line in soiled.stdout.splitlines()] == [
        json.loads(line)["id"] for line in clean.stdout.splitlines()
    ]


def test_a_quiet_time_says_so_and_succeeds(folder: Path) -> None:
    result = backtest(folder, "--to", "2026-01-05T10:06:00Z")
    assert result.exit_code == 0
    assert f"no alert would have fired, with {len(DEFAULT_RULES)} rules" in result.stdout


def test_mistakes_are_said_in_a_line(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "clicks").mkdir()
    (tmp_path / "clicks" / "click-events.ndjson").write_bytes(b"")
    (tmp_path / "rubbish").mkdir()
    (tmp_path / "rubbish" / "search-events.ndjson").write_bytes(b"what is this?\n")
    for name, text in {
        "broken": "[[rules",
        "wrong": STRICT.replace("threshold", "oracle"),
        "misspelt": STRICT.replace("min_n", "minn"),
        "whole": '[kafka]\nbrokers = "x:1"\n' + STRICT,
        "none": "",
    }.items():
        (tmp_path / f"{name}.toml").write_text(text)
    for arguments, code, said in (
        ((), 2, "give a folder, or --kafka"),
        ((folder, "--kafka"), 2, "not both"),
        ((tmp_path / "missing",), 1, "no such file or folder"),
        ((tmp_path / "empty",), 1, "nothing to replay"),
        ((tmp_path / "clicks",), 1, "holds no search-events.ndjson"),
        ((tmp_path / "rubbish",), 1, "no search could be read in 1 lines"),
        ((folder / "search-events.ndjson",), 1, "is a file"),
        ((folder, "--from", "noon"), 2, "not RFC 3339"),
        ((folder, "--from", FIRST_TIME, "--to", "2026-01-05T09:00:00Z"), 2, "--to must be later"),
        ((folder, "--from", "2027-01-05T10:00:00Z"), 1, "the recording ends at 2026-01-05T10:"),
        ((folder, "--report", tmp_path / "no" / "report.html"), 2, "there is no folder"),
        ((folder, "--rules", tmp_path / "absent.toml"), 2, "there is no such file"),
        ((folder, "--rules", tmp_path / "broken.toml"), 2, "broken.toml"),
        ((folder, "--rules", tmp_path / "wrong.toml"), 2, "rules[0].detector"),
        ((folder, "--rules", tmp_path / "misspelt.toml"), 2, "rules[0].minn"),
        ((folder, "--rules", tmp_path / "whole.toml"), 2, "kafka: a rules file holds [[rules]] only"),
        ((folder, "--rules", tmp_path / "none.toml"), 2, "rules: is missing"),
    ):
        result = backtest(*arguments)
        assert (result.exit_code, said in result.stderr) == (code, True), (arguments, result.stderr)
        assert len(result.stderr.splitlines()) == 1
