"""What people did with a cohort's results within a horizon: clicks, and pairs of clicked and passed-over items."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.cohort import Candidate, Cohort
from detectors.label_free import position_slots, score_slots, sum_segments, table
from detectors.open_searches import OpenSearches
from schemas.rollup import POSITION_SLOTS, SCORE_BINS, Clicks, Exemplar, Pairs, Rollup
from schemas.scores import NULL_SCORE

_KEY: Final = 1 << 17
"""Larger than any stored score or position."""
_EXEMPLAR_ITEMS: Final = 10

Ints = NDArray[np.int64]


@dataclass(slots=True)
class PairCounts:
    """Pairs of each search, shape (n,) each."""

    higher: Ints
    """The clicked item has the larger key."""
    lower: Ints
    tied: Ints


@dataclass(slots=True)
class _Pages:
    """The cohort's searches with their items and what was done with them."""

    series: Ints
    combinations: Ints
    counts: Ints
    positions: Ints
    scores: Ints
    bits: NDArray[np.uint8]

    @classmethod
    def read(cls, cohort: Cohort, searches: OpenSearches) -> "_Pages":
        rows = [searches.searches(start, end) for start, end in cohort.row_ranges]
        items = [searches.items(start, end) for start, end in cohort.row_ranges]
        return cls(
            series=np.concatenate([row[0] for row in rows]).astype(np.int64),
            combinations=np.concatenate([row[1] for row in rows]).astype(np.int64),
            counts=np.concatenate([row[2] for row in rows]),
            positions=np.concatenate([item[0] for item in items]).astype(np.int64),
            scores=np.concatenate([item[1] for item in items]).astype(np.int64),
            bits=np.concatenate([item[2] for item in items]),
        )


def count_labels(
    cohort: Cohort, searches: OpenSearches, *, horizon: int, bucket_s: int, horizon_s: int, partition: int
) -> dict[int, Rollup]:
    """Count what was clicked within a horizon, by number of the series.

    Args:
        cohort: its clicks up to the horizon have all been read.
        searches: where its rows stand.
        horizon: number of the horizon in the settings: which bits are looked at.
        bucket_s: length of the cohort.
        horizon_s: the horizon.
        partition: where it is counted.

    Returns:
        Rollups with the label fields alone, to be added to the label-free ones.
    """
    pages = _Pages.read(cohort, searches)
    groups = len(cohort.series)
    clicked = (pages.bits >> (2 * horizon) & 1).astype(bool)
    purchased = (pages.bits >> (2 * horizon + 1) & 1).astype(bool)
    search_of_item = np.repeat(np.arange(pages.series.size), pages.counts)
    clicks = np.bincount(search_of_item[clicked], minlength=pages.series.size)
    by_score, by_rank = count_pairs(search_of_item, pages.positions, pages.scores, clicked, pages.series.size)

    def per_series(values: NDArray[Any]) -> Ints:
        return np.bincount(pages.series, weights=values, minlength=groups).astype(np.int64)

    purchases = np.bincount(search_of_item[purchased], minlength=pages.series.size)
    columns = (
        per_series(clicks),
        per_series(purchases),
        per_series(clicks > 0),
        per_series(clicks * clicks),
        per_series(clicks * pages.counts),
        per_series(pages.counts * pages.counts),
    )
    pairs, shown_pairs = _sum_pairs(by_score, per_series), _sum_pairs(by_rank, per_series)
    item_series = pages.series[search_of_item]
    clicked_at = table(item_series[clicked], position_slots(pages.positions[clicked]), groups, POSITION_SLOTS)
    scored = clicked & (pages.scores != NULL_SCORE)
    clicked_bins = table(item_series[scored], score_slots(pages.scores[scored]), groups, SCORE_BINS)
    segments = sum_segments(
        cohort,
        pages.series,
        pages.combinations,
        {"clicks": clicks, "concordant": by_score.higher, "discordant": by_score.lower, "tied": by_score.tied},
    )
    return {
        number: Rollup(
            series=series,
            cohort_start_ms=cohort.start_ms,
            bucket_s=bucket_s,
            horizon_s=horizon_s,
            partition=partition,
            labels=Clicks(*(int(column[number]) for column in columns)),
            pairs=pairs[number],
            shown_pairs=shown_pairs[number],
            clicked_at=clicked_at[number].tolist(),
            clicked_score_bins=clicked_bins[number].tolist(),
            segments=segments[number],
        )
        for number, series in enumerate(cohort.series)
    }


def count_pairs(
    search_of_item: Ints, positions: Ints, scores: Ints, clicked: NDArray[np.bool_], searches: int
) -> tuple[PairCounts, PairCounts]:
    """Count the pairs of a clicked and an examined, not clicked item of one search, both scored.

    Examined are the positions up to one below the lowest click on the page: people read from the top.

    Args:
        search_of_item: number of the search of each item, ascending, shape (m,).
        positions: from 1, shape (m,).
        scores: in steps of 1/4096, NULL_SCORE where not scored, shape (m,).
        clicked: shape (m,).
        searches: how many searches there are.

    Returns:
        The pairs by match score, and the same pairs by shown rank (the upper item counts as the higher).

    References:
        Joachims et al. (2005), "Accurately interpreting clickthrough data as implicit feedback".
    """
    lowest = np.full(searches, -1, dtype=np.int64)
    np.maximum.at(lowest, search_of_item[clicked], positions[clicked])
    scored = scores != NULL_SCORE
    examined = np.flatnonzero(
        scored & ~clicked & (positions <= lowest[search_of_item] + 1) & (lowest >= 0)[search_of_item]
    )
    chosen = np.flatnonzero(scored & clicked)
    return (
        _compare(search_of_item[chosen], scores[chosen], search_of_item[examined], scores[examined], searches),
        _compare(search_of_item[chosen], -positions[chosen], search_of_item[examined], -positions[examined], searches),
    )


def make_exemplars(
    candidates: list[Candidate], searches: OpenSearches, horizon: int | None, partition: int
) -> list[Exemplar]:
    """Describe the chosen searches; clicks are those within the horizon, none for a horizon of None."""
    exemplars = []
    for candidate in candidates:
        _, scores, bits = searches.items(candidate.row, candidate.row + 1)
        scores, bits = scores[:_EXEMPLAR_ITEMS], bits[:_EXEMPLAR_ITEMS]
        clicked = [] if horizon is None else np.flatnonzero(bits >> (2 * horizon) & 1).tolist()
        exemplars.append(
            Exemplar(
                id_hash=candidate.id_hash,
                partition=partition,
                source_offset=candidate.source_offset,
                scores=[None if score == NULL_SCORE else int(score) for score in scores],
                clicked=clicked,
            )
        )
    return exemplars


def _compare(chosen_search: Ints, chosen_key: Ints, other_search: Ints, other_key: Ints, searches: int) -> PairCounts:
    """Count, for each search, how its chosen items stand to its others.

    One sort and two binary searches per chosen item: a page of thousands of items costs no more than their number.
    """
    others = np.sort(other_search * (2 * _KEY) + (other_key + _KEY))
    wanted = chosen_search * (2 * _KEY) + (chosen_key + _KEY)
    below = np.searchsorted(others, wanted, side="left")
    through = np.searchsorted(others, wanted, side="right")
    start = np.searchsorted(others, chosen_search * (2 * _KEY), side="left")
    end = np.searchsorted(others, (chosen_search + 1) * (2 * _KEY), side="left")

    def per_search(counts: NDArray[Any]) -> Ints:
        return np.bincount(chosen_search, weights=counts, minlength=searches).astype(np.int64)

    return PairCounts(
        higher=per_search(below - start), lower=per_search(end - through), tied=per_search(through - below)
    )


def _sum_pairs(counts: PairCounts, per_series: Any) -> list[Pairs]:
    twice_won = 2 * counts.higher + counts.tied
    twice_all = 2 * (counts.higher + counts.lower + counts.tied)
    columns = (
        per_series(counts.higher),
        per_series(counts.lower),
        per_series(counts.tied),
        per_series(twice_all > 0),
        per_series(twice_won * twice_won),
        per_series(twice_won * twice_all),
        per_series(twice_all * twice_all),
    )
    return [Pairs(*(int(value) for value in row)) for row in zip(*columns, strict=True)]
