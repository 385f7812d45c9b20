"""Files of the Numenta Anomaly Benchmark: series, results, windows and profiles."""

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
import numpy as np

from schemas.errors import UnusableFile
from streams.bench.nab_score import Profile, ScoredSeries

DETECTOR: Final = "matchwatch"
COLUMNS: Final = ("timestamp", "value", "anomaly_score", "label")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a series or of a result, with the text it was read from."""

    timestamp: str
    value: str
    time_s: float
    """Since 1970; times without an offset are taken for UTC."""
    number: float
    """NaN where the value is missing."""
    score: float
    """NaN in a series."""


class Costs(msgspec.Struct):
    """A profile's weights, as profiles.json names them."""

    hit: float = msgspec.field(name="tpWeight")
    miss: float = msgspec.field(name="fnWeight")
    false_alarm: float = msgspec.field(name="fpWeight")


class CostProfile(msgspec.Struct):
    """A profile of profiles.json."""

    costs: Costs = msgspec.field(name="CostMatrix")


def series_files(data: Path) -> list[str]:
    """Give the names `<category>/<file>.csv` of all series in a folder."""
    names = sorted(path.relative_to(data).as_posix() for path in data.glob("*/*.csv"))
    if not names:
        raise UnusableFile(f"{data}: no series: give the folder that holds <category>/<file>.csv")
    return names


def result_file(out: Path, name: str) -> Path:
    """Say where the result of a series lies."""
    category, _, file = name.rpartition("/")
    return out / category / f"{DETECTOR}_{file}"


def read_rows(path: Path, columns: Sequence[str] = ("timestamp", "value")) -> list[Row]:
    """Read a series, or with all `COLUMNS` a result.

    Raises:
        UnusableFile: a column is missing, a cell is no time or no number, or times go back.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.DictReader(file)
            if not set(columns) <= set(lines.fieldnames or ()):
                raise UnusableFile(f"{path}: line 1: columns {lines.fieldnames}, wanted {', '.join(columns)}")
            rows = [_row(cells, f"{path}: line {lines.line_num}") for cells in lines]
    except (UnicodeDecodeError, csv.Error) as error:
        raise UnusableFile(f"{path}: no CSV in UTF-8: {error}") from error
    for line, (before, row) in enumerate(pairwise(rows), start=3):
        if row.time_s < before.time_s:
            raise UnusableFile(f"{path}: line {line}: {row.timestamp} is before {before.timestamp}: sort it by time")
    return rows


def write_result(path: Path, rows: Sequence[Row], scores: Sequence[float], labels: Sequence[bool]) -> None:
    """Write a result file, with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row, score, label in zip(rows, scores, labels, strict=True):
            writer.writerow((row.timestamp, row.value, repr(score), int(label)))


def read_profiles(path: Path) -> dict[str, Profile]:
    """Read profiles.json."""
    found = _json(path, dict[str, CostProfile])
    if "standard" not in found:
        raise UnusableFile(f"{path}: no profile `standard`")
    return {name: Profile(one.costs.hit, one.costs.miss, one.costs.false_alarm) for name, one in found.items()}


def read_windows(path: Path) -> dict[str, list[tuple[str, str]]]:
    """Read windows.json: the first and last time of each window, by series."""
    return _json(path, dict[str, list[tuple[str, str]]])


def scored_series(out: Path, windows: Mapping[str, Sequence[tuple[str, str]]]) -> Iterator[tuple[str, ScoredSeries]]:
    """Read the results of all series that windows are named for, and write into each which rows lie in a window.

    Raises:
        UnusableFile: a series has no result or a result no entry in `windows`; a window has no rows of its own.
    """
    wanted = {result_file(out, name): name for name in windows}
    for path in sorted(out.glob(f"*/{DETECTOR}_*.csv")):
        if path not in wanted:
            raise UnusableFile(f"{path}: the windows have no entry for it: add one, [] if it has none, or remove it")
    for path, name in wanted.items():
        if not path.is_file():
            raise UnusableFile(f"windows are given for {name}, but {path} is not there: add the series, or take it out")
        rows = read_rows(path, COLUMNS)
        placed = _placed(name, [row.time_s for row in rows], windows[name])
        labels = np.zeros(len(rows), dtype=bool)
        for first, last in placed:
            labels[first : last + 1] = True
        scores = [row.score for row in rows]
        if not all(0.0 <= score <= 1.0 for score in scores):
            raise UnusableFile(f"{path}: scores must be numbers from 0 to 1")
        write_result(path, rows, scores, labels.tolist())
        yield name, ScoredSeries(np.array(scores), placed)


def _placed(name: str, times_s: Sequence[float], windows: Sequence[tuple[str, str]]) -> list[tuple[int, int]]:
    """Find the rows of windows; of rows with equal times the first, as the benchmark's own scorer does."""
    places: dict[float, int] = {}
    for row, time_s in enumerate(times_s):
        places.setdefault(time_s, row)
    found: list[tuple[int, int]] = []
    for window in windows:
        try:
            first, last = (places[_time_s(text)] for text in window)
        except (KeyError, ValueError) as error:
            raise UnusableFile(f"{name}: the window {' to '.join(window)} does not begin and end at rows") from error
        if last < first or (found and first <= found[-1][1]):
            raise UnusableFile(f"{name}: the window {' to '.join(window)} ends before it begins, or the one before it")
        found.append((first, last))
    return found


def _row(cells: Mapping[str, Any], where: str) -> Row:
    timestamp, value = str(cells["timestamp"]), str(cells["value"] or "")
    try:
        time_s = _time_s(timestamp)
    except ValueError as error:
        raise UnusableFile(f"{where}: {timestamp!r} is no time like 2014-04-10 16:15:00") from error
    try:
        return Row(timestamp, value, time_s, float(value or math.nan), float(cells.get("anomaly_score", math.nan)))
    except (ValueError, TypeError) as error:
        raise UnusableFile(f"{where}: {value!r} or its score is no number; leave a missing value empty") from error


def _time_s(text: str) -> float:
    time = datetime.fromisoformat(text)
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def _json(path: Path, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except msgspec.DecodeError as error:
        raise UnusableFile(f"{path}: {error}") from error
