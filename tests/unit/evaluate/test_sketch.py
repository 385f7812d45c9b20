import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.sketch import LARGEST, SMALLEST, add_values, merge_sketches, quantile
from schemas.rollup import Sketch


def sketch_of(values: list[float]) -> Sketch:
    sketch = Sketch()
    add_values(sketch, np.array(values, dtype=np.float64))
    return sketch


@given(st.lists(st.floats(SMALLEST, LARGEST), min_size=1, max_size=200), st.floats(0, 1))
def test_a_quantile_is_within_one_percent_of_the_value_of_its_rank(values: list[float], q: float) -> None:
    exact = sorted(values)[math.floor(q * (len(values) - 1))]
    assert quantile(sketch_of(values), q) == pytest.approx(exact, rel=0.01 + 1e-9)


@given(st.lists(st.floats(0, 1e6), max_size=50), st.lists(st.floats(0, 1e6), max_size=50))
def test_merged_sketches_give_the_quantiles_of_all_values(left: list[float], right: list[float]) -> None:
    merged, whole = merge_sketches(sketch_of(left), sketch_of(right)), sketch_of(left + right)
    assert merged.bins == whole.bins
    assert (merged.count, merged.zeros) == (whole.count, whole.zeros)


def test_a_latency_of_zero_is_zero() -> None:
    assert quantile(sketch_of([0.0, 0.0, 5.0]), 0.5) == 0.0


def test_an_empty_sketch_has_no_quantile() -> None:
    assert quantile(Sketch(), 0.5) is None


def test_a_sketch_stays_small_whatever_it_is_fed() -> None:
    values = np.concatenate([np.logspace(-300, 300, 50_000), [0.0]])
    sketch = Sketch()
    add_values(sketch, values)
    assert len(sketch.bins) <= 1728
    assert sketch.count == values.size
