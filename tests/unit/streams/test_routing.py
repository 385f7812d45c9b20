import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.partitioner import partition_of
from streams.routing import partitions_of


@given(st.lists(st.binary(min_size=1, max_size=90), max_size=40), st.integers(1, 12))
def test_many_keys_at_once_get_the_partitions_that_single_keys_get(keys: list[bytes], partitions: int) -> None:
    assert partitions_of(keys, partitions).tolist() == [partition_of(key, partitions) for key in keys]


@pytest.mark.parametrize("length", [1, 2, 3, 4, 63, 64, 65])
def test_every_rest_of_a_word_is_hashed(length: int) -> None:
    key = bytes(range(1, length + 1))
    assert partitions_of([key, b"q"], 7).tolist() == [partition_of(key, 7), partition_of(b"q", 7)]
