"""Searches to records of match-scores, as the score stage makes them: with the local pool, in this process."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

from schemas.decode import UnknownFields, decode_search, usual_search
from schemas.errors import BadRecord
from schemas.scores import ScoreControl, encode_scores
from schemas.settings import Settings
from schemas.topics import CATALOG_ITEMS, MATCH_SCORES, MODEL_EVENTS, SEARCH_EVENTS
from streams.backtest.folder_log import LogRecord
from streams.metrics import Metrics
from streams.routing import partitions_of
from streams.scoring_pool import make_pool
from streams.stages.id_hashes import IdHashes
from streams.stages.item_texts import ItemTexts
from streams.stages.rollout import Rollout
from streams.stages.score import MAX_BLOCK_ITEMS, MAX_BLOCK_SEARCHES
from streams.stages.search_pages import SearchPages

_ITEMS_AT_ONCE: Final = 1_000


class Scoring:
    """Scores a recording's searches; the same searches in the same portions give the same bytes.

    Args:
        settings: model repository and live model, segments, partitions.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topic = settings.kafka.topic_prefix + MATCH_SCORES.name
        self._pool = make_pool(settings.score)
        self._rollout = Rollout(settings.score, settings.fold.max_ahead_s, self._pool, Metrics("backtest"))
        self._items = ItemTexts()
        self._hashes = IdHashes()
        self._bad_searches: Counter[str] = Counter()
        self._offsets: Counter[int] = Counter()

    async def start(self, items: Iterable[LogRecord]) -> None:
        """Learn the catalogue, and load the live model.

        Raises:
            ModelRefused: it cannot be used.
        """
        records = iter(items)
        while portion := list(islice(records, _ITEMS_AT_ONCE)):
            await self._items.take(portion)
            self._items.bad.take()
        await self._rollout.start()

    async def close(self) -> None:
        """Let go of the pool."""
        await self._pool.close()

    async def deployed(self, model_event: LogRecord) -> None:
        """Hear of a model event: the deployment of a match model switches the pool, as live."""
        await self._rollout.take([model_event])
        self._rollout.bad.take()

    async def score(self, partition: int, records: Sequence[LogRecord]) -> list[LogRecord]:
        """Give the records of match-scores for the next searches of a partition."""
        scored = []
        for pages in self._pages(records):
            pages.mark_misrouted(partitions_of(pages.keys, self._settings.kafka.partitions) != partition)
            answer = await self._pool.score(pages.pairs())
            # How long it took here and now is nothing of the recording's.
            block = pages.block(replace(answer, scoring_ms=0.0))
            scored.append(self._record(partition, encode_scores(block)))
        return scored

    def end(self, partition: int, watermark_ms: int) -> LogRecord:
        """Give the control record that says that no search before `watermark_ms` will come."""
        control = ScoreControl(partition, 0, {}, idle=False, wall_ms=0, watermark_ms=watermark_ms)
        return self._record(partition, encode_scores(control))

    def unreadable(self) -> dict[str, dict[str, int]]:
        """Count the lines that broke their contract, by topic and reason."""
        return {
            SEARCH_EVENTS.name: dict(self._bad_searches),
            CATALOG_ITEMS.name: dict(self._items.bad.reasons),
            MODEL_EVENTS.name: dict(self._rollout.bad.reasons),
        }

    def _pages(self, records: Sequence[LogRecord]) -> Iterator[SearchPages]:
        pages = SearchPages(self._settings.fold.segments, self._hashes)
        for record in records:
            self._add(pages, record)
            if len(pages) >= MAX_BLOCK_SEARCHES or len(pages.object_ids) >= MAX_BLOCK_ITEMS:
                yield pages
                pages = SearchPages(self._settings.fold.segments, self._hashes)
        if len(pages):
            yield pages

    def _add(self, pages: SearchPages, record: LogRecord) -> None:
        usual = usual_search(record.value)
        if usual is not None:
            pages.add(*usual, record.offset, self._items, unknown_fields=False)
            return
        unknown = UnknownFields()
        try:
            event = decode_search(record.value, None, self._settings.fold.max_ahead_s, unknown)
        except BadRecord as error:
            self._bad_searches[error.reason] += 1
            return
        pages.add(event, event.time_ms, record.offset, self._items, unknown_fields=bool(unknown.total))

    def _record(self, partition: int, value: bytes) -> LogRecord:
        self._offsets[partition] += 1
        return LogRecord(self._topic, partition, self._offsets[partition] - 1, None, value)
