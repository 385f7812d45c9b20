"""What a cohort's searches tell without any click: counts, latency, scores and exposure of each series."""

from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.cohort import Candidate, Cohort
from detectors.groups import present_groups, sum_by_group
from detectors.rollup_merge import MAX_EXEMPLARS
from detectors.score_columns import ScoreColumns
from detectors.segment_sums import sum_segments
from detectors.sketch import LARGEST, add_value, sketch_groups
from schemas.rollup import LABEL_FREE, POSITION_SLOTS, SCORE_BINS, UNKNOWN_SHARES, Moments, Rollup
from schemas.scores import FLAG_UNSCORED, NULL_SCORE, SCORE_STEPS

TOP: Final = 10
"""`match_at_10` looks at the first ten scored positions."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def count_label_free(cohort: Cohort, bucket_s: int, partition: int) -> dict[int, Rollup]:
    """Count the cohort's searches by number of their series.

    Args:
        cohort: closed for new searches; does not change.
        bucket_s: length of the cohort.
        partition: where it is counted.

    Returns:
        A rollup with `horizon_s` LABEL_FREE for each series, without exemplars; segments are not bounded yet.
    """
    groups = len(cohort.series)
    series = _joined(cohort.fresh_series, np.int64)
    combinations = _joined(cohort.fresh_combinations, np.int64)
    counts = _joined([columns.item_counts for columns in cohort.fresh], np.int64)
    latencies = np.minimum(_joined([columns.latencies_ms for columns in cohort.fresh], np.float64), LARGEST)
    flags = _joined([columns.flags for columns in cohort.fresh], np.uint8)
    scores = _joined([columns.scores for columns in cohort.fresh], np.int64)
    positions = _joined([columns.positions for columns in cohort.fresh], np.int64)
    search_of_item = np.repeat(np.arange(series.size), counts)
    item_series = series[search_of_item]
    match, matched = mean_of_top(scores, counts)

    tops = np.where(matched, match, 0.0)
    whole = [
        np.ones(series.size),
        counts,
        counts == 0,
        (flags & FLAG_UNSCORED) > 0,
        _joined([columns.missing_titles for columns in cohort.fresh], np.int64),
        _joined([columns.tokens for columns in cohort.fresh], np.int64),
        _joined([columns.unknown_tokens for columns in cohort.fresh], np.int64),
        matched,
    ]
    sums = sum_by_group(series, groups, whole).astype(np.int64).tolist()
    match_sums = sum_by_group(series, groups, [tops, np.square(tops)]).tolist()
    sketches = sketch_groups(series, groups, latencies)
    scored = scores != NULL_SCORE
    shown_at = table(item_series, position_slots(positions), groups, POSITION_SLOTS)
    score_bins = table(item_series[scored], score_slots(scores[scored]), groups, SCORE_BINS)
    unknown_shares = _unknown_shares(series, groups, whole[5], whole[6])
    exposure = _exposure(cohort.fresh, item_series, groups)
    segments = sum_segments(
        cohort,
        series,
        combinations,
        {
            "searches": np.ones(series.size),
            "impressions": counts,
            "zero_results": counts == 0,
            "latency_count": ~np.isnan(latencies),
            "latency_total_ms": np.nan_to_num(latencies),
            "match_count": matched,
            "match_total": match,
        },
    )
    rollups = {}
    for number, name in enumerate(cohort.series):
        searches, impressions, zero_results, unscored, missing, tokens, unknown, with_match = sums[number]
        rollup = Rollup(
            series=name,
            cohort_start_ms=cohort.start_ms,
            bucket_s=bucket_s,
            horizon_s=LABEL_FREE,
            partition=partition,
            searches=searches,
            impressions=impressions,
            zero_results=zero_results,
            unscored_searches=unscored,
            missing_titles=missing,
            tokens=tokens,
            unknown_tokens=unknown,
            latency_ms=sketches[number],
            match_at_10=Moments(with_match, *match_sums[number]),
            shown_at=shown_at[number].tolist(),
            score_bins=score_bins[number].tolist(),
            exposure=exposure[number],
            unknown_share_bins=unknown_shares[number].tolist(),
            segments=segments[number],
        )
        rollups[number] = rollup
    _count_models(cohort, rollups)
    return rollups


def mean_of_top(scores: Ints, counts: Ints) -> tuple[Floats, NDArray[np.bool_]]:
    """Average the scores of each search's first ten scored items.

    Args:
        scores: in steps of 1/4096, NULL_SCORE where not scored, in order of position, shape (m,).
        counts: items of each search, shape (n,).

    Returns:
        Mean match probability (0 where nothing is scored), and whether anything is; shape (n,) each.
    """
    scored = scores != NULL_SCORE
    search_of_item = np.repeat(np.arange(counts.size), counts)
    running = np.concatenate([[0], np.cumsum(scored)])
    firsts = np.cumsum(counts) - counts
    rank = running[1:] - running[firsts][search_of_item]
    top = scored & (rank <= TOP)
    number = np.bincount(search_of_item[top], minlength=counts.size)
    total = np.bincount(search_of_item[top], weights=scores[top], minlength=counts.size)
    return total / (np.maximum(number, 1) * SCORE_STEPS), number > 0


def pick_candidates(cohort: Cohort) -> dict[int, list[Candidate]]:
    """Choose the searches with the smallest id hashes of each series: a fair sample that any order of the log gives."""
    series = _joined(cohort.fresh_series, np.int64)
    ids = _joined([columns.query_ids for columns in cohort.fresh], np.uint64)
    offsets = _joined([columns.source_offsets for columns in cohort.fresh], np.int64)
    rows = np.concatenate(
        [first + np.arange(len(columns)) for first, columns in zip(cohort.fresh_rows, cohort.fresh, strict=True)]
    )
    order = np.lexsort((ids, series))
    firsts = np.searchsorted(series[order], np.arange(len(cohort.series) + 1)).tolist()
    chosen = {}
    for number, (first, end) in enumerate(pairwise(firsts)):
        smallest = order[first : min(end, first + MAX_EXEMPLARS)]
        chosen[number] = [Candidate(int(ids[place]), int(offsets[place]), int(rows[place])) for place in smallest]
    return chosen


def position_slots(positions: Ints) -> Ints:
    """Number positions from 0; deeper ones share the last slot."""
    return np.minimum(positions, POSITION_SLOTS) - 1


def score_slots(scores: Ints) -> Ints:
    """Number the histogram bins of scores, from 0; a score of 1 belongs to the last."""
    return np.minimum(scores * SCORE_BINS // SCORE_STEPS, SCORE_BINS - 1)


def unknown_share_slots(unknown: Ints, tokens: Ints) -> Ints:
    """Number the slots of shares of unknown tokens, from 0: only a query without any is in the first."""
    slots: Ints = -(-unknown * (UNKNOWN_SHARES - 1) // tokens)
    return np.minimum(slots, UNKNOWN_SHARES - 1)


def _unknown_shares(series: Ints, groups: int, tokens: Ints, unknown: Ints) -> Ints:
    # Nearly all queries are in the first slot: those are counted, and only the others looked at one by one.
    strange = np.flatnonzero(unknown)
    counts = table(series[strange], unknown_share_slots(unknown[strange], tokens[strange]), groups, UNKNOWN_SHARES)
    counts[:, 0] = np.bincount(series[tokens > 0], minlength=groups) - counts.sum(axis=1)
    return counts


def table(group: NDArray[Any], slot: NDArray[Any], groups: int, slots: int) -> Ints:
    """Count by group and slot; shape (groups, slots)."""
    return np.bincount(group.astype(np.int64) * slots + slot, minlength=groups * slots).reshape(groups, slots)


def _exposure(fresh: list[ScoreColumns], item_series: Ints, groups: int) -> list[dict[str, int]]:
    names: dict[str, int] = {}
    parts = []
    for columns in fresh:
        values, index = columns.categories.values, columns.categories.index
        here, where = present_groups(index, len(values))
        numbers = np.array([names.setdefault(values[number], len(names)) for number in here.tolist()], dtype=np.int64)
        parts.append(numbers[where])
    if not names:
        return [{} for _ in range(groups)]
    # Only the pairs that occur: a table of all would be as large as many made-up series times many made-up categories.
    slots, where = present_groups(item_series * len(names) + _joined(parts, np.int64), groups * len(names))
    ordered = list(names)
    exposure: list[dict[str, int]] = [{} for _ in range(groups)]
    for slot, count in zip(slots.tolist(), np.bincount(where, minlength=slots.size).tolist(), strict=True):
        exposure[slot // len(names)][ordered[slot % len(names)]] = count
    return exposure


def _count_models(cohort: Cohort, rollups: dict[int, Rollup]) -> None:
    groups = len(cohort.series)
    for columns, series in zip(cohort.fresh, cohort.fresh_series, strict=True):
        slots, where = present_groups(columns.scoring_index * groups + series, len(columns.scorings) * groups)
        for slot, searches in zip(slots.tolist(), np.bincount(where).tolist(), strict=True):
            model, scoring_ms = columns.scorings[slot // groups]
            if model:
                rollup = rollups[slot % groups]
                rollup.match_models[model] = rollup.match_models.get(model, 0) + searches
                add_value(rollup.scoring_ms, scoring_ms)


def _joined(parts: list[NDArray[Any]], dtype: Any) -> NDArray[Any]:
    return np.concatenate(parts).astype(dtype, copy=False) if parts else np.empty(0, dtype=dtype)
