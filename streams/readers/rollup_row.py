"""A merged rollup as one flat JSON object: what `matchwatch rollups --json` prints."""

from typing import Any

import msgspec

from detectors.sketch import sketch_as_json
from schemas.rollup import LABEL_FREE, Moments, Pairs, Rollup
from schemas.scores import Series
from schemas.timestamps import format_timestamp


def rollup_row(rollup: Rollup, *, segments: bool = False) -> dict[str, Any]:
    """Give a rollup's counts, ratios and quantiles.

    Ratios are null without what they are shares of; at the horizon LABEL_FREE everything that needs clicks is null.

    Args:
        rollup: merged over partitions.
        segments: add the counters by segment.
    """
    labelled = rollup.horizon_s != LABEL_FREE
    labels = rollup.labels
    row = {
        "series": series_names(rollup.series),
        "cohort_start": format_timestamp(rollup.cohort_start_ms),
        "bucket_s": rollup.bucket_s,
        "horizon_s": rollup.horizon_s,
        "searches": rollup.searches,
        "impressions": rollup.impressions,
        "clicks": labels.clicks if labelled else None,
        "purchases": labels.purchases if labelled else None,
        "clicked_searches": labels.clicked_searches if labelled else None,
        "zero_results": rollup.zero_results,
        "unscored_searches": rollup.unscored_searches,
        "missing_titles": rollup.missing_titles,
        "tokens": rollup.tokens,
        "unknown_tokens": rollup.unknown_tokens,
        "ctr": labels.clicks / rollup.impressions if labelled and rollup.impressions else None,
        "pairs": _pairs(rollup.pairs) if labelled else None,
        "shown_pairs": _pairs(rollup.shown_pairs) if labelled else None,
        "ndcg_at_10": _mean(rollup.ndcg_at_10),
        "mrr": _mean(rollup.mrr),
        "match_at_10": _mean(rollup.match_at_10),
        "latency_ms": sketch_as_json(rollup.latency_ms),
        "scoring_ms": sketch_as_json(rollup.scoring_ms),
        "exposure": dict(sorted(rollup.exposure.items())),
        "match_models": dict(sorted(rollup.match_models.items())),
    }
    if segments:
        row["segments"] = {
            dimension: {value: msgspec.structs.asdict(counts) for value, counts in values.items()}
            for dimension, values in rollup.segments.items()
        }
    return row


def series_names(series: Series) -> dict[str, str]:
    """Give a series as an object, which on the wire is an array of its four names."""
    return {name: getattr(series, name) for name in ("application", "surface", "model", "version")}


def _mean(moments: Moments) -> float | None:
    return moments.total / moments.count if moments.count else None


def _pairs(pairs: Pairs) -> dict[str, int]:
    return {"concordant": pairs.concordant, "discordant": pairs.discordant, "tied": pairs.tied}
