"""One worker process: a role, its stage, its consumer group."""

import gc
from collections.abc import Callable
from typing import Final, NoReturn

from schemas.settings import Settings
from schemas.topics import CLICK_EVENTS, MATCH_SCORES, ROLLUPS, SEARCH_EVENTS, Topic
from streams.log_losses import LogLosses
from streams.metrics import Metrics
from streams.served_stage import ServedStage
from streams.topic_watch import TopicWatch
from streams.transport import Stage, make_app, run_worker

STUCK_S: Final = 300.0
"""A stage that has had one batch for so long is stuck: a pool or a broker that is away takes less, or ends it."""
READS: Final[dict[str, tuple[Topic, ...]]] = {
    "score": (SEARCH_EVENTS,),
    "evaluate": (MATCH_SCORES, CLICK_EVENTS),
    "detect": (ROLLUPS,),
}
OURS: Final = (MATCH_SCORES, ROLLUPS)
"""Topics that stages read and nobody else writes to."""


def run_role(
    role: str,
    settings: Settings,
    *,
    from_next_cohort: bool,
    announce: Callable[[str], None],
) -> NoReturn:
    """Run one role until SIGTERM, SIGINT or a failure.

    Args:
        role: one of ROLES.
        settings: all settings.
        from_next_cohort: let evaluate begin anew where its commit cannot be used.
        announce: gets the HTTP address.
    """
    metrics = Metrics(role)
    stage = _stage(role, settings, metrics, from_next_cohort=from_next_cohort)
    # What was imported lives as long as the process: the collector need not look at it again and again. Records come
    # and go by reference counts alone, so it may look at the rest rarely.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    served = ServedStage(
        stage,
        host=settings.http.host,
        port=settings.http.port,
        metrics=metrics,
        watch=TopicWatch(settings, metrics),
        losses=LogLosses(metrics, frozenset(settings.kafka.topic_prefix + topic.name for topic in OURS)),
        announce=announce,
    )
    app = make_app(
        role,
        served,
        brokers=settings.kafka.brokers,
        group=f"{settings.kafka.group_prefix}-{role}",
        topics=[settings.kafka.topic_prefix + topic.name for topic in READS[role]],
        session_timeout_s=settings.kafka.session_timeout_s,
    )
    served.ready = lambda: app.ready and app.driver.is_connected
    served.live = lambda: app.driver.busy_s < STUCK_S
    run_worker(app)


def _stage(role: str, settings: Settings, metrics: Metrics, *, from_next_cohort: bool) -> Stage:
    # A process loads what its own role needs: detect's libraries take seconds, score's have memory of their own.
    if role == "score":
        from streams.stages.score import ScoreStage  # noqa: PLC0415

        return ScoreStage(settings, metrics)
    if role == "evaluate":
        from streams.stages.evaluate import EvaluateStage  # noqa: PLC0415

        return EvaluateStage(settings, metrics, from_next_cohort=from_next_cohort)
    from streams.stages.detect import DetectStage  # noqa: PLC0415

    return DetectStage(settings, metrics)
