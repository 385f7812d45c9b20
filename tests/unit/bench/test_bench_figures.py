"""What benches make of their runs."""

from io import StringIO
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from rich.console import Console

from streams.bench import table as bench_table
from streams.bench.options import Options
from streams.bench.program import BenchFailed
from streams.bench.reasons import missed
from streams.bench.report import Figure, Report, figure
from streams.bench.scale import flatness


def test_flatness_compares_the_same_two_sizes_in_every_run() -> None:
    assert flatness([[10.0, 12.0, 11.0], [10.0, 15.0, 11.0], [11.0, 12.0, 13.2]]) == [1.1, 1.0, 1.2]


def test_sizes_that_cost_the_same_but_for_noise_are_flat() -> None:
    costs = [[10.0, 11.0, 9.0, 10.0, 10.0], [9.0, 10.0, 10.0, 11.0, 10.0], [10.0, 9.0, 11.0, 10.0, 10.0]]
    assert figure("scale_flatness", flatness(costs), "ratio", 1.15, "less").value == pytest.approx(1.0)


def test_a_figure_is_the_median_and_says_whether_it_keeps_its_bound() -> None:
    assert figure("a", [3.0, 1.0, 2.0], "s", 2.0, "less") == Figure("a", 2.0, "s", "≤ 2", True, [3.0, 1.0, 2.0])
    assert figure("a", [3.0, 1.0, 2.0], "s", 2.5) == Figure("a", 2.0, "s", "≥ 2.5", False, [3.0, 1.0, 2.0])
    assert figure("a", [], "s", 2.5) == Figure("a", None, "s", "≥ 2.5", None, [])


def test_the_table_names_every_figure_with_its_target_and_what_was_not_measured() -> None:
    figures = [figure("fast", [2.0], "ratio", 3.0), figure("two", [], "ratio", 1.8)]
    shown = StringIO()
    Console(width=160, file=shown).print(bench_table.table([Report("scale", "2026", "a machine", figures)]))
    rows = shown.getvalue().splitlines()[3:]
    assert "≥ 3" in rows[0]
    assert "NO" in rows[0]
    assert "not measured" in rows[1]


def test_a_target_that_is_not_met_is_said_with_its_reason_where_one_is_known() -> None:
    assert missed(figure("recover_s", [14.0], "s", 15.0, "less")) is None
    assert missed(figure("one_worker", [14.0], "µs/search")) is None
    assert "recover_s: not reached: a million open searches" in str(
        missed(figure("recover_s", [16.0], "s", 15.0, "less"))
    )
    assert "not measured: fewer than four cores" in str(missed(figure("two_workers_speed_up", [], "ratio", 1.8)))
    assert missed(figure("new", [1.0], "ratio", 2.0)) == "new: not reached: the reason is not known"


def test_a_bench_that_fails_is_named_and_the_others_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: Options) -> list[Figure]:
        raise BenchFailed("the broker is gone")

    monkeypatch.setattr("streams.bench.scale.bench", fails)
    monkeypatch.setattr("streams.bench.recover.bench", lambda _: [figure("recover_s", [3.0], "s", 15.0, "less")])
    out = tmp_path / "bench.json"
    done = CliRunner().invoke(bench_table.main, ["--bench", "scale", "--bench", "recover", "--out", str(out)])
    assert done.exit_code == 1
    assert "bench scale failed: the broker is gone" in done.output
    assert "for a look" not in done.output
    assert [one.bench for one in msgspec.json.decode(out.read_bytes(), type=list[Report])] == ["recover"]


def test_a_bench_with_fewer_searches_than_by_default_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.bench.scale.bench", lambda _: [])
    done = CliRunner().invoke(bench_table.main, ["--bench", "scale", "--searches", "300"])
    assert done.exit_code == 0
    assert "scale: fewer searches than by default" in done.output
