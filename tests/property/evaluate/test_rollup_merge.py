import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.bounded_values import MAX_CATEGORIES, bound_values
from detectors.rollup_merge import merge
from detectors.sketch import sketch_of
from schemas.errors import SeriesMismatch
from schemas.rollup import (
    LARGEST_COUNT,
    Clicks,
    Exemplar,
    Moments,
    Pairs,
    Rollup,
    SegmentCounts,
    decode_rollup,
    encode_rollup,
)
from schemas.scores import Series

SERIES = Series("shop", "search", "rank", "3")


def rollup(seed: int, partition: int = 0) -> Rollup:
    rng = np.random.default_rng(seed)
    counts = lambda n: rng.integers(0, 50, n).tolist()  # noqa: E731 - a shorthand for this function
    made = Rollup(
        series=SERIES,
        cohort_start_ms=1_700_000_000_000,
        bucket_s=10,
        horizon_s=60,
        partition=partition,
        searches=int(rng.integers(1, 9)),
        score_bins=counts(64) if rng.random() < 0.8 else [],
        shown_at=counts(20),
        unknown_share_bins=counts(17) if rng.random() < 0.8 else [],
        exposure={name: int(rng.integers(1, 9)) for name in rng.choice(list("abcdef"), 3, replace=False)},
        labels=Clicks(*counts(6)),
        pairs=Pairs(*counts(7)),
        # Eighths add exactly in any order.
        ndcg_at_10=Moments(3, float(rng.integers(1, 99)) / 8, 1.0),
        mrr=Moments(3, 1.0, float(rng.integers(1, 99)) / 8),
        match_at_10=Moments(int(rng.integers(1, 9)), float(rng.integers(1, 99)) / 8, float(rng.integers(1, 99)) / 8),
        segments={
            "device": {name: SegmentCounts(*counts(3)) for name in rng.choice(["x", "y", "z"], 2, replace=False)}
        },
        exemplars=[Exemplar(int(rng.integers(2**60)), partition, n, [1, None], [0]) for n in range(3)],
    )
    made.latency_ms = sketch_of(rng.integers(1, 900, 5).astype(np.float64))
    return made


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 2**31), st.integers(0, 2**31))
def test_merge_is_associative_and_commutative(one: int, two: int, three: int) -> None:
    a, b, c = rollup(one, 0), rollup(two, 1), rollup(three, 2)
    assert merge(a, b) == merge(b, a)
    assert merge(merge(a, b), c) == merge(a, merge(b, c))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 2**31))
def test_merge_changes_neither_input(one: int, two: int) -> None:
    a, b = rollup(one), rollup(two)
    before = encode_rollup(a), encode_rollup(b)
    merge(a, b)
    assert (encode_rollup(a), encode_rollup(b)) == before


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31))
def test_a_rollup_comes_back_from_its_bytes(seed: int) -> None:
    made = rollup(seed)
    assert decode_rollup(encode_rollup(made)) == made


def test_rollups_of_two_series_do_not_add() -> None:
    other = msgspec.structs.replace(rollup(2), series=Series("shop", "ads", "rank", "3"))
    with pytest.raises(SeriesMismatch, match="series, cohort or horizon differ"):
        merge(rollup(1), other)


def test_the_rarest_values_beyond_the_bound_are_counted_together() -> None:
    values = {f"v{number}": SegmentCounts(searches=number) for number in range(1, 100)}
    exposure = {f"c{number}": number for number in range(1, 500)}
    made = msgspec.structs.replace(rollup(1), segments={"locale": values}, exposure=exposure)
    bounded = bound_values(made, 50)
    assert len(bounded.segments["locale"]) == 50
    assert len(bounded.exposure) == MAX_CATEGORIES
    assert sum(counts.searches for counts in bounded.segments["locale"].values()) == sum(range(1, 100))
    assert sum(bounded.exposure.values()) == sum(range(1, 500))
    assert bounded.segments["locale"]["v99"].searches == 99
    assert bounded.segments["locale"]["other"].searches == sum(range(1, 51))


def test_sums_of_squares_that_no_shop_has_stop_growing_in_any_order_and_can_be_written() -> None:
    large = [msgspec.structs.replace(rollup(1, n), pairs=Pairs(1, bb=LARGEST_COUNT - n)) for n in range(3)]
    assert merge(merge(*large[:2]), large[2]).pairs == merge(large[0], merge(*large[1:])).pairs
    total = merge(merge(*large[:2]), large[2])
    assert total.pairs == Pairs(3, bb=LARGEST_COUNT)
    assert decode_rollup(encode_rollup(total)) == total
