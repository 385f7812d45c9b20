import pytest
from aiokafka.partitioner import murmur2 as aiokafka_murmur2
from hypothesis import given
from hypothesis import strategies as st

from streams.control import (
    ARRIVAL_HEADER,
    WATERMARK_HEADER,
    arrival_headers,
    read_arrival,
    read_watermark,
    watermark_headers,
)
from streams.partitioner import murmur2, partition_of


@given(st.binary(max_size=70))
def test_murmur2_agrees_with_aiokafka_on_any_bytes(key: bytes) -> None:
    assert murmur2(key) == aiokafka_murmur2(key) & 0xFFFFFFFF


@given(st.binary(max_size=70), st.integers(1, 64))
def test_a_key_belongs_to_the_partition_that_aiokafka_gives_it(key: bytes, partitions: int) -> None:
    assert partition_of(key, partitions) == (aiokafka_murmur2(key) & 0x7FFFFFFF) % partitions


def test_headers_come_back_as_they_were_written() -> None:
    assert read_arrival(arrival_headers(1_700_000_000_123), 5) == 1_700_000_000_123
    assert read_arrival(arrival_headers(None), 5) is None
    assert read_arrival([], 5) == 5
    assert read_watermark(None, None, watermark_headers(42)) == 42
    assert read_watermark(None, None, arrival_headers(42)) is None


@pytest.mark.parametrize("value", [b"", b"12a", b"-5", "１２".encode(), b"1e3", b"9" * 14, b"1" * 5000])
def test_a_header_that_is_no_time_in_digits_is_passed_over(value: bytes) -> None:
    assert read_arrival([(ARRIVAL_HEADER, value)], 7) == 7
    assert read_watermark(None, None, [(WATERMARK_HEADER, value)]) is None


@pytest.mark.parametrize(("key", "value"), [(b"q-1", None), (None, b"{}"), (b"q-1", b"{}"), (None, b"")])
def test_a_record_with_a_key_or_a_value_is_an_event_whatever_its_headers_say(
    key: bytes | None, value: bytes | None
) -> None:
    assert read_watermark(key, value, watermark_headers(42)) is None
