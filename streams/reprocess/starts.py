"""Skims the logs for the places where a recomputation begins, and refuses a span that they do not hold whole."""

from collections.abc import Callable
from typing import Final

import msgspec

from detectors.checkpoint import LogMark
from detectors.fold_settings import FoldSettings
from schemas.errors import MatchwatchError
from schemas.settings import Settings
from schemas.timestamps import format_timestamp
from schemas.topics import CLICK_EVENTS, MATCH_SCORES
from streams.reprocess.log_reader import LogReader
from streams.reprocess.recount import Start
from streams.reprocess.skim import ClicksSkim, ScoresSkim
from streams.reprocess.span import Span
from streams.transport import TP

SCORE_RECORDS: Final = 50
"""Of one read: blocks of up to 512 searches."""
CLICK_RECORDS: Final = 4_000


class Skimmed(msgspec.Struct, frozen=True):
    """What the skim found."""

    starts: dict[int, Start]
    newest_ms: int
    """Largest time of a search that was seen; −1 where there is none."""
    found: bool
    """Whether any partition has a search in the span or behind its beginning."""


async def skim(reader: LogReader, settings: Settings, span: Span, progress: Callable[[int], None]) -> Skimmed:
    """Find where each partition has to be read from.

    Args:
        reader: of match-scores and click-events.
        settings: today's.
        span: what is to be recomputed.
        progress: gets the number of records read.

    Raises:
        MatchwatchError: the topics do not belong together, or retention has taken what the span needs.
    """
    prefix = settings.kafka.topic_prefix
    scores = [tp for tp in reader.ends if tp.topic == prefix + MATCH_SCORES.name]
    clicks = [tp for tp in reader.ends if tp.topic == prefix + CLICK_EVENTS.name]
    if len(scores) != len(clicks):
        raise MatchwatchError(
            f"{scores[0].topic} has {len(scores)} partitions and {clicks[0].topic} has {len(clicks)}: "
            "they belong together, make them anew with the same number"
        )
    fold = FoldSettings.of(settings.fold)
    starts: dict[int, Start] = {}
    newest_ms, found, possible_ms = -1, False, span.from_ms
    for scores_tp, clicks_tp in zip(scores, clicks, strict=True):
        of_scores = ScoresSkim(fold, span.from_ms)
        of_clicks = ClicksSkim(fold, span.from_ms, len(clicks), settings.fold.max_ahead_s)
        await _skim(reader, scores_tp, of_scores, progress)
        await _skim(reader, clicks_tp, of_clicks, progress)
        newest_ms, found = max(newest_ms, of_scores.largest_ms), found or of_scores.start is not None
        if reader.starts[scores_tp] > 0 and of_scores.first_ms is not None:
            possible_ms = max(possible_ms, of_scores.first_ms + fold.lateness_ms + 1)
        if reader.starts[clicks_tp] > 0 and of_clicks.first_ms is not None:
            possible_ms = max(possible_ms, of_clicks.first_ms + 2 * fold.lateness_ms + 1)
        starts[scores_tp.partition] = Start(
            of_scores.start or LogMark(reader.ends[scores_tp], of_scores.largest_ms),
            of_clicks.start or LogMark(reader.ends[clicks_tp], of_clicks.largest_ms),
        )
    if possible_ms > span.from_ms:
        first = format_timestamp(-(-possible_ms // fold.bucket_ms) * fold.bucket_ms)
        raise MatchwatchError(
            f"retention has taken a part of what cohorts from {format_timestamp(span.from_ms)} on need: "
            f"the first that is whole begins at {first}, so take --from {first} or later"
        )
    return Skimmed(starts, newest_ms, found)


async def _skim(reader: LogReader, tp: TP, one: ScoresSkim | ClicksSkim, progress: Callable[[int], None]) -> None:
    most = SCORE_RECORDS if isinstance(one, ScoresSkim) else CLICK_RECORDS
    while one.start is None and not reader.at_end(tp):
        batch = await reader.read(tp, most)
        one.take(batch.records)
        progress(len(batch.records))
