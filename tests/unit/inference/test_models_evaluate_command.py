"""`matchwatch models evaluate` on the shipped model: its figures, against scikit-learn on scores of its own."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from sklearn.metrics import log_loss, roc_auc_score

from inference.repository import ModelName, ModelRepository
from inference.two_tower import load_two_tower
from schemas.errors import MatchwatchError
from streams.cli import models

MODELS = Path(__file__).parents[3] / "models"
SHOES = ("running shoes", "leather boots", "运动鞋", "男士跑步鞋", "white sneakers", "跑鞋 透气")
KITCHEN = ("electric kettle", "steel pan", "电热水壶", "不锈钢锅", "coffee mug", "保温杯")


def pairs() -> list[dict[str, Any]]:
    """Every text as a query for all others of its script, asked the oftener the earlier it stands."""
    texts = SHOES + KITCHEN
    return [
        {
            "query": query,
            "item": f"{item} {number}",
            "label": float((query in SHOES) == (item in SHOES)),
            "weight": 1 + number,
            "category": "shoes" if item in SHOES else "kitchen",
            "split": "test" if place % 2 else "train",
            "query_count": 100 // (1 + place),
        }
        for place, query in enumerate(texts)
        for item in texts
        for number in range(2)
        if query.isascii() == item.isascii()
    ]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(models.command, ["--models-dir", str(MODELS), "evaluate", *arguments])


def test_the_report_agrees_with_scikit_learn_on_the_models_own_scores(tmp_path: Path) -> None:
    rows = pairs()
    result = run("shop-match/1", "--data", str(write(tmp_path / "pairs.csv", rows)), "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    towers = load_two_tower(ModelRepository(MODELS).read(ModelName("shop-match", "1")))
    left = towers.queries.encode([row["query"] for row in rows]).vectors
    right = towers.items.encode([row["item"] for row in rows]).vectors
    cosines = (left * right).sum(axis=1)
    labels, weights = [row["label"] for row in rows], [row["weight"] for row in rows]
    for part, chosen in {
        ("all", None): np.ones(len(rows), np.bool_),
        ("by_language", "latin"): np.array([row["query"].isascii() for row in rows]),
        ("by_language", "han"): np.array([not row["query"].isascii() for row in rows]),
        ("by_split", "test"): np.array([row["split"] == "test" for row in rows]),
        ("by_band", "head"): np.array([row["query"] in SHOES[:2] for row in rows]),
    }.items():
        found = report[part[0]] if part[1] is None else report[part[0]][part[1]]
        told, weight = np.array(labels)[chosen], np.array(weights)[chosen]
        expected = roc_auc_score(told, cosines[chosen], sample_weight=weight)
        assert found["auc"] == pytest.approx(expected, abs=2e-4), part
        probabilities = towers.probabilities(cosines)[chosen].astype(float)
        assert found["log_loss"] == pytest.approx(log_loss(told, probabilities, sample_weight=weight), abs=1e-4), part
        assert found["pairs"] == chosen.sum(), part
    assert (report["model"], report["rows"], report["bad_rows"]) == ("shop-match/1", len(rows), {})
    assert set(report["by_band"]) == {"head", "torso", "tail"}
    assert set(report["exposure"]["categories"]) == {"shoes", "kitchen"}
    assert report["robustness"]["typos"]["pairs"] > 0
    assert report["robustness"]["unseen_words"]["pairs"] == len(rows)


def test_bad_rows_are_told_and_left_out_and_strict_refuses_them(tmp_path: Path) -> None:
    good = pairs()
    bad = [good[0] | {"label": "2"}, good[0] | {"query": " "}, good[0] | {"weight": "nan"}]
    path = write(tmp_path / "pairs.csv", good[:30] + bad + good[30:])
    result = run("shop-match/1", "--data", str(path), "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["bad_rows"] == {"label": 1, "no_query": 1, "weight": 1}
    assert report["all"]["pairs"] == len(good)
    assert f"{path}:32: label is '2': it must be from 0 to 1" in result.stderr
    assert f"left out 3 of {len(good) + 3} rows" in result.stderr
    strict = run("shop-match/1", "--data", str(path), "--strict")
    assert isinstance(strict.exception, MatchwatchError)
    assert f"{path}:32" in str(strict.exception)


def test_texts_without_tokens_are_counted_and_left_out(tmp_path: Path) -> None:
    odd = pairs()[0] | {"query": "\u200b\u200d"}
    result = run("shop-match/1", "--data", str(write(tmp_path / "pairs.csv", [*pairs(), odd])), "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert (report["unscored"], report["all"]["pairs"]) == (1, len(pairs()))


def test_a_folder_is_a_model_too_and_the_table_shows_all_parts(tmp_path: Path) -> None:
    result = run(str(MODELS / "shop-match" / "1"), "--data", str(write(tmp_path / "pairs.csv", pairs())))
    assert result.exit_code == 0, result.output
    for part in ("all", "script han", "asked head", "split test", "typos", "kitchen"):
        assert part in result.stdout


@pytest.mark.parametrize("model", ["shop-match", "shop-match/1/item.onnx"])
def test_what_is_no_model_is_a_usage_error(tmp_path: Path, model: str) -> None:
    result = run(model, "--data", str(write(tmp_path / "pairs.csv", pairs())))
    assert result.exit_code == 2
    assert "neither a folder" in result.stderr


def test_a_file_without_any_pair_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "pairs.csv", [pairs()[0] | {"label": ""}])
    result = run("shop-match/1", "--data", str(path), "--json")
    assert isinstance(result.exception, MatchwatchError)
    assert "no row of 1 is a pair" in str(result.exception)
