import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from streams.cli.simulate import command

FILES = {"search-events.ndjson", "click-events.ndjson", "catalog-items.ndjson", "model-events.ndjson", "truth.json"}
SHORT = ("--rate", "5", "--minutes", "1", "--seed", "3")


def test_out_writes_the_recording_and_its_truth_the_same_each_time(tmp_path: Path) -> None:
    runs = []
    for name in ("first", "second"):
        done = CliRunner().invoke(
            command, [*SHORT, "--fault", "bad_ranker@0.5", "--out", str(tmp_path / name), "--json"]
        )
        assert done.exit_code == 0, done.output
        told = json.loads(done.stdout)
        files = {file.name: file.read_bytes() for file in (tmp_path / name).iterdir()}
        assert set(files) == FILES
        assert told["lines"] == {name[:-7]: files[name].count(b"\n") for name in FILES - {"truth.json"}}
        assert told["truth"] == json.loads(files["truth.json"])
        runs.append(files)
    assert runs[0] == runs[1]
    truth = json.loads(runs[0]["truth.json"])
    assert truth["start"] == "2026-01-05T10:00:00.000Z"
    assert truth["faults"][0]["since"] == "2026-01-05T10:00:30.000Z"


def test_without_json_the_counts_and_the_faults_are_shown(tmp_path: Path) -> None:
    done = CliRunner().invoke(command, [*SHORT, "--fault", "latency@0.5", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "search-events" in done.stdout
    assert "2026-01-05T10:00:30.000Z  latency" in done.stdout


def test_no_fault_is_none(tmp_path: Path) -> None:
    done = CliRunner().invoke(command, [*SHORT, "--fault", "none", "--out", str(tmp_path), "--json"])
    assert json.loads(done.stdout)["truth"]["should_alarm"] is False


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--fault", "fire"], "bad_ranker"),
        (["--fault", "latency@2"], "lies after the end"),
        (["--rate", "0"], "rate is 0"),
        (["--rate", "nan"], "rate is nan"),
        (["--minutes", "inf"], "minutes is inf"),
        (["--start", "yesterday"], "RFC 3339"),
        (["--speed", "-1"], "--speed"),
    ],
)
def test_options_that_make_no_sense_are_usage_errors(tmp_path: Path, arguments: list[str], words: str) -> None:
    done = CliRunner().invoke(command, [*SHORT, *arguments, "--out", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert words in done.output
    assert not (tmp_path / "out").exists()
