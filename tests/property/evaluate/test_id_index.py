import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.id_index import NOT_FOUND, IdIndex


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sets(st.integers(0, 60), max_size=12), st.integers(0, 12)), max_size=30))
def test_the_index_finds_what_a_dict_would(steps: list[tuple[set[int], int]]) -> None:
    index, known, next_row, oldest = IdIndex(), {}, 0, 0
    for ids, forgotten in steps:
        rows = range(next_row, next_row + len(ids))
        index.add(np.array(list(ids), dtype=np.uint64), np.array(rows, dtype=np.int64))
        known |= dict(zip(ids, rows, strict=True))
        next_row += len(ids)
        oldest = min(next_row, oldest + forgotten)
        index.forget_below(oldest)
        wanted = [row if (row := known.get(key, NOT_FOUND)) >= oldest else NOT_FOUND for key in range(61)]
        assert index.find(np.arange(61, dtype=np.uint64)).tolist() == wanted


def test_memory_follows_what_is_alive() -> None:
    index, rows = IdIndex(), 0
    for step in range(400):
        ids = np.arange(step * 1000, (step + 1) * 1000, dtype=np.uint64)
        index.add(ids, np.arange(rows, rows + 1000, dtype=np.int64))
        rows += 1000
        index.forget_below(max(0, rows - 20_000))
    assert index.nbytes() <= 2.5 * 20_000 * 16
