"""Canaries on trial: which version serves beside each, and for which series the trial has ended."""

from collections.abc import Mapping

import msgspec

from detectors.cohort_view import Beside
from detectors.reference import Reference
from detectors.series_watch import SeriesWatch
from schemas.rollup import Rollup
from schemas.scores import Series

Trials = Mapping[tuple[str, str], str]
"""The (model, version) pairs that are canaries, each with its model's live version; "" if unknown."""


def live_beside(
    canary: Series, trials: Trials, rollups: Mapping[Series, Rollup], watches: Mapping[Series, SeriesWatch]
) -> Beside | None:
    """Give the live version beside a canary; where nobody said which is live, the one with most searches.

    Args:
        canary: any series; None is the answer where it is no canary.
        trials: canaries at the time of the cohort.
        rollups: of the cohort, by series.
        watches: of the series that are known.
    """
    live = trials.get((canary.model, canary.version))
    if live is None:
        return None
    if not live:
        others = [
            (rollup.searches, series.version)
            for series, rollup in rollups.items()
            if series != canary
            and msgspec.structs.replace(series, version=canary.version) == canary
            and series.version != "*"
            and (series.model, series.version) not in trials
        ]
        live = max(others, default=(0, ""))[1]
    series = msgspec.structs.replace(canary, version=live)
    watch = watches.get(series)
    return Beside(live, rollups.get(series), watch.reference if watch is not None else Reference())


def ended_trials(trials: Trials, watches: Mapping[Series, SeriesWatch], horizon_s: int) -> list[SeriesWatch]:
    """Give the series that are compared at a horizon as canaries and are none any more, in order."""
    compared = [series for series, watch in watches.items() if horizon_s in watch.rules.canary_horizons]
    # Not as they were learned of: a successor has them in another order.
    return [watches[series] for series in sorted(compared) if (series.model, series.version) not in trials]
