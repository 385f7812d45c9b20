"""Records of the topic of silences, as detect reads them."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from schemas.silences import LONGEST_ID, Silence, SilenceMatcher, encode_silence
from streams.metrics import Metrics
from streams.stages.detect_records import read_silences
from streams.stages.unreadable_records import UnreadableRecords


@dataclass
class Consumed:
    """A record as a consumer gives it."""

    key: bytes | None
    value: bytes | None
    topic: str = "silences"
    partition: int = 0
    offset: int = 0
    timestamp: int = 0
    headers: Sequence[tuple[str, bytes]] = ()


def silence(silence_id: str) -> Silence:
    return Silence(
        id=silence_id,
        matchers=[SilenceMatcher("rule", "match_drop")],
        starts_at="2026-11-23T10:00:00Z",
        ends_at="2026-11-23T11:00:00Z",
        created_by="dana",
    )


def test_an_id_of_the_greatest_length_is_read_and_withdrawn() -> None:
    name = "é" * LONGEST_ID
    records = [Consumed(name.encode(), encode_silence(silence(name))), Consumed(name.encode(), None)]
    assert list(read_silences(records, UnreadableRecords(Metrics("test")))) == [(name, silence(name)), (name, None)]


@pytest.mark.parametrize("value", [None, encode_silence(silence("s"))], ids=["withdrawn", "another's"])
def test_a_key_that_no_id_can_be_is_counted_left_out_and_not_said_in_full(
    value: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    metrics = Metrics("test")
    with caplog.at_level(logging.ERROR):
        assert list(read_silences([Consumed(b"k" * 1_000_000, value)], UnreadableRecords(metrics))) == []
    assert metrics.registry.get_sample_value("matchwatch_unreadable_records_total", {"topic": "silences"}) == 1
    (said,) = caplog.messages
    assert "more than 100 characters" in said
    assert len(said) < 400
