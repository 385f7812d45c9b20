"""Blocks that score wrote under other settings, or that it did not write."""

import tracemalloc

import msgspec
import numpy as np
import pytest

from detectors.cohort import MAX_SERIES
from detectors.evaluate import EvaluateFold
from detectors.open_searches import MAX_HORIZONS
from detectors.score_columns import ColumnsMisfit
from schemas.config import parse_settings
from schemas.errors import BadSettings
from schemas.rollup import OTHER, UNKNOWN, Rollup
from schemas.scores import Column, ScoreBlock, Series
from tests.property.evaluate.shop_log import SETTINGS, Click, Search, as_block, as_columns

START_MS = 1_700_000_000_000
FAR_MS = START_MS + 10_000_000


def searches(count: int, version: str = "1") -> list[Search]:
    return [Search(number + 1, START_MS, version, "phone", [(number, 1, 5)]) for number in range(count)]


def rollups_of(block: ScoreBlock) -> list[Rollup]:
    fold = EvaluateFold(SETTINGS, 0)
    fold.apply_scores(block, 0)
    fold.apply_scores(as_block([Search(99_999, FAR_MS, "1", "phone", [])], 50_000), 1)
    fold.finish_clicks(FAR_MS)
    return fold.close()


def test_a_dimension_that_score_did_not_know_is_unknown() -> None:
    block = msgspec.structs.replace(as_block(searches(3), 0), segments={})
    rollup = rollups_of(block)[0]
    assert {value: counts.searches for value, counts in rollup.segments["device"].items()} == {UNKNOWN: 3}


@pytest.mark.parametrize(
    "change",
    [
        {"times_ms": np.array([START_MS], dtype="<i8").tobytes()},
        {"times_ms": b"123"},
        {"item_ids": b""},
        {"item_counts": np.array([1, 7], dtype="<u4").tobytes()},
        {"series_index": np.array([0, 9], dtype="<u2").tobytes()},
        {"positions": np.array([1, 0], dtype="<u4").tobytes()},
        {"scores": np.array([5, 4097], dtype="<u2").tobytes()},
        {"unknown_tokens": np.array([0, 2000], dtype="<u4").tobytes()},
        {"times_ms": np.array([START_MS, 2**62], dtype="<i8").tobytes()},
        {"times_ms": np.array([START_MS, -1], dtype="<i8").tobytes()},
        {"latencies_ms": np.array([np.nan, -1.0], dtype="<f8").tobytes()},
        {"scoring_ms": float("nan")},
        {"scoring_ms": float("inf")},
        {"scoring_ms": -1.0},
    ],
)
def test_columns_that_do_not_belong_together_are_refused_and_change_nothing(change: dict[str, bytes | float]) -> None:
    fold = EvaluateFold(SETTINGS, 0)
    with pytest.raises(ColumnsMisfit):
        fold.apply_scores(msgspec.structs.replace(as_block(searches(2), 0), **change), 0)
    assert fold.open_searches == 0
    assert fold.totals == {}


def test_a_version_called_star_is_a_part_of_the_sum_and_nothing_else() -> None:
    block = as_block(searches(3), 0)
    series = block.series[0]
    starred = Series(series.application, series.surface, "*", "*")
    mixed = msgspec.structs.replace(
        block, series=[series, starred], series_index=np.array([0, 1, 1], dtype="<u2").tobytes()
    )
    found = [(rollup.series, rollup.searches) for rollup in rollups_of(mixed) if rollup.horizon_s == 0]
    assert len({series for series, _ in found}) == len(found)
    assert sum(searches for series, searches in found if series.version == "*") >= 2


def test_series_beyond_the_bound_stay_in_the_sum_of_their_application() -> None:
    count = MAX_SERIES + 200
    block = as_block(searches(count), 0)
    name = block.series[0]
    many = [Series(name.application, name.surface, name.model, str(number)) for number in range(count)]
    spread = msgspec.structs.replace(block, series=many, series_index=np.arange(count, dtype="<u2").tobytes())
    found = {rollup.series: rollup.searches for rollup in rollups_of(spread) if rollup.horizon_s == 0}
    assert found[Series(name.application, name.surface, OTHER, OTHER)] == 200
    assert sum(n for series, n in found.items() if series.version == "*") == count


def test_settings_allow_no_more_horizons_than_the_fold_can_tell_apart() -> None:
    horizons = list(range(10, 10 * (MAX_HORIZONS + 1), 10))
    assert parse_settings({"fold": {"horizons_s": horizons}}, {}).fold.horizons_s == tuple(horizons)
    with pytest.raises(BadSettings, match=r"fold\.horizons_s"):
        parse_settings({"fold": {"horizons_s": [*horizons, 3600]}}, {})


def test_many_series_and_many_categories_take_memory_for_the_pairs_that_occur() -> None:
    blocks, each = 20, 400
    fold = EvaluateFold(SETTINGS, 0)
    name = as_block(searches(1), 0).series[0]
    for number in range(blocks):
        first = number * each
        block = as_block([Search(first + i, START_MS, "1", "phone", [(i, 1, 5)]) for i in range(each)], first)
        index = np.arange(each, dtype="<u2").tobytes()
        many = [Series(name.application, name.surface, name.model, str(i)) for i in range(each)]
        kinds = Column([f"{number}-{i}" for i in range(each)], index)
        fold.apply_scores(msgspec.structs.replace(block, series=many, series_index=index, categories=kinds), number)
    fold.apply_scores(as_block([Search(99_999, FAR_MS, "1", "phone", [])], 50_000), blocks)
    tracemalloc.start()
    try:
        found = fold.close(clicks_idle=True)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    exposures = [rollup.exposure for rollup in found if rollup.horizon_s == 0 and rollup.series.version == "7"]
    assert exposures == [{f"{number}-7": 1 for number in range(blocks)}]
    assert peak < each * blocks * each * 8  # bytes of a table of all pairs, 25 MB


def test_sums_of_squares_of_pages_with_hundreds_of_millions_of_pairs_are_exact() -> None:
    # Odd positions are clicked and score more than all others: 10,000 · 10,000 pairs, and one pair on the other page.
    items = [(number, number, 10 if number % 2 else 5) for number in range(1, 20_001)]
    pages = [Search(1, START_MS, "1", "phone", items), Search(2, START_MS, "1", "phone", items[:2])]
    fold = EvaluateFold(SETTINGS, 0)
    fold.apply_scores(as_block(pages, 0), 0)
    clicks = [Click(page.query_id, item, START_MS, 1) for page in pages for item, _, _ in page.items if item % 2]
    fold.apply_clicks(as_columns(clicks), 0)
    fold.apply_scores(as_block([Search(99_999, FAR_MS, "1", "phone", [])], 50_000), 1)
    fold.finish_clicks(FAR_MS)
    (pairs,) = [x.pairs for x in fold.close() if x.horizon_s == SETTINGS.horizons_s[0] and x.series.version == "1"]
    twice = (2 * 10_000**2, 2)
    assert (pairs.concordant, pairs.searches) == (sum(twice) // 2, 2)
    assert pairs.aa == pairs.ab == pairs.bb == sum(each * each for each in twice)
