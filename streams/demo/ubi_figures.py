"""What a UBI log yields, added up from its rollups."""

from collections.abc import Iterable

import msgspec

from detectors.rollup_merge import add_counts
from schemas.rollup import LABEL_FREE, Clicks, Moments, Pairs, Rollup


class UbiFigures(msgspec.Struct, frozen=True):
    """The log's figures; shares are None where there is nothing to divide by."""

    searches: int
    impressions: int
    zero_results: int
    clicks: int
    ctr: float | None
    match_at_10: float | None
    """Mean over searches of the match probability of the first ten scored positions."""
    match_searches: int
    """Searches that it rests on."""
    ctr_proxy_accuracy: float | None
    pairs: int
    """Pairs of a clicked and an examined, not clicked item that it rests on."""


def figures(rollups: Iterable[Rollup], horizon_s: int) -> UbiFigures:
    """Add up the rollups of a log, whatever applications it is of.

    Args:
        rollups: the first of each (series, cohort, horizon, partition).
        horizon_s: how long after its search a click counts.
    """
    searches = impressions = zero_results = 0
    match, labels, pairs = Moments(), Clicks(), Pairs()
    for rollup in rollups:
        if rollup.series != rollup.series.all_versions():
            continue
        if rollup.horizon_s == LABEL_FREE:
            searches += rollup.searches
            impressions += rollup.impressions
            zero_results += rollup.zero_results
            match = add_counts(match, rollup.match_at_10)
        elif rollup.horizon_s == horizon_s:
            labels = add_counts(labels, rollup.labels)
            pairs = add_counts(pairs, rollup.pairs)
    judged = pairs.concordant + pairs.discordant + pairs.tied
    return UbiFigures(
        searches=searches,
        impressions=impressions,
        zero_results=zero_results,
        clicks=labels.clicks,
        ctr=labels.clicks / impressions if impressions else None,
        match_at_10=match.total / match.count if match.count else None,
        match_searches=match.count,
        ctr_proxy_accuracy=(pairs.concordant + pairs.tied / 2) / judged if judged else None,
        pairs=judged,
    )
