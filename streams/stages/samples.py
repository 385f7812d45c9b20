"""The sample searches of an alert, read from where they lie in `search-events`."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition  # type: ignore[import-untyped]  # aiokafka ships no types
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]

from schemas.alerts import SampleItem, SampleSearch
from schemas.decode import decode_search
from schemas.errors import BadRecord
from schemas.events import SearchEvent
from schemas.rollup import Exemplar
from schemas.scores import SCORE_STEPS
from schemas.timestamps import format_timestamp
from streams.stages.search_pages import distinct_items

LONGEST_TEXT: Final = 500
"""Characters kept of an id, a query or a title: an alert is for people, and must fit into a record."""
_WAIT_S: Final = 5.0

_log = logging.getLogger(__name__)


class SampleReader:
    """Reads single searches by offset, with a consumer of its own."""

    def __init__(self, brokers: str, topic: str) -> None:
        self._brokers = brokers
        self._topic = topic
        self._consumer: Any = None

    async def read(self, exemplars: Sequence[Exemplar]) -> list[SampleSearch]:
        """Read what people saw; a search that the log has lost, or that cannot be read in time, is left out."""
        samples = []
        for exemplar in exemplars:
            try:
                async with asyncio.timeout(_WAIT_S):
                    value = await self._value(exemplar)
                if value is not None:
                    samples.append(sample(decode_search(value, None, 0), exemplar))
            except (KafkaError, TimeoutError, BadRecord) as error:
                _log.warning("sample %s of %s is left out: %r", exemplar.source_offset, self._topic, error)
        return samples

    async def close(self) -> None:
        """Disconnect."""
        if self._consumer is not None:
            await self._consumer.stop()

    async def _value(self, exemplar: Exemplar) -> bytes | None:
        if self._consumer is None:
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self._brokers.split(","),
                client_id="matchwatch-samples",
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                max_poll_records=1,
            )
            await consumer.start()
            self._consumer = consumer
        tp = TopicPartition(self._topic, exemplar.partition)
        self._consumer.assign([tp])
        self._consumer.seek(tp, exemplar.source_offset)
        record = await self._consumer.getone(tp)
        value: bytes | None = record.value if record.offset == exemplar.source_offset else None
        return value


def sample(event: SearchEvent, exemplar: Exemplar) -> SampleSearch:
    """Show a search as an alert's reader wants it, texts cut to LONGEST_TEXT characters."""
    page = distinct_items(event.results)[: len(exemplar.scores)]
    return SampleSearch(
        query_id=event.query_id[:LONGEST_TEXT],
        user_query=event.user_query[:LONGEST_TEXT],
        timestamp=format_timestamp(event.time_ms),
        version=event.model.version[:LONGEST_TEXT],
        items=[
            SampleItem(
                object_id=result.object_id[:LONGEST_TEXT],
                position=result.position,
                title=None if result.title is None else result.title[:LONGEST_TEXT],
                score=None if score is None else round(score / SCORE_STEPS, 4),
                clicked=place in exemplar.clicked,
            )
            for place, (result, score) in enumerate(zip(page, exemplar.scores, strict=False))
        ],
    )
