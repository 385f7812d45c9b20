"""The rollups of one cohort: of each series, and of each surface with all its versions together."""

import msgspec

from detectors.cohort import Cohort
from detectors.label_free import count_label_free, pick_candidates
from detectors.labels import count_labels, make_exemplars
from detectors.open_searches import OpenSearches
from detectors.rollup_merge import into_series, merge
from schemas.rollup import Rollup
from schemas.scores import Series


def settle(cohort: Cohort, bucket_s: int, partition: int) -> None:
    """Count what needs no clicks, once no search of the cohort can come any more."""
    cohort.seal()
    cohort.candidates = pick_candidates(cohort)
    cohort.label_free = count_label_free(cohort, bucket_s, partition)
    cohort.drop_fresh()


def cohort_rollups(cohort: Cohort, searches: OpenSearches, number: int | None, horizon_s: int) -> list[Rollup]:
    """Give the rollups of a settled cohort at one horizon.

    Args:
        cohort: its clicks up to the horizon have all been read.
        searches: where its rows stand.
        number: of the horizon in the settings; None for the label-free rollups.
        horizon_s: the horizon.

    Returns:
        First those of each series, then those of each surface; none where only repeats fell into the cohort.
    """
    counted = cohort.label_free if number is None else _with_labels(cohort, searches, number, horizon_s)
    by_surface: dict[Series, Rollup] = {}
    rollups = []
    for series, plain in counted.items():
        exemplars = make_exemplars(cohort.candidates[series], searches, number, plain.partition)
        rollup = msgspec.structs.replace(plain, exemplars=exemplars)
        every = rollup.series.all_versions()
        if (
            rollup.series != every
        ):  # a shop may call a version `*`: it is then a part of the sum, and no series of its own
            rollups.append(rollup)
        mine = into_series(rollup, every)
        by_surface[every] = merge(by_surface[every], mine) if every in by_surface else mine
    return [*rollups, *by_surface.values()]


def _with_labels(cohort: Cohort, searches: OpenSearches, number: int, horizon_s: int) -> dict[int, Rollup]:
    if not cohort.label_free:
        return {}
    first = next(iter(cohort.label_free.values()))
    labels = count_labels(
        cohort,
        searches,
        horizon=number,
        bucket_s=first.bucket_s,
        horizon_s=horizon_s,
        partition=first.partition,
    )
    return {series: _joined(rollup, labels[series]) for series, rollup in cohort.label_free.items()}


def _joined(label_free: Rollup, labels: Rollup) -> Rollup:
    """Put the label fields of one rollup into another: what `merge` would give, without adding what is zero."""
    return msgspec.structs.replace(
        label_free,
        horizon_s=labels.horizon_s,
        labels=labels.labels,
        pairs=labels.pairs,
        shown_pairs=labels.shown_pairs,
        clicked_at=labels.clicked_at,
        clicked_score_bins=labels.clicked_score_bins,
        segments={
            dimension: {
                value: msgspec.structs.replace(
                    counts, clicks=mine.clicks, concordant=mine.concordant, discordant=mine.discordant, tied=mine.tied
                )
                if (mine := labels.segments[dimension][value]).clicks
                else counts
                for value, counts in values.items()
            }
            for dimension, values in label_free.segments.items()
        },
    )
