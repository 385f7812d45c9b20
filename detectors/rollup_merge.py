"""Adding rollups: over partitions, and over the versions of a surface."""

from collections.abc import Iterable
from operator import add
from typing import TypeVar

import msgspec
from msgspec.structs import astuple

from detectors.sketch import merge_sketches
from schemas.errors import SeriesMismatch
from schemas.rollup import LARGEST_COUNT, Clicks, Exemplar, Moments, Pairs, Rollup, SegmentCounts, Sketch
from schemas.scores import Series

MAX_EXEMPLARS = 3
MERGED = -1
"""`partition` of a rollup that is a sum over partitions."""

_Counts = TypeVar("_Counts", Clicks, Moments, Pairs, SegmentCounts)
_Squares = TypeVar("_Squares", Clicks, Pairs)


def merge(left: Rollup, right: Rollup) -> Rollup:
    """Add two partial rollups of one series, cohort and horizon.

    Integer counts are exact and order-free, so partitions may arrive in any order.

    Returns:
        A new rollup with `partition` −1 where the two differ in it; neither input changes.

    Raises:
        SeriesMismatch: the two describe different series, cohorts or horizons.
    """
    mine = (left.series, left.cohort_start_ms, left.bucket_s, left.horizon_s)
    other = (right.series, right.cohort_start_ms, right.bucket_s, right.horizon_s)
    if mine != other:
        raise SeriesMismatch(f"cannot add the rollup of {other} to that of {mine}: series, cohort or horizon differ")
    return Rollup(
        series=left.series,
        cohort_start_ms=left.cohort_start_ms,
        bucket_s=left.bucket_s,
        horizon_s=left.horizon_s,
        partition=left.partition if left.partition == right.partition else MERGED,
        searches=left.searches + right.searches,
        impressions=left.impressions + right.impressions,
        zero_results=left.zero_results + right.zero_results,
        unscored_searches=left.unscored_searches + right.unscored_searches,
        missing_titles=left.missing_titles + right.missing_titles,
        tokens=left.tokens + right.tokens,
        unknown_tokens=left.unknown_tokens + right.unknown_tokens,
        latency_ms=merge_sketches(left.latency_ms, right.latency_ms),
        scoring_ms=merge_sketches(left.scoring_ms, right.scoring_ms),
        match_at_10=add_counts(left.match_at_10, right.match_at_10),
        score_bins=_add_lists(left.score_bins, right.score_bins),
        clicked_score_bins=_add_lists(left.clicked_score_bins, right.clicked_score_bins),
        shown_at=_add_lists(left.shown_at, right.shown_at),
        clicked_at=_add_lists(left.clicked_at, right.clicked_at),
        exposure=_add_dicts(left.exposure, right.exposure),
        labels=_add_squares(left.labels, right.labels),
        pairs=_add_squares(left.pairs, right.pairs),
        shown_pairs=_add_squares(left.shown_pairs, right.shown_pairs),
        ndcg_at_10=add_counts(left.ndcg_at_10, right.ndcg_at_10),
        mrr=add_counts(left.mrr, right.mrr),
        unknown_share_bins=_add_lists(left.unknown_share_bins, right.unknown_share_bins),
        segments=_add_segments(left.segments, right.segments),
        match_models=_add_dicts(left.match_models, right.match_models),
        exemplars=sorted(left.exemplars + right.exemplars, key=_exemplar_order)[:MAX_EXEMPLARS],
    )


def merge_all(rollups: Iterable[Rollup]) -> Rollup | None:
    """Add any number of rollups; None for none."""
    total: Rollup | None = None
    for rollup in rollups:
        total = rollup if total is None else merge(total, rollup)
    return total


def into_series(rollup: Rollup, series: Series) -> Rollup:
    """Give the same counts under another series; the input does not change."""
    return msgspec.structs.replace(rollup, series=series)


def empty_rollup(series: Series, cohort_start_ms: int, bucket_s: int, horizon_s: int, partition: int) -> Rollup:
    """Give the rollup of a cohort in which nothing happened."""
    return Rollup(
        series=series,
        cohort_start_ms=cohort_start_ms,
        bucket_s=bucket_s,
        horizon_s=horizon_s,
        partition=partition,
        latency_ms=Sketch(),
        scoring_ms=Sketch(),
    )


def add_counts(left: _Counts, right: _Counts) -> _Counts:
    """Add two sets of counters, field by field."""
    return type(left)(*map(add, astuple(left), astuple(right)))


def _add_squares(left: _Squares, right: _Squares) -> _Squares:
    """Add counters with sums of squares, which stay at LARGEST_COUNT.

    Only made-up pages of ten thousand clicks get there. Adding up so is still order-free.
    """
    total = add_counts(left, right)
    largest = total.mm if isinstance(total, Clicks) else total.bb
    if largest <= LARGEST_COUNT:
        return total
    return type(total)(*(min(LARGEST_COUNT, number) for number in astuple(total)))


def _exemplar_order(exemplar: Exemplar) -> tuple[int, int, int]:
    return exemplar.id_hash, exemplar.partition, exemplar.source_offset


def _add_lists(left: list[int], right: list[int]) -> list[int]:
    if not left or not right:
        return list(left or right)
    if len(left) != len(right):
        raise ValueError(f"lists of {len(left)} and {len(right)} counts do not add up")
    return list(map(add, left, right))


def _add_dicts(left: dict[str, int], right: dict[str, int]) -> dict[str, int]:
    total = dict(left)
    for name, count in right.items():
        total[name] = total.get(name, 0) + count
    return total


def _add_segments(
    left: dict[str, dict[str, SegmentCounts]], right: dict[str, dict[str, SegmentCounts]]
) -> dict[str, dict[str, SegmentCounts]]:
    total = {dimension: dict(values) for dimension, values in left.items()}
    for dimension, values in right.items():
        mine = total.setdefault(dimension, {})
        for value, counts in values.items():
            mine[value] = add_counts(mine[value], counts) if value in mine else counts
    return total
