"""What people did with a cohort's results within a horizon: clicks, and pairs of clicked and passed-over items."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.cohort import Candidate, Cohort
from detectors.groups import exact_sums_by_group
from detectors.label_free import position_slots, score_slots, table
from detectors.open_searches import OpenSearches
from detectors.pair_counts import PairCounts, count_pairs
from detectors.segment_sums import sum_segments
from detectors.shown_order import ClickedPages, sum_rankings
from schemas.rollup import LARGEST_COUNT, POSITION_SLOTS, SCORE_BINS, Clicks, Exemplar, Pairs, Rollup
from schemas.scores import NULL_SCORE

_EXEMPLAR_ITEMS: Final = 10

Ints = NDArray[np.int64]


@dataclass(slots=True)
class _Pages:
    """The cohort's searches with their items and what was done with them."""

    series: Ints
    combinations: Ints
    counts: Ints
    positions: NDArray[np.uint16]
    scores: NDArray[np.uint16]
    bits: NDArray[np.uint8]

    @classmethod
    def read(cls, cohort: Cohort, searches: OpenSearches) -> "_Pages":
        rows = [searches.searches(start, end) for start, end in cohort.row_ranges]
        items = [searches.items(start, end) for start, end in cohort.row_ranges]
        return cls(
            series=_joined([row[0] for row in rows]).astype(np.int64),
            combinations=_joined([row[1] for row in rows]).astype(np.int64),
            counts=_joined([row[2] for row in rows]),
            positions=_joined([item[0] for item in items]),
            scores=_joined([item[1] for item in items]),
            bits=_joined([item[2] for item in items]),
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
    size = pages.series.size
    search_of_item = np.repeat(np.arange(size), pages.counts)
    clicked = (pages.bits & np.uint8(1 << 2 * horizon)) > 0
    hits = np.flatnonzero(clicked)
    clicks = np.bincount(search_of_item[hits], minlength=size)
    purchased = np.flatnonzero(pages.bits & np.uint8(2 << 2 * horizon))
    # Of values without a click there is nothing to say.
    rows = np.flatnonzero(clicks)
    first_items = np.cumsum(pages.counts) - pages.counts
    rankings = sum_rankings(ClickedPages(hits, clicks[rows], first_items[rows]), pages.series[rows], groups)
    by_score, by_rank = count_pairs(search_of_item, pages.positions, pages.scores, clicked, size)
    columns = [
        clicks,
        np.bincount(search_of_item[purchased], minlength=size),
        clicks > 0,
        clicks * clicks,
        clicks * pages.counts,
        pages.counts * pages.counts,
        *_pair_columns(by_score),
        *_pair_columns(by_rank),
    ]
    sums = exact_sums_by_group(pages.series, groups, columns, LARGEST_COUNT)
    hit_series = pages.series[search_of_item[hits]]
    clicked_at = table(hit_series, position_slots(pages.positions[hits].astype(np.int64)), groups, POSITION_SLOTS)
    scores = pages.scores[hits].astype(np.int64)
    scored = scores != NULL_SCORE
    clicked_bins = table(hit_series[scored], score_slots(scores[scored]), groups, SCORE_BINS)
    counted = {"clicks": clicks, "concordant": by_score.higher, "discordant": by_score.lower, "tied": by_score.tied}
    segments = sum_segments(
        cohort, pages.series[rows], pages.combinations[rows], {name: column[rows] for name, column in counted.items()}
    )
    of_clicks, of_pairs = len(Clicks.__struct_fields__), len(Pairs.__struct_fields__)
    return {
        number: Rollup(
            series=series,
            cohort_start_ms=cohort.start_ms,
            bucket_s=bucket_s,
            horizon_s=horizon_s,
            partition=partition,
            labels=Clicks(*sums[number][:of_clicks]),
            pairs=Pairs(*sums[number][of_clicks : of_clicks + of_pairs]),
            shown_pairs=Pairs(*sums[number][of_clicks + of_pairs :]),
            ndcg_at_10=rankings[number][0],
            mrr=rankings[number][1],
            clicked_at=clicked_at[number].tolist(),
            clicked_score_bins=clicked_bins[number].tolist(),
            segments=segments[number],
        )
        for number, series in enumerate(cohort.series)
    }


def make_exemplars(
    candidates: list[Candidate], searches: OpenSearches, horizon: int | None, partition: int
) -> list[Exemplar]:
    """Describe the chosen searches; clicks are those within the horizon, none for a horizon of None."""
    exemplars = []
    for candidate in candidates:
        _, scores, bits = searches.items(candidate.row, candidate.row + 1)
        if candidate.scores is None:
            first = scores[:_EXEMPLAR_ITEMS].tolist()
            candidate.scores = [None if score == NULL_SCORE else score for score in first]
        clicked = []
        if horizon is not None:
            bit = 1 << 2 * horizon
            clicked = [place for place, done in enumerate(bits[:_EXEMPLAR_ITEMS].tolist()) if done & bit]
        exemplars.append(
            Exemplar(
                id_hash=candidate.id_hash,
                partition=partition,
                source_offset=candidate.source_offset,
                scores=candidate.scores,
                clicked=clicked,
            )
        )
    return exemplars


def _pair_columns(counts: PairCounts) -> list[NDArray[Any]]:
    """Give the fields of `Pairs` for each search."""
    twice_won = 2 * counts.higher + counts.tied
    twice_all = 2 * (counts.higher + counts.lower + counts.tied)
    return [
        counts.higher,
        counts.lower,
        counts.tied,
        twice_all > 0,
        twice_won * twice_won,
        twice_won * twice_all,
        twice_all * twice_all,
    ]


def _joined(parts: list[NDArray[Any]]) -> NDArray[Any]:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
