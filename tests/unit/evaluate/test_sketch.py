import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.sketch import LARGEST, SMALLEST, add_value, merge_sketches, quantile, sketch_groups, sketch_of
from schemas.rollup import Sketch

VALUES = st.floats(SMALLEST, LARGEST) | st.floats(0, 1e6)


@given(st.lists(st.floats(SMALLEST, LARGEST), min_size=1, max_size=200), st.floats(0, 1))
def test_a_quantile_is_within_one_percent_of_the_value_of_its_rank(values: list[float], q: float) -> None:
    exact = sorted(values)[math.floor(q * (len(values) - 1))]
    assert quantile(sketch_of(np.array(values)), q) == pytest.approx(exact, rel=0.01 + 1e-9)


@given(st.lists(st.floats(0, 1e6), max_size=50), st.lists(st.floats(0, 1e6), max_size=50))
def test_merged_sketches_give_the_quantiles_of_all_values(left: list[float], right: list[float]) -> None:
    merged, whole = (
        merge_sketches(sketch_of(np.array(left)), sketch_of(np.array(right))),
        sketch_of(np.array(left + right)),
    )
    assert merged.bins == whole.bins
    assert (merged.count, merged.zeros) == (whole.count, whole.zeros)


def test_a_latency_of_zero_is_zero() -> None:
    assert quantile(sketch_of(np.array([0.0, 0.0, 5.0])), 0.5) == 0.0


def test_an_empty_sketch_has_no_quantile() -> None:
    assert quantile(Sketch(), 0.5) is None


def test_a_sketch_stays_small_whatever_it_is_fed() -> None:
    values = np.concatenate([np.logspace(-300, 300, 50_000), [0.0]])
    sketch = sketch_of(values)
    assert len(sketch.bins) <= 1728
    assert sketch.count == values.size


@given(st.lists(st.tuples(st.integers(0, 3), VALUES | st.just(math.nan)), max_size=100))
def test_sketches_of_groups_are_those_of_each_groups_values_one_by_one(pairs: list[tuple[int, float]]) -> None:
    group = np.array([number for number, _ in pairs], dtype=np.int64)
    values = np.array([value for _, value in pairs], dtype=np.float64)
    for number, sketch in enumerate(sketch_groups(group, 4, values)):
        alone = Sketch()
        for value in values[(group == number) & ~np.isnan(values)].tolist():
            add_value(alone, value)
        assert (sketch.count, sketch.zeros) == (alone.count, alone.zeros)
        assert sketch.total == pytest.approx(alone.total)
        # At the edge of two bins, the two logarithms may round to either side.
        assert sum(sketch.bins.values()) == sum(alone.bins.values())
        edges = set(sketch.bins.items()) ^ set(alone.bins.items())
        assert all(position + step in alone.bins or position in alone.bins for position, _ in edges for step in (-1, 1))
