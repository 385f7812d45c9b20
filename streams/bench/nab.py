"""`matchwatch bench nab`: how well a detector without settings finds labelled anomalies in series of all kinds.

Detection comes first and knows the series alone; it writes result files as the Numenta Anomaly Benchmark has them.
Scoring reads those, and the windows.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from detectors.novelty import NoveltyDetector
from schemas.errors import UnusableFile
from streams.bench.nab_files import (
    read_profiles,
    read_rows,
    read_windows,
    result_file,
    scored_series,
    series_files,
    write_result,
)
from streams.bench.nab_score import nab_score
from streams.bench.report import Figure, figure

TARGET: Final = 75.1
"""More than the best published detector, ARTime, has on the half of the benchmark's series that this was built on."""


def detect(data: Path, out: Path, tell: Callable[[str], None]) -> list[Figure]:
    """Score every row of every series, each series by a new detector, and write the results with no row labelled."""
    began = time.process_time()
    names = series_files(data)
    rows_of_all = 0
    for name in names:
        rows = read_rows(data / name)
        detector = NoveltyDetector()
        scores = [detector.update(row.number, row.time_s) for row in rows]
        write_result(result_file(out, name), rows, scores, [False] * len(rows))
        rows_of_all += len(rows)
        tell(f"{name}: {len(rows)} rows")
    cost_us = (time.process_time() - began) / max(rows_of_all, 1) * 1e6
    return [
        _exact("nab_series", len(names), "series"),
        _exact("nab_rows", rows_of_all, "rows"),
        figure("nab_cost", [cost_us], "µs CPU/row"),
    ]


def score(windows: Path, profiles: Path, out: Path) -> list[Figure]:
    """Score results against windows, at the best threshold for each profile; label the results' rows."""
    weights = read_profiles(profiles)
    series = [one for _, one in scored_series(out, read_windows(windows))]
    if not any(one.windows for one in series):
        raise UnusableFile(f"{windows}: no series has a window: without one there is nothing to find")
    figures = [_exact("nab_windows", sum(len(one.windows) for one in series), "windows")]
    for name in sorted(weights, key=lambda name: name != "standard"):
        found = nab_score(series, weights[name])
        target = TARGET if name == "standard" else None
        figures += [
            figure(f"nab_{name}", [found.normalized], "of 100", target),
            _exact(f"nab_{name}_threshold", found.threshold, "score"),
            _exact(f"nab_{name}_found", found.hits, "windows"),
            _exact(f"nab_{name}_false_alarms", found.false_alarms, "rows"),
        ]
    return figures


def _exact(name: str, value: float, unit: str) -> Figure:
    """A figure to all its digits: thresholds are compared with scores, and counts are counts."""
    return Figure(name, float(value), unit, None, None, [float(value)])
