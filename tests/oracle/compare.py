"""Hold the product's rollup lines against the oracle's: counts equal, quantiles within 1 %."""

import argparse
import json
import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.oracle.contracts import parse_timestamp
from tests.oracle.oracle import Expected, OracleSettings, expect_folder
from tests.oracle.scores import read_scores

Row = Mapping[str, Any]
Key = tuple[str, str, str, str, int, int]

COUNTS = ("bucket_s", "searches", "impressions", "clicks", "purchases", "zero_results")
QUANTILES = ("p50", "p95", "p99")
QUANTILE_TOLERANCE = 0.01
SUM_TOLERANCE = 1e-6
"""Relative: sums may be added in another order, or kept in thousandths of a millisecond."""
MATCH_TOLERANCE = 1e-6


def key_of(row: Row) -> Key:
    """Say which line this is: series, start of the cohort in epoch milliseconds, horizon."""
    series = row["series"]
    names = (series["application"], series["surface"], series["model"], series["version"])
    return (*names, parse_timestamp(row["cohort_start"]), row["horizon_s"])


def name_of(row: Row) -> str:
    """Write which line this is, for people."""
    return f"{'/'.join(map(str, key_of(row)[:4]))} {row['cohort_start']} horizon {row['horizon_s']} s"


def _near(actual: Any, expected: float | None, tolerance: float) -> bool:
    if actual is None or expected is None or isinstance(actual, (bool, str)):
        return actual is None and expected is None
    return math.isclose(actual, expected, rel_tol=0, abs_tol=tolerance * abs(expected) + 1e-9)


def _same_count(actual: Any, expected: int) -> bool:
    return type(actual) is int and actual == expected


def row_differences(expected: Row, actual: Row) -> Iterator[str]:
    """Name each field of one line that differs; pairs and match only where the oracle had scores."""

    def check(path: str, same: bool, got: Any, wanted: Any) -> Iterator[str]:
        if not same:
            yield f"{name_of(expected)}: {path} is {got!r}, expected {wanted!r}"

    for name in COUNTS:
        yield from check(name, _same_count(actual.get(name), expected[name]), actual.get(name), expected[name])
    latency, wanted_latency = actual.get("latency_ms") or {}, expected["latency_ms"]
    count, wanted_count = latency.get("count"), wanted_latency["count"]
    yield from check("latency_ms.count", _same_count(count, wanted_count), count, wanted_count)
    for name in ("sum", *QUANTILES):
        got, wanted = latency.get(name), wanted_latency[name]
        tolerance = SUM_TOLERANCE if name == "sum" else QUANTILE_TOLERANCE * (1 + 1e-9)
        yield from check(f"latency_ms.{name}", _near(got, wanted, tolerance), got, wanted)
    for name in ("ndcg_at_10", "mrr"):
        got, wanted = actual.get(name), expected[name]
        yield from check(name, _near(got, wanted, MATCH_TOLERANCE), got, wanted)
    if expected["pairs"] is None:
        return
    for group in ("pairs", "shown_pairs"):
        if group == "shown_pairs" and group not in actual:
            continue  # the contract's line leaves it open under which name these are printed
        for name, wanted in expected[group].items():
            got = (actual.get(group) or {}).get(name)
            yield from check(f"{group}.{name}", _same_count(got, wanted), got, wanted)
    got, wanted = actual.get("match_at_10"), expected["match_at_10"]
    yield from check("match_at_10", _near(got, wanted, MATCH_TOLERANCE), got, wanted)


def differences(expected: Expected, actual_rows: Iterable[Row]) -> list[str]:
    """List how the product's lines differ from the oracle's; an empty list means that they agree.

    Scores that do not fit the files come first, then lines that are missing, unexpected or printed twice, then each
    field that differs, in the order of series, cohort and horizon.
    """
    wanted = {key_of(row): row for row in expected.rows}
    got: dict[Key, Row] = {}
    found = [f"scores: {fault}" for fault in expected.score_faults]
    for row in actual_rows:
        if key_of(row) in got:
            found.append(f"{name_of(row)}: printed twice")
        got.setdefault(key_of(row), row)
    found += [
        f"{name_of(wanted[key])}: missing, expected {wanted[key]['searches']} searches"
        for key in sorted(wanted.keys() - got.keys())
    ]
    found += [
        f"{name_of(got[key])}: not expected, has {got[key].get('searches')} searches"
        for key in sorted(got.keys() - wanted.keys())
    ]
    for key in sorted(wanted.keys() & got.keys()):
        found += row_differences(wanted[key], got[key])
    return found


def counter_differences(expected: Expected, actual: Mapping[str, int]) -> list[str]:
    """List the counters that differ; `actual` uses the oracle's names, and names that it lacks are not compared."""
    return [
        f"{name}: {count}, expected {expected.counters[name]}"
        for name, count in sorted(actual.items())
        if count != expected.counters[name]
    ]


def totals(rows: Iterable[Row]) -> dict[str, int]:
    """Add up the counts of some lines: a first look at how far two runs are apart."""
    sums = dict.fromkeys(("searches", "impressions", "clicks", "purchases", "zero_results"), 0)
    for row in rows:
        for name in sums:
            sums[name] += row.get(name) or 0
    return sums


def read_rows(path: Path) -> list[Row]:
    """Read what `matchwatch rollups --json` printed."""
    return [json.loads(text) for text in path.read_text("utf-8").splitlines() if text.strip()]


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare a folder with printed rollups; exit 0 when they agree, 1 when not."""
    parser = argparse.ArgumentParser(prog="python -m tests.oracle.compare", description=__doc__)
    parser.add_argument("folder", type=Path, help="the recording that was replayed")
    parser.add_argument("rollups", type=Path, help="what `rollups --json` printed; with version * when it has any")
    parser.add_argument(
        "--scores", type=Path, help="records of match-scores, as tests.oracle.scores.write_scores keeps"
    )
    parser.add_argument("--bucket-s", type=int, default=10)
    parser.add_argument("--horizon-s", type=int, action="append", help="repeat for each; default 60 and 1800")
    parser.add_argument("--lateness-s", type=int, default=30)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--show", type=int, default=40, help="differences to print")
    options = parser.parse_args(arguments)
    settings = OracleSettings(
        options.bucket_s, tuple(options.horizon_s or (60, 1800)), options.lateness_s, options.partitions
    )
    actual = read_rows(options.rollups)
    expected = expect_folder(
        options.folder,
        settings,
        read_scores(options.scores) if options.scores else None,
        all_versions=any(row["series"]["version"] == "*" for row in actual),
    )
    found = differences(expected, actual)
    out = sys.stdout
    for difference in found[: options.show]:
        out.write(difference + "\n")
    if len(found) > options.show:
        out.write(f"… and {len(found) - options.show} more\n")
    out.write(f"totals: {totals(actual)}, expected {totals(expected.rows)}\n")
    out.write(f"expected counters: {dict(sorted(expected.counters.items()))}\n")
    out.write(f"{len(found)} differences in {len(actual)} lines, {len(expected.rows)} expected\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
