"""A record of `rollups` that evaluate cannot have written is told from those that it writes."""

import msgspec
import pytest

from schemas.rollup import Clicks, Moments, Rollup, RollupControl, Sketch, decode_rollup, encode_rollup
from schemas.scores import Series, decode_scores
from streams.stages.rollup_records import NotARollup, read_rollup

PLAIN = Rollup(
    Series("shop", "search", "rank", "1"),
    1_700_000_000_000,
    10,
    60,
    1,
    searches=2,
    impressions=9,
    latency_ms=Sketch(count=2, total=30.0, bins={100: 2}),
    scoring_ms=Sketch(),
    labels=Clicks(clicks=3, clicked_searches=1),
    shown_at=[9, *[0] * 19],
)
CONTROL = RollupControl(1, 4, {0: 10, 60: 0}, -30_001, 0, idle=False, wall_ms=5)


def test_what_evaluate_writes_fits() -> None:
    assert read_rollup(encode_rollup(PLAIN), 4) == PLAIN
    assert read_rollup(encode_rollup(CONTROL), 4) == CONTROL


@pytest.mark.parametrize(
    "changes",
    [
        {"cohort_start_ms": -1},
        {"cohort_start_ms": 2**62},
        {"bucket_s": 0},
        {"partition": -1},
        {"searches": -1},
        {"searches": 1},
        {"impressions": 2**63},
        {"shown_at": [9]},
        {"score_bins": [1] * 63},
        {"unknown_share_bins": [1]},
        {"unknown_share_bins": [3, *[0] * 16]},
        {"latency_ms": Sketch(count=2, total=float("nan"), bins={100: 2})},
        {"latency_ms": Sketch(count=2, total=1.0, bins={100: 1})},
        {"latency_ms": Sketch(count=2, total=1.0, bins={2**40: 2})},
        {"match_at_10": Moments(count=1, total=float("inf"))},
        {"labels": Clicks(clicks=10)},
        {"ndcg_at_10": Moments(count=2)},
        {"mrr": Moments(count=2)},
        {"match_at_10": Moments(2, 2.1, 1.0)},
        {"match_at_10": Moments(2, 1.7e308, 1.7e308)},
        {"mrr": Moments(1, 0.5, 0.6)},
        {"exposure": {"shoes": -3}},
    ],
    ids=str,
)
def test_a_rollup_that_could_not_be_added_up_is_left_out(changes: dict[str, object]) -> None:
    with pytest.raises((NotARollup, msgspec.DecodeError)):
        read_rollup(encode_rollup(msgspec.structs.replace(PLAIN, **changes)), 4)


@pytest.mark.parametrize(
    "changes",
    [
        {"partition": 4},
        {"partitions": 1000},
        {"closed_through_ms": {60: -1}},
        {"closed_through_ms": {-60: 1}},
        {"largest_time_ms": 2**62},
        {"wall_ms": -1},
        {"watermark_ms": 2**62},
    ],
    ids=str,
)
def test_a_control_that_would_hold_all_others_back_is_left_out(changes: dict[str, object]) -> None:
    with pytest.raises(NotARollup):
        read_rollup(encode_rollup(msgspec.structs.replace(CONTROL, **changes)), 4)


@pytest.mark.parametrize("decode", [decode_rollup, decode_scores])
@pytest.mark.parametrize("raw", [b"\x93\xa5block\xa2\xff\xfe", b"\x81\xa1\xff\x01", b"\x91" * 100_000, b"", b"\xc1"])
def test_bytes_of_another_writer_raise_one_kind_of_error(decode: object, raw: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(raw)  # type: ignore[operator]
