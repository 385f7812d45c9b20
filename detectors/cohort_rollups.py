"""The rollups of one cohort: of each series, and of each surface with all its versions together."""

import msgspec

from detectors.cohort import Cohort
from detectors.label_free import count_label_free, pick_candidates
from detectors.labels import count_labels, make_exemplars
from detectors.open_searches import OpenSearches
from detectors.rollup_merge import into_series, merge
from schemas.rollup import Rollup, SegmentCounts, encode_rollup, unpack_rollup
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
    plain = _label_free(cohort)
    counted = plain if number is None else _with_labels(cohort, plain, searches, number, horizon_s)
    by_surface: dict[Series, Rollup] = {}
    rollups = []
    for series, counts in counted.items():
        exemplars = make_exemplars(cohort.candidates[series], searches, number, counts.partition)
        rollup = msgspec.structs.replace(counts, exemplars=exemplars)
        every = rollup.series.all_versions()
        if (
            rollup.series != every
        ):  # a shop may call a version `*`: it is then a part of the sum, and no series of its own
            rollups.append(rollup)
        mine = into_series(rollup, every)
        by_surface[every] = merge(by_surface[every], mine) if every in by_surface else mine
    return [*rollups, *by_surface.values()]


def pack(cohort: Cohort) -> None:
    """Keep what needs no clicks as bytes from now on: until the last horizon has passed, a tenth of the memory."""
    cohort.packed = {series: encode_rollup(rollup) for series, rollup in cohort.label_free.items()}
    cohort.label_free = {}


def _label_free(cohort: Cohort) -> dict[int, Rollup]:
    if not cohort.packed:
        return cohort.label_free
    return {series: unpack_rollup(packed) for series, packed in cohort.packed.items()}


def _with_labels(
    cohort: Cohort, plain: dict[int, Rollup], searches: OpenSearches, number: int, horizon_s: int
) -> dict[int, Rollup]:
    if not plain:
        return {}
    first = next(iter(plain.values()))
    labels = count_labels(
        cohort,
        searches,
        horizon=number,
        bucket_s=first.bucket_s,
        horizon_s=horizon_s,
        partition=first.partition,
    )
    return {series: _joined(rollup, labels[series]) for series, rollup in plain.items()}


def _joined(label_free: Rollup, labels: Rollup) -> Rollup:
    """Put the label fields of one rollup into another: what `merge` would give, without adding what is zero."""
    return msgspec.structs.replace(
        label_free,
        horizon_s=labels.horizon_s,
        labels=labels.labels,
        pairs=labels.pairs,
        shown_pairs=labels.shown_pairs,
        ndcg_at_10=labels.ndcg_at_10,
        mrr=labels.mrr,
        clicked_at=labels.clicked_at,
        clicked_score_bins=labels.clicked_score_bins,
        segments={
            dimension: _with_clicks(values, labels.segments[dimension]) if dimension in labels.segments else values
            for dimension, values in label_free.segments.items()
        },
    )


def _with_clicks(values: dict[str, SegmentCounts], clicked: dict[str, SegmentCounts]) -> dict[str, SegmentCounts]:
    merged = dict(values)
    for value, mine in clicked.items():
        merged[value] = msgspec.structs.replace(
            values[value], clicks=mine.clicks, concordant=mine.concordant, discordant=mine.discordant, tied=mine.tied
        )
    return merged
