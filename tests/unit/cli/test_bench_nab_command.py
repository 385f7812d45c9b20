"""`matchwatch bench nab` detects without windows, scores what it wrote, and names what is wrong with files."""

import csv
import json
import math
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from streams.cli.main import main

BEGIN = datetime(2014, 4, 1)  # noqa: DTZ001 - as the benchmark's files have them
PROFILES = {"standard": {"CostMatrix": {"tpWeight": 1.0, "fnWeight": 1.0, "fpWeight": 0.11, "tnWeight": 1.0}}}


def at(row: int) -> str:
    return str(BEGIN + timedelta(minutes=10 * row))


def write_series(path: Path, odd_row: int | None = None) -> None:
    rng = random.Random(len(path.name))
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{at(row)},{50 + 40 * math.sin(row * math.pi / 72) + rng.gauss(0, 2):.4f}\n" for row in range(1500)]
    if odd_row is not None:
        lines[odd_row] = f"{at(odd_row)},500\n"
    path.write_text("timestamp,value\n" + "".join(lines))


class Folder:
    """A small benchmark."""

    def __init__(self, root: Path) -> None:
        self.data, self.out = root / "data", root / "out"
        self.windows, self.profiles = root / "windows.json", root / "profiles.json"
        write_series(self.data / "shop/clicks.csv", odd_row=1000)
        write_series(self.data / "shop/quiet.csv")
        self.profiles.write_text(json.dumps(PROFILES))
        self.set_windows({"shop/clicks.csv": [[f"{at(1000)}.000000", f"{at(1099)}.000000"]], "shop/quiet.csv": []})

    def set_windows(self, windows: object) -> None:
        self.windows.write_text(json.dumps(windows))

    def run(self, *, detect: bool = True, score: bool = True) -> Result:
        arguments = ["bench", "nab", "--out", str(self.out), "--json"]
        if detect:
            arguments += ["--data", str(self.data)]
        if score:
            arguments += ["--windows", str(self.windows), "--profiles", str(self.profiles)]
        return CliRunner().invoke(main, arguments)

    def result(self, name: str) -> list[dict[str, str]]:
        with (self.out / name).open(newline="") as file:
            return list(csv.DictReader(file))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def figures(result: Result) -> dict[str, float]:
    assert result.exit_code == 0, result.output
    return {one["name"]: one["value"] for one in json.loads(result.stdout)["figures"]}


def test_a_spike_in_its_window_scores_nearly_a_hundred_and_the_results_are_labelled(folder: Folder) -> None:
    found = figures(folder.run())
    assert found["nab_standard"] == pytest.approx(100.0, abs=0.1)
    assert (found["nab_series"], found["nab_rows"], found["nab_windows"]) == (2, 3000, 1)
    assert (found["nab_standard_found"], found["nab_standard_false_alarms"]) == (1, 0)
    rows = folder.result("shop/matchwatch_clicks.csv")
    assert list(rows[0]) == ["timestamp", "value", "anomaly_score", "label"]
    assert (rows[1000]["timestamp"], rows[1000]["value"]) == (at(1000), "500")
    assert float(rows[1000]["anomaly_score"]) >= found["nab_standard_threshold"]
    assert [row["label"] for row in rows] == ["0"] * 1000 + ["1"] * 100 + ["0"] * 400


def test_detection_alone_labels_nothing_and_scoring_afterwards_says_the_same(folder: Folder) -> None:
    together = figures(folder.run())
    first = folder.result("shop/matchwatch_clicks.csv")
    alone = figures(folder.run(score=False))
    assert "nab_standard" not in alone
    rows = folder.result("shop/matchwatch_clicks.csv")
    assert {row["label"] for row in rows} == {"0"}
    assert [row["anomaly_score"] for row in rows] == [row["anomaly_score"] for row in first]
    scored = figures(folder.run(detect=False))
    assert all(together[name] == value for name, value in scored.items())


def test_names_windows_and_neighbours_change_no_score(folder: Folder) -> None:
    figures(folder.run())
    first = [row["anomaly_score"] for row in folder.result("shop/matchwatch_clicks.csv")]
    (folder.data / "shop/quiet.csv").unlink()
    (folder.data / "other").mkdir()
    (folder.data / "shop/clicks.csv").rename(folder.data / "other/a.csv")
    folder.out = folder.out.with_name("again")
    folder.set_windows({"other/a.csv": [[at(300), at(310)]]})
    figures(folder.run())
    assert [row["anomaly_score"] for row in folder.result("other/matchwatch_a.csv")] == first


def test_missing_values_and_gaps_are_read_over(folder: Folder) -> None:
    path = folder.data / "shop/clicks.csv"
    lines = path.read_text().splitlines()
    lines[401], lines[402] = f"{at(400)},", f"{at(401)},NaN"
    del lines[500:700]
    path.write_text("\n".join(lines) + "\n")
    assert figures(folder.run())["nab_standard"] == pytest.approx(100.0, abs=0.1)
    rows = folder.result("shop/matchwatch_clicks.csv")
    assert [row["anomaly_score"] for row in rows[400:402]] == ["0.0", "0.0"]
    assert [row["value"] for row in rows[400:402]] == ["", "NaN"]


def replace(name: str, line: int, text: str) -> Callable[[Folder], None]:
    def change(folder: Folder) -> None:
        path = folder.data / name
        lines = path.read_text().splitlines()
        lines[line - 1] = text
        path.write_text("\n".join(lines))

    return change


def windows(value: object) -> Callable[[Folder], None]:
    return lambda folder: folder.set_windows(value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (replace("shop/quiet.csv", 1, "time,value"), "quiet.csv: line 1: columns"),
        (replace("shop/quiet.csv", 7, "yesterday,3"), "quiet.csv: line 7: 'yesterday' is no time"),
        (replace("shop/quiet.csv", 8, f"{at(6)},many"), "quiet.csv: line 8: 'many' or its score is no number"),
        (replace("shop/quiet.csv", 9, f"{at(3)},3"), "quiet.csv: line 9: 2014-04-01 00:30:00 is before"),
        (windows({"shop/clicks.csv": []}), "matchwatch_quiet.csv: the windows have no entry for it"),
        (
            windows({"shop/clicks.csv": [], "shop/quiet.csv": [], "shop/gone.csv": []}),
            "windows are given for shop/gone.csv, but",
        ),
        (
            windows({"shop/clicks.csv": [[at(10), "2014-04-05 00:01:00"]], "shop/quiet.csv": []}),
            "to 2014-04-05 00:01:00 does not begin and end at rows",
        ),
        (windows({"shop/clicks.csv": [[at(20), at(10)]], "shop/quiet.csv": []}), "ends before it begins"),
        (windows({"shop/clicks.csv": [], "shop/quiet.csv": []}), "no series has a window"),
        (windows({"shop/clicks.csv": 3}), "windows.json: Expected `array`"),
        (lambda folder: folder.windows.write_text("{"), "windows.json: Input data was truncated"),
        (lambda folder: folder.profiles.write_text('{"mild": {"CostMatrix": {}}}'), "missing required field"),
        (lambda folder: folder.profiles.write_text("{}"), "no profile `standard`"),
        (lambda folder: folder.windows.unlink(), "windows.json' does not exist"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_one_line(
    folder: Folder, change: Callable[[Folder], object], message: str
) -> None:
    change(folder)
    result = folder.run()
    assert result.exit_code == 2, result.output
    assert message in result.stderr.splitlines()[-1]


def test_a_folder_without_series_and_half_of_the_files_are_refused(folder: Folder, tmp_path: Path) -> None:
    folder.data = tmp_path / "empty"
    folder.data.mkdir()
    assert "no series: give the folder that holds <category>/<file>.csv" in folder.run().stderr
    one = CliRunner().invoke(main, ["bench", "nab", "--out", str(folder.out), "--windows", str(folder.windows)])
    assert (one.exit_code, "--windows and --profiles belong together" in one.stderr) == (2, True)
    none = CliRunner().invoke(main, ["bench", "nab", "--out", str(folder.out)])
    assert (none.exit_code, "give --data to detect" in none.stderr) == (2, True)
