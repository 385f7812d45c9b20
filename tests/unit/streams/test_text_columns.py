import tracemalloc

import numpy as np
import pytest

from schemas.scores import id_hash
from streams.stages.id_hashes import IdHashes
from streams.stages.text_columns import LONGEST_VALUE, MAX_TEXTS, TextNumbers, segment_value


def texts_of(column: TextNumbers) -> list[str]:
    told = column.column()
    return [told.values[number] for number in np.frombuffer(told.index, "<u2").tolist()]


def test_rows_keep_their_values_one_by_one_and_many_at_once() -> None:
    column = TextNumbers()
    column.append("鞋")
    column.extend(["bags", "鞋", "bags"])
    column.extend([])
    column.append("x" * 100)
    assert texts_of(column) == ["鞋", "bags", "鞋", "bags", "x" * LONGEST_VALUE]


def test_values_beyond_the_most_are_other_in_each_row() -> None:
    column = TextNumbers()
    names = [f"v{number}" for number in range(MAX_TEXTS + 500)]
    column.extend(names)
    column.extend(names)
    kept = names[: MAX_TEXTS - 1]
    expected = [name if name in kept else "other" for name in names]
    assert texts_of(column) == expected * 2
    assert len(column.column().values) == MAX_TEXTS


@pytest.mark.parametrize(
    ("value", "text"),
    [("mobile", "mobile"), ("", "unknown"), (None, "unknown"), (True, "true"), (3, "3"), ([1], "unknown")],
)
def test_segment_values_become_text(value: object, text: str) -> None:
    assert segment_value(value) == text


def test_hashes_of_ids_are_those_of_a_block_whether_new_or_known() -> None:
    hashes = IdHashes()
    ids = ["a", "鞋", "a", ""]
    expected = [id_hash(name) for name in ids]
    assert np.frombuffer(hashes.column(ids), "<u8").tolist() == expected
    assert np.frombuffer(hashes.column(ids), "<u8").tolist() == expected
    assert hashes.column([]) == b""


def test_long_ids_are_not_kept_in_memory() -> None:
    hashes = IdHashes()
    tracemalloc.start()
    try:
        for number in range(50):
            name = f"{number}" + "x" * 200_000
            assert np.frombuffer(hashes.column(["a", name]), "<u8").tolist() == [id_hash("a"), id_hash(name)]
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 1_000_000
