"""The commands of the house, run as a person runs them."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from schemas.topics import CATALOGUE


def matchwatch(home: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MATCHWATCH_")}
    return subprocess.run(
        [sys.executable, "-m", "streams.cli.main", *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        env={**environment, "MATCHWATCH_HOME": str(home), **variables},
    )


def test_up_topics_doctor_and_down_find_one_another_without_flags(tmp_path: Path) -> None:
    up = matchwatch(tmp_path, "up", "--embedded", "--json")
    try:
        assert up.returncode == 0, up.stderr
        assert json.loads(up.stdout)["kind"] == "embedded"
        topics = matchwatch(tmp_path, "topics", "--json")
        assert topics.returncode == 0, topics.stderr
        assert [json.loads(line)["exists"] for line in topics.stdout.splitlines()] == [True] * len(CATALOGUE)
        doctor = matchwatch(tmp_path, "doctor", "--json")
        found = {finding["name"]: finding["verdict"] for finding in map(json.loads, doctor.stdout.splitlines())}
        assert (found["settings"], found["kafka"], found["redis"], found["topics"]) == ("ok", "warn", "ok", "ok")
    finally:
        down = matchwatch(tmp_path, "down", "--json")
    assert json.loads(down.stdout) == ["redis", "embedded"]
    assert json.loads(matchwatch(tmp_path, "down", "--json").stdout) == []


def test_workers_come_along_when_a_server_moves_and_the_doctor_sees_those_that_have_not(tmp_path: Path) -> None:
    def stack(*arguments: str) -> dict[str, Any]:
        done = matchwatch(tmp_path, "up", "--embedded", "--json", *arguments)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def workers(found: dict[str, Any]) -> set[int]:
        return {worker["process"]["pid"] for worker in found["workers"]}

    try:
        before = stack("--worker")
        os.kill(before["kafka"]["process"]["pid"], signal.SIGKILL)
        after = stack()  # the embedded broker always takes another port
        assert after["kafka"]["address"] != before["kafka"]["address"]
        assert len(workers(after)) == 3
        assert not workers(after) & workers(before)
        assert {worker["kafka"] for worker in after["workers"]} == {after["kafka"]["address"]}
        assert workers(stack("--worker")) == workers(after)
        for worker in after["workers"]:
            if worker["name"] == "worker-score":
                os.kill(worker["process"]["pid"], signal.SIGKILL)
        plain = matchwatch(tmp_path, "up", "--embedded")
        assert plain.returncode == 0
        assert "worker-score had ended" in plain.stderr
        assert "matchwatch up --worker" in plain.stderr
        lines = matchwatch(tmp_path, "doctor", "--json").stdout.splitlines()
        (missing,) = [one for one in map(json.loads, lines) if one["name"] == "workers"]
        assert "none for score" in missing["found"]
        assert len(workers(stack("--worker", "--from-next-cohort"))) == 3
        doctor = matchwatch(tmp_path, "doctor", "--json", MATCHWATCH_KAFKA_BROKERS="127.0.0.1:1")
        told = [one for one in map(json.loads, doctor.stdout.splitlines()) if one["name"] == "worker-score"]
        assert [(one["verdict"], "where the settings name others" in one["found"]) for one in told] == [("fail", True)]
    finally:
        matchwatch(tmp_path, "down")


def test_without_a_broker_a_command_fails_with_one_line_and_the_doctor_names_it(tmp_path: Path) -> None:
    config = tmp_path / "matchwatch.toml"
    config.write_text('[kafka]\nbrokers = "127.0.0.1:1"\n[redis]\nurl = "redis://:secret@127.0.0.1:1/0"\n')
    topics = matchwatch(tmp_path, "topics", "--config", str(config))
    assert topics.returncode == 1
    assert topics.stderr.count("\n") == 1
    assert "matchwatch up" in topics.stderr
    doctor = matchwatch(tmp_path, "doctor", "--json", "--config", str(config))
    assert doctor.returncode == 1
    found = {one["name"]: one for one in map(json.loads, doctor.stdout.splitlines())}
    assert [name for name, one in found.items() if one["verdict"] == "fail"] == ["kafka", "redis"]
    assert (found["kafka"]["found"], found["kafka"]["cure"]) == (
        "does not answer at 127.0.0.1:1",
        "start one with `matchwatch up`, or set kafka.brokers",
    )
    assert found["producers"]["verdict"] == "warn"
    assert "secret" not in doctor.stdout


@pytest.mark.parametrize("arguments", [["nonsense"], ["topics", "--nonsense"], ["up", "--config", "nowhere.toml"]])
def test_mistakes_in_arguments_and_settings_are_one_line_and_exit_code_2(tmp_path: Path, arguments: list[str]) -> None:
    done = matchwatch(tmp_path, *arguments)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


def test_help_lists_every_command_without_loading_it(tmp_path: Path) -> None:
    done = matchwatch(tmp_path, "--help")
    assert done.returncode == 0
    for name in ("up", "down", "topics", "doctor"):
        assert f"\n  {name} " in done.stdout
    loaded = (
        "import sys, streams.cli.main as m; m.main(['--help'], standalone_mode=False); print('faust' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", loaded], check=True, capture_output=True, text=True, timeout=60)
    assert answer.stdout.endswith("False\n")


def test_a_command_of_every_file_can_be_loaded(tmp_path: Path) -> None:
    listed = "from streams.cli.main import main; import click; c = click.Context(main); print(*main.list_commands(c))"
    names = subprocess.run([sys.executable, "-c", listed], check=True, capture_output=True, text=True, timeout=60)
    for name in names.stdout.split():
        shown = matchwatch(tmp_path, name, "--help")
        assert shown.returncode == 0, shown.stderr
        assert "Example" in shown.stdout, f"the help of {name} has no example"
