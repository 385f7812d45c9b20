"""A bench measures the defaults: no settings of whoever calls it reach what it measures."""

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from schemas.settings import Settings
from streams.bench.options import Options
from streams.bench.pipeline import worker_env
from streams.bench.program import Program
from streams.bench.report import Figure
from streams.cli.main import main
from streams.stack.home import load_settings
from streams.stack.lifeline import Lifeline


def test_the_bench_is_given_the_default_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Options] = []

    def bench(options: Options) -> list[Figure]:
        seen.append(options)
        return []

    (tmp_path / "matchwatch.toml").write_text("[fold]\nbucket_s = 7\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("streams.bench.pipeline.bench", bench)
    done = CliRunner(env={"MATCHWATCH_FOLD_BUCKET_S": "5"}).invoke(main, ["bench", "pipeline", "--json"])
    assert done.exit_code == 0, done.output
    assert [options.settings for options in seen] == [Settings()]


def test_the_processes_under_measure_get_the_settings_of_the_run_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "matchwatch.toml").write_text("[fold]\nbucket_s = 7\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MATCHWATCH_FOLD_BUCKET_S", "5")
    told = tmp_path / "told"
    script = f"import os, json; open({str(told)!r}, 'w').write(json.dumps(dict(os.environ)))"
    command = [sys.executable, "-c", f"{script}; import time; time.sleep(60)"]
    with Lifeline() as lifeline, Program({"one": command}, worker_env(Settings()), tmp_path / "out", lifeline) as one:
        one.wait_until("the process to tell", lambda: told.exists() and told.read_text().endswith("}"), 20)
    environment = json.loads(told.read_text())
    assert "MATCHWATCH_FOLD_BUCKET_S" not in environment
    assert load_settings(env=environment).fold == Settings().fold
