"""`matchwatch models` and `matchwatch train` say what is the matter in one line."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from inference.repository import ModelName, ModelRepository
from schemas.errors import MatchwatchError, ModelRefused
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
    assert "make setup-train" in str(result.exception)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--seed", "-1"],
        ["--seed", "9223372036854775808"],
        ["--name", "../x"],
        ["--name", ""],
        ["--version", "a/b"],
        ["--version", ".."],
        ["--shops", "0"],
        ["--epochs", "0"],
    ],
)
def test_options_of_train_that_make_no_sense_are_usage_errors_before_anything_is_trained(
    arguments: list[str], tmp_path: Path
) -> None:
    result = CliRunner().invoke(train.command, [*arguments, "--models-dir", str(tmp_path / "models")])
    assert result.exit_code == 2
    assert arguments[0] in result.stderr
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize(
    "name", ["shop-match", "a", "A.b_c+9", "x" * 128, "x" * 129, "-x", ".x", "a b", "a/b", "鞋", ""]
)
def test_train_takes_the_names_that_the_repository_reads_back(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(train, "find_spec", lambda _: None)  # stops right after the options were checked
    refused_at_once = CliRunner().invoke(train.command, ["--name", name]).exit_code == 2
    with pytest.raises(ModelRefused) as refused:
        ModelRepository(tmp_path).read(ModelName(name, "1"))
    assert refused_at_once == ("plain folder name" in str(refused.value))
