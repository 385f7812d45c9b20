"""Which deployments can have caused a change at all: those that another fact does not exonerate.

Time alone suspects whatever was deployed within the hour. What the traffic says is better evidence: a version that had
served the surface for a while before anything changed is as innocent as one that serves elsewhere.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from detectors.deployments import DeploymentMark
from schemas.scores import Series

SHOWN_AND_DONE: Final = frozenset(
    {
        "click_rate", "coec", "ctr", "exposure_js", "latency_p50", "latency_p95", "latency_p99", "missing_field_rate",
        "mrr", "ndcg_at_10", "purchase_rate", "search_rate", "shown_order_accuracy", "zero_result_rate",
    }
)  # fmt: skip
"""Signals of what people were shown and did: a match model, which only looks on, cannot change them."""


class Scene(NamedTuple):
    """What is known of a change and of the traffic."""

    series: Series
    signal: str
    earliest_ms: int | None
    """The change surely did not begin earlier; None where its beginning is not known so well."""
    started_at_ms: int
    slack_ms: int
    """Cohorts are no clocks: so much earlier or later is the same time."""
    match_model: str
    """Name of the match model that scores the series; empty where nothing is scored."""
    first_seen_ms: Mapping[Series, int]
    """By series: its first cohort with searches, of those seen up to the decision."""


def plausible(deployments: Sequence[DeploymentMark], scene: Scene) -> list[DeploymentMark]:
    """Leave out the deployments that cannot have caused the change.

    - A version that began to serve this surface earlier than the change can have begun, or later.
    - A model that is known to serve, but never on this surface.
    - The match model, where what people were shown or did has changed.

    Of what the traffic does not name (frontends, indexes, versions that were there before) nothing is known: it stays.
    """
    return [mark for mark in deployments if _can_have_caused(mark, scene)]


def _can_have_caused(mark: DeploymentMark, scene: Scene) -> bool:
    here = scene.series
    serving = [series for series in scene.first_seen_ms if series.model == mark.model and series.version != "*"]
    if serving and not any((x.application, x.surface) == (here.application, here.surface) for x in serving):
        return False
    if not serving and mark.model == scene.match_model and scene.signal in SHOWN_AND_DONE:
        return False
    first_ms = scene.first_seen_ms.get(Series(here.application, here.surface, mark.model, mark.version))
    # Seen before it was deployed: a canary that was promoted, or a rollback. When that took effect is not known.
    if first_ms is None or first_ms < mark.time_ms - scene.slack_ms or scene.earliest_ms is None:
        return True
    return scene.earliest_ms - scene.slack_ms <= first_ms <= scene.started_at_ms + scene.slack_ms
