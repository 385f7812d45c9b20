"""A backtest over the recorded topics: the engine of `reprocess`, and nothing is written."""

from collections.abc import Callable

from schemas.settings import Settings
from schemas.topics import CLICK_EVENTS, SEARCH_EVENTS
from streams.backtest.findings import Findings, event_alert
from streams.backtest.outcome import Outcome, invalid_clicks
from streams.reprocess.run import read_deployments, read_known_silences, recompute
from streams.reprocess.span import Span
from streams.stages.samples import SampleReader


async def backtest_topics(
    settings: Settings, span: Span, findings: Findings, progress: Callable[[int], None]
) -> Outcome:
    """Run the folds over match-scores, as they were scored then, and click-events.

    Args:
        settings: with the rules to judge by.
        span: which cohorts.
        findings: gets what is decided.
        progress: gets the number of records that were read.

    Raises:
        MatchwatchError: the logs do not hold what the span needs.
        ServerUnavailable: Kafka does not answer.
    """
    read = 0

    def count(what: str, records: int) -> None:
        nonlocal read
        read += records if what == "recomputing" else 0
        progress(records)

    deployments, silences = await read_deployments(settings), await read_known_silences(settings)
    recount = await recompute(settings, span, deployments, findings.take, count, silences=silences)
    samples = SampleReader(settings.kafka.brokers, settings.kafka.topic_prefix + SEARCH_EVENTS.name)
    try:
        alerts = [
            event_alert(found, await samples.read(found.exemplars), settings.fold.bucket_s)
            for found in findings.transitions
        ]
    finally:
        await samples.close()
    totals = recount.totals()
    invalid = invalid_clicks(totals)
    return Outcome(alerts, deployments, read, {CLICK_EVENTS.name: invalid} if invalid else {}, totals)
