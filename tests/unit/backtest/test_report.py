"""A backtest's plots: bounded traces whose means are exact, and pages that hold nothing but themselves."""

from random import Random

import numpy as np
import pytest

from streams.backtest.plot import Episode, Mark, plot
from streams.backtest.traces import Cell, Trace


@pytest.mark.parametrize("cohorts", [1, 7, 64, 1000])
def test_a_trace_joins_cohorts_into_weighted_means(cohorts: int) -> None:
    random = Random(cohorts)
    rows = [(n * 10_000, random.random(), random.random(), random.randint(1, 50)) for n in range(cohorts)]
    trace = Trace(0, 10_000, cells=16)
    for row in rows:
        trace.add(*row)
    cells = list(trace.read())
    assert len(cells) <= 16
    for cell in cells:
        _, values, errors, weights = np.array([row for row in rows if cell.start_ms <= row[0] < cell.end_ms]).T
        assert cell.value == pytest.approx(np.average(values, weights=weights))
        assert cell.standard_error == pytest.approx(np.sqrt(np.sum((weights * errors) ** 2)) / weights.sum())


def test_a_trace_crosses_a_gap_of_years_and_leaves_out_what_is_no_number() -> None:
    trace = Trace(0, 10_000, cells=8)
    trace.add(0, 1.0, 0.0, 5)
    trace.add(10_000, float("nan"), 0.0, 5)
    trace.add(10**12, 3.0, 0.0, 5)
    assert [cell.value for cell in trace.read()] == [1.0, 3.0]


@pytest.mark.parametrize("value", [0.0, -3.0, 0.25, 1e9])
def test_one_constant_cell_can_be_drawn(value: float) -> None:
    drawn = plot([Cell(0, 10_000, value, 0.0)], [Episode(0, 5_000, None, None, value)], [], "match_at_10")
    assert "nan" not in drawn
    assert "circle" in drawn


def test_names_of_the_shop_are_text_in_the_page() -> None:
    cells = [Cell(n * 10_000, (n + 1) * 10_000, n / 10, 0.01) for n in range(10)]
    drawn = plot(cells, [], [Mark(50_000, "m", "<script>alert(1)</script>")], "ctr")
    assert "<script>" not in drawn
    assert "&lt;script&gt;" in drawn
