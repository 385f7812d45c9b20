import json
import os
import sys
from pathlib import Path
from subprocess import DEVNULL, Popen

import pytest
from click.testing import CliRunner

from schemas.decode import decode_click, decode_model_event, decode_search
from streams.cli.simulate import command

ROOT = Path(__file__).parents[3]
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


def test_a_recording_is_not_written_over(tmp_path: Path) -> None:
    kept = tmp_path / "search-events.ndjson"
    kept.write_bytes(b"kept")
    done = CliRunner().invoke(command, [*SHORT, "--out", str(tmp_path)])
    assert done.exit_code == 2
    assert "holds a recording" in done.stderr
    assert [x.name for x in tmp_path.iterdir()] == [kept.name]
    assert kept.read_bytes() == b"kept"


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
        (["--rate", "1e9"], "rate is 1e+09; it must be at most 100,000 searches a second"),
        (["--minutes", "inf"], "minutes is inf"),
        (["--start", "yesterday"], "RFC 3339"),
        (["--start", "2000-01-03T23:59:59Z"], "the start must be 2000-01-04T00:00:00.000Z or later"),
        (["--start", "2089-12-31T22:59:01Z"], "the end must be 2089-12-31T23:00:00.000Z or before"),
        (["--minutes", "1e308"], "the end must be 2089-12-31T23:00:00.000Z or before"),
        (["--fault", "latency@0.2", "--fault", "latency@0.5"], "latency is asked for 2 times"),
        (["--fault", "latency", "--fault", "latency"], "latency is asked for 2 times"),
        (["--finish"], "--finish goes with Kafka"),
        (["--speed", "-1"], "--speed"),
    ],
)
def test_options_that_make_no_sense_are_usage_errors(tmp_path: Path, arguments: list[str], words: str) -> None:
    done = CliRunner().invoke(command, [*SHORT, *arguments, "--out", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert words in " ".join(done.output.split())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("start", ["2000-01-04T00:00:00Z", "2089-12-31T22:59:00Z"])
def test_a_run_at_either_end_of_the_years_keeps_the_contract(tmp_path: Path, start: str) -> None:
    done = CliRunner().invoke(command, [*SHORT, "--start", start, "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    searches = (tmp_path / "search-events.ndjson").read_bytes().splitlines()
    clicks = (tmp_path / "click-events.ndjson").read_bytes().splitlines()
    deployments = (tmp_path / "model-events.ndjson").read_bytes().splitlines()
    assert min(len(searches), len(clicks), len(deployments)) > 0
    for decode, lines in ((decode_search, searches), (decode_click, clicks), (decode_model_event, deployments)):
        for line in lines:
            decode(line, None, 0)


def test_a_run_is_the_same_in_every_process_however_its_sets_are_ordered(tmp_path: Path) -> None:
    runs = [
        Popen(
            [sys.executable, "-m", "streams.cli.main", "simulate", *SHORT, "--out", str(tmp_path / seed)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=ROOT,
            stdout=DEVNULL,
        )
        for seed in ("1", "2")
    ]
    assert [run.wait(timeout=120) for run in runs] == [0, 0]
    first, second = ({name: (tmp_path / seed / name).read_bytes() for name in FILES} for seed in ("1", "2"))
    assert first == second
