"""What evaluate reads in `scale` and `recover`: a tape that begins in the past, and whether all of it has been read."""

import time

from schemas.settings import Settings
from schemas.topics import CLICK_EVENTS, MATCH_SCORES
from streams.bench.conditions import Committed
from streams.bench.score_tape import ScoreTape
from streams.bench.score_template import ScoreTemplate
from streams.replay.sender import Sender


def past_tape(
    settings: Settings,
    template: ScoreTemplate,
    *,
    rate: float,
    span_s: float,
    block_searches: int,
    longest_delay_ms: int | None = None,
    fill_source: bool = False,
) -> ScoreTape:
    """Make a tape whose first search begins a cohort, as long ago as it takes that no event is dated ahead.

    Args:
        settings: brokers, prefixes and the fold.
        template: what comes again and again.
        rate: searches a second of event time.
        span_s: of event time that is going to be written at once, with its clicks.
        block_searches: as `ScoreTape` takes it, like the others.
        longest_delay_ms: of clicks.
        fill_source: write search-events too.
    """
    bucket_ms = settings.fold.bucket_s * 1000
    start_ms = (time.time_ns() // 1_000_000 - round(span_s * 1000)) // bucket_ms * bucket_ms
    return ScoreTape(
        Sender(settings.kafka.brokers),
        settings,
        template,
        rate=rate,
        start_ms=start_ms,
        block_searches=block_searches,
        longest_delay_ms=longest_delay_ms,
        fill_source=fill_source,
    )


def all_read(settings: Settings) -> Committed:
    """Whether evaluate has read and committed all that is written by now."""
    return Committed(settings, {"evaluate": [MATCH_SCORES.name, CLICK_EVENTS.name]})
