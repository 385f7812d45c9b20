"""Score: search events in, blocks of scored searches out, in the order of their source partition.

    search-events[p] ─► validate ─► pool ─► match-scores[p] ─► offsets
                          └─► dead-letters

Stateless but for counters, which travel in the commit's metadata. Each partition has a line of its own: while the pool
scores one batch of it, the next is validated; blocks and control records leave in the order of the log, and offsets
move when they are acknowledged.
"""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Final

from inference.pairs import ScoredBatch
from schemas.decode import UnknownFields, decode_search, usual_search
from schemas.errors import BadRecord
from schemas.scores import encode_scores
from schemas.settings import Settings
from schemas.topics import CATALOG_ITEMS, MATCH_SCORES, MODEL_EVENTS, SEARCH_EVENTS
from streams.control import read_arrival, read_watermark
from streams.metrics import Metrics
from streams.routing import partitions_of
from streams.scoring_pool import make_pool
from streams.stages.bad_records import BadRecords, send_dead_letters
from streams.stages.id_hashes import IdHashes
from streams.stages.item_texts import ItemTexts
from streams.stages.pool_watch import PoolWatch
from streams.stages.rollout import Rollout
from streams.stages.score_line import Line, Work, read_totals
from streams.stages.search_pages import SearchPages
from streams.transport import (
    TP,
    CommitFailed,
    Committed,
    OrderedProducer,
    OutRecord,
    ReadAll,
    Record,
    RecordBatch,
    Stage,
)

_log = logging.getLogger(__name__)

MAX_BLOCK_SEARCHES: Final = 512
MAX_BLOCK_ITEMS: Final = 10_000
MAX_BLOCK_SOURCE_BYTES: Final = 900_000
"""A block is smaller than the events it is made of, so it stays below the broker's 1 MiB, whatever they hold."""
CONTROL_EVERY_S: Final = 1.0


class ScoreStage(Stage):
    """Scores every shown pair.

    Args:
        settings: all settings; the models directory must hold the live model.
        metrics: where counters are shown.
    """

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        kafka = settings.kafka
        self._settings = settings
        self._metrics = metrics
        self._prefix = kafka.topic_prefix
        self._producer = OrderedProducer(kafka.brokers, client_id="matchwatch-score")
        self._items = ItemTexts()
        self._hashes = IdHashes()
        self._pool = make_pool(settings.score)
        self._watch = PoolWatch(self._pool, settings.score.score_deadline_s, metrics)
        self._rollout = Rollout(settings.score, settings.fold.max_ahead_s, self._pool, metrics)
        self._catalogue = ReadAll(kafka.brokers, self._prefix + CATALOG_ITEMS.name, self._on_items)
        self._items_as_of_ms = 0
        """Every item that was in the log at this time is known."""
        self._readers = [
            self._catalogue,
            ReadAll(kafka.brokers, self._prefix + MODEL_EVENTS.name, self._on_model_events),
        ]
        self._lines: dict[TP, Line] = {}

    async def on_started(self) -> None:
        """Read catalogue and deployments to their ends, load the live model."""
        await self._producer.start()
        for reader in self._readers:
            await reader.read_to_end()
            self.source.run_beside(reader.tail(), "tail")
        await self._rollout.start()
        self.source.run_beside(self._tick(), "tick")

    async def on_assigned(self, committed: Mapping[TP, Committed]) -> Mapping[TP, int]:
        """Begin each partition at its commit."""
        await self._end_lines()
        self._metrics.forget_partitions()
        for tp, state in committed.items():
            totals = read_totals(state.metadata)
            if totals is None and state.offset is not None:
                self._metrics.not_restored.labels("score", "commit_unreadable").inc()
                _log.error(
                    "%s[%d]: the commit's metadata %.80r is not score's: its counters begin anew, and nothing else",
                    *(*tp, state.metadata),
                )
            offset = state.log_start if state.offset is None else max(state.offset, state.log_start)
            line = Line(tp, offset, totals or {}, self._settings.fold.idle_timeout_s)
            self._lines[tp] = line
            self.source.run_beside(self._run(line), f"score-{tp.partition}")
        return {}

    async def on_batch(self, batch: RecordBatch) -> None:
        """Validate a batch and queue it; waits while the partition's line is full."""
        line = self._lines[batch.tp]
        await self._know_items_before(batch)
        for work in self._works(batch):
            if line.ended:  # it failed, and the worker is about to stop
                return
            await line.queue.put(work)

    async def _know_items_before(self, batch: RecordBatch) -> None:
        """Let the catalogue be read up to where it was when the batch was appended, by the broker's clock.

        So a search never misses a title that lay in the log before it, however fast the two came.
        """
        if batch.records and batch.records[-1].timestamp >= self._items_as_of_ms:
            now_ms = time.time_ns() // 1_000_000
            await self._catalogue.catch_up()
            self._items_as_of_ms = now_ms

    async def on_revoked(self, tps: frozenset[TP]) -> None:  # noqa: ARG002 - all partitions are revoked at once
        """Finish what is under way, then let go."""
        await self._drain()
        await self._end_lines()

    async def on_stopping(self) -> None:
        """Finish what is under way and commit it."""
        await self._drain()
        await self._end_lines()

    async def on_stopped(self) -> None:
        """Let go of pool and connections."""
        await self._end_lines()
        for reader in self._readers:
            await reader.stop()
        self._watch.close()
        await self._pool.close()
        await self._producer.stop()

    # Reading

    def _works(self, batch: RecordBatch) -> list[Work]:
        """Cut a batch into blocks; only the last step carries the batch's end."""
        works: list[Work] = []
        work = self._work(batch.next_offset)
        bad = BadRecords("score", SEARCH_EVENTS.name)
        for record in batch.records:
            watermark_ms = read_watermark(record.key, record.value, record.headers)
            size = len(record.value or b"")
            if len(work.pages) and work.source_bytes + size > MAX_BLOCK_SOURCE_BYTES:
                work.next_offset = record.offset
                works.append(self._sealed(work, bad, batch.tp.partition))
                work = self._work(batch.next_offset)
            work.source_bytes += size
            if watermark_ms is not None:
                work.watermark_ms = watermark_ms
            else:
                self._take(record, work, bad)
            full = len(work.pages) >= MAX_BLOCK_SEARCHES or len(work.pages.object_ids) >= MAX_BLOCK_ITEMS
            if full or watermark_ms is not None:
                work.next_offset = record.offset + 1
                works.append(self._sealed(work, bad, batch.tp.partition))
                work = self._work(batch.next_offset)
        works.append(self._sealed(work, bad, batch.tp.partition))
        for each in works:
            each.arrived_ms = batch.records[-1].timestamp if batch.records else 0
        return works

    def _take(self, record: Record, work: Work, bad: BadRecords) -> None:
        arrival_ms = read_arrival(record.headers, record.timestamp) if record.headers else record.timestamp
        max_ahead_s = self._settings.fold.max_ahead_s
        usual = usual_search(record.value)
        if usual is not None and (arrival_ms is None or usual[1] - arrival_ms <= max_ahead_s * 1000):
            event, time_ms = usual
            work.pages.add(event, time_ms, record.offset, self._items, unknown_fields=False)
            return
        unknown = UnknownFields()
        try:
            thorough = decode_search(record.value, arrival_ms, max_ahead_s, unknown)
        except BadRecord as error:
            bad.add(error, record)
            work.verdicts[f"invalid_{error.reason}"] += 1
            return
        work.pages.add(thorough, thorough.time_ms, record.offset, self._items, unknown_fields=bool(unknown.total))

    def _work(self, next_offset: int) -> Work:
        return Work(next_offset, SearchPages(self._settings.fold.segments, self._hashes))

    def _sealed(self, work: Work, bad: BadRecords, partition: int) -> Work:
        work.letters = bad.take()
        if len(work.pages):
            work.verdicts["valid"] += len(work.pages)
            owners = partitions_of(work.pages.keys, self._settings.kafka.partitions)
            work.pages.mark_misrouted(owners != partition)
        return work

    async def _on_items(self, records: Sequence[Record]) -> None:
        await self._items.take(records)
        await send_dead_letters(self._producer, self._prefix, self._items.bad.take())

    async def _on_model_events(self, records: Sequence[Record]) -> None:
        await self._rollout.take(records)
        await send_dead_letters(self._producer, self._prefix, self._rollout.bad.take())

    # One partition's line

    async def _run(self, line: Line) -> None:
        line.task = asyncio.current_task()
        try:
            while True:
                work = await line.queue.get()
                await self._finish(line, work)
                line.queue.task_done()
        finally:
            line.end()

    async def _finish(self, line: Line, work: Work) -> None:
        out = []
        if len(work.pages):
            block = work.pages.block(await self._score(work.pages))
            out.append(OutRecord(None, encode_scores(block)))
        verdicts = line.verdicts + work.verdicts
        line.passed(work)
        if line.control_due or work.watermark_ms is not None:
            line.control_due = False
            out.append(OutRecord(None, encode_scores(line.control(work, verdicts))))
        await send_dead_letters(self._producer, self._prefix, work.letters)
        if out:
            await self._producer.send_ordered(self._prefix + MATCH_SCORES.name, line.tp.partition, out)
        # Together, without an await between: a commit must not count what it does not cover.
        line.done_offset, line.verdicts = max(line.done_offset, work.next_offset), verdicts
        self._metrics.records("score", SEARCH_EVENTS.name, work.verdicts)

    async def _score(self, pages: SearchPages) -> ScoredBatch | None:
        scored = await self._watch.score(pages.pairs())
        if scored is None:
            self._metrics.unscored_searches.inc(len(pages))
            return None
        self._metrics.scoring_seconds.observe(scored.scoring_ms / 1000)
        return scored

    # All lines

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(CONTROL_EVERY_S)
            now_s = time.monotonic()
            for line in list(self._lines.values()):
                at_end = self.source.at_end(line.tp) and line.queue.empty()
                line.idle.look(now_s, at_end=at_end, position=line.done_offset)
                line.at_end = at_end
                line.control_due = True
                if line.queue.empty():
                    line.queue.put_nowait(self._work(0))  # wakes it; else the control goes out behind what waits
            await self._commit()
            self._metrics.lag(self.source, self._lines)

    async def _drain(self) -> None:
        for line in self._lines.values():
            done = asyncio.create_task(line.queue.join())
            await asyncio.wait([done, *([line.task] if line.task else [])], return_when=asyncio.FIRST_COMPLETED)
            done.cancel()
        await self._commit()

    async def _commit(self) -> None:
        ready = {line.tp: line for line in self._lines.values() if line.done_offset > line.committed_offset}
        commits = {tp: line.commit() for tp, line in ready.items()}
        try:
            await self.source.commit(commits)
        except CommitFailed:
            return  # the group has moved on: the successor sends again, and evaluate skips what it knows
        for tp, line in ready.items():
            line.committed_offset = commits[tp].offset

    async def _end_lines(self) -> None:
        tasks = [line.task for line in self._lines.values() if line.task is not None]
        self._lines = {}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
