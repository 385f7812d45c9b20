"""`matchwatch models` and `matchwatch train` say what is the matter in one line."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from schemas.errors import MatchwatchError
from streams.cli import models, train

MODELS = Path(__file__).parents[3] / "models"


def test_models_lists_the_shipped_model_with_its_measured_quality() -> None:
    result = CliRunner().invoke(models.command, ["--models-dir", str(MODELS), "--json"])
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    shipped = next(line for line in lines if (line["name"], line["version"]) == ("shop-match", "1"))
    assert result.exit_code == 0
    assert shipped["ok"]
    assert shipped["auc"] > 0.95
    assert shipped["sabotage"] is None


def test_models_exits_with_one_and_names_the_file_when_a_hash_differs(tmp_path: Path) -> None:
    shutil.copytree(MODELS / "shop-match" / "1", tmp_path / "shop-match" / "1")
    (tmp_path / "shop-match" / "1" / "item.onnx").write_bytes(b"")
    as_json = CliRunner().invoke(models.command, ["--models-dir", str(tmp_path), "--json"])
    as_table = CliRunner().invoke(models.command, ["--models-dir", str(tmp_path)])
    assert as_json.exit_code == as_table.exit_code == 1
    assert "item.onnx: sha256 expected" in json.loads(as_json.stdout)["error"]
    assert "item.onnx: sha256 expected" in as_table.stderr


def test_models_of_an_empty_folder_says_how_to_get_one(tmp_path: Path) -> None:
    result = CliRunner().invoke(models.command, ["--models-dir", str(tmp_path)])
    assert isinstance(result.exception, MatchwatchError)
    assert "matchwatch train" in str(result.exception)


def test_train_without_its_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "find_spec", lambda _: None)
    result = CliRunner().invoke(train.command, [])
    assert isinstance(result.exception, MatchwatchError)
    assert "matchwatch[train]" in str(result.exception)
