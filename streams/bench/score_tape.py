"""A log of scored searches and clicks of any length, written straight into evaluate's two topics.

What score wrote of some thousand searches comes again and again, each time later, under new ids, in the partition that
the new id belongs to. So a million open searches are there in seconds, and evaluate cannot tell the difference.
"""

import heapq
import time
from collections.abc import Iterator
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from schemas.scores import Column, ScoreBlock, ScoreControl, encode_scores, hash_bytes
from schemas.settings import Settings
from schemas.timestamps import format_timestamp
from schemas.topics import CLICK_EVENTS, MATCH_SCORES, SEARCH_EVENTS
from streams.bench.expected_counts import ExpectedCounts
from streams.bench.score_template import PER_SEARCH, ScoreTemplate, Texts
from streams.control import watermark_headers
from streams.replay.replay import finish_watermark_ms
from streams.routing import partitions_of

_AT_ONCE: Final = 10_000
"""Searches that are laid out in one step."""
_Waiting = tuple[int, int, bytes, bytes, int]
"""Time, serial number, key, value and partition of a click."""


class Sending(Protocol):
    """What a tape needs of `Sender`."""

    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: list[tuple[str, bytes]],
        partition: int | None = None,
    ) -> None:
        """Queue one record."""
        ...

    def flush(self) -> None:
        """Wait until all that was queued is acknowledged."""
        ...


class ScoreTape:
    """Writes on where it stopped.

    Args:
        sender: what it writes with.
        settings: brokers, prefixes and the fold.
        template: what comes again and again.
        rate: searches a second of event time.
        start_ms: time of the first search, epoch milliseconds.
        block_searches: the most searches of one record.
        longest_delay_ms: clicks that come later than this come earlier instead; None leaves them.
        fill_source: write an empty record to search-events for each search: a successor asks how far that log goes,
            though not what is in it.
    """

    def __init__(
        self,
        sender: Sending,
        settings: Settings,
        template: ScoreTemplate,
        *,
        rate: float,
        start_ms: int,
        block_searches: int,
        longest_delay_ms: int | None = None,
        fill_source: bool = False,
    ) -> None:
        self._settings = settings
        self._template = template
        self._rate = rate
        self._start_ms = start_ms
        self._block_searches = block_searches
        self._fill_source = fill_source
        delays = template.click_delays_ms
        self._delays_ms = delays if longest_delay_ms is None else delays % longest_delay_ms
        self._first_click = np.searchsorted(template.click_rows, np.arange(len(template) + 1))
        self._sender = sender
        self._offsets = [0] * settings.kafka.partitions
        self._control_seconds = [0] * settings.kafka.partitions
        """Of each partition's last control, in event time."""
        self._waiting: list[_Waiting] = []
        self.searches = 0
        """Written so far."""
        self.clicks = 0
        """Written so far; later clicks of what is written wait for their time."""
        self.expected = ExpectedCounts(settings.fold, template.series)

    @property
    def last_ms(self) -> int:
        """Time of the last search, epoch milliseconds."""
        return self._time_ms(max(0, self.searches - 1))

    def write(self, searches: int) -> None:
        """Write so many searches, and the clicks that come until the last of them; returns once acknowledged."""
        until = self.searches + searches
        while self.searches < until:
            self._write_part(min(_AT_ONCE, until - self.searches))
        self._sender.flush()

    def write_until(self, time_ms: int) -> None:
        """Write what comes before this time."""
        due = int((time_ms - self._start_ms) * self._rate / 1000) + 1 - self.searches
        if due > 0:
            self.write(due)

    def finish(self) -> None:
        """Write the clicks that are left, and what closes every cohort."""
        for click in heapq.nsmallest(len(self._waiting), self._waiting):
            self._send_click(click)
        self._waiting = []
        kafka = self._settings.kafka
        watermark_ms = finish_watermark_ms(self.last_ms, self._settings.fold)
        for number, offset in enumerate(self._offsets):
            control = ScoreControl(number, offset, {}, False, time.time_ns() // 1_000_000, watermark_ms)
            self._sender.send(kafka.topic_prefix + MATCH_SCORES.name, None, encode_scores(control), [], number)
            headers = watermark_headers(watermark_ms)
            self._sender.send(kafka.topic_prefix + CLICK_EVENTS.name, None, None, headers, number)
        self._sender.flush()

    def _send_control(self, partition: int, second: int) -> None:
        """Write what score says every second between its blocks."""
        if second > self._control_seconds[partition]:
            self._control_seconds[partition] = second
            control = ScoreControl(partition, self._offsets[partition], {}, False, 0)
            topic = self._settings.kafka.topic_prefix + MATCH_SCORES.name
            self._sender.send(topic, None, encode_scores(control), [], partition)

    def _time_ms(self, number: int) -> int:
        return self._start_ms + int(number * 1000 / self._rate)

    def _write_part(self, count: int) -> None:
        numbers = np.arange(self.searches, self.searches + count)
        rows = numbers % len(self._template)
        times_ms = self._start_ms + (numbers * 1000 / self._rate).astype(np.int64)
        keys = [b"q-%010x" % number for number in numbers.tolist()]
        partitions = partitions_of(keys, self._settings.kafka.partitions)
        ids = np.fromiter(map(hash_bytes, keys), "<u8", count)
        self.searches += count
        if self._fill_source:
            source = self._settings.kafka.topic_prefix + SEARCH_EVENTS.name
            # Before the scores: what was counted must lie there.
            for key, number in zip(keys, partitions.tolist(), strict=True):
                self._sender.send(source, key, b"", [], number)
            self._sender.flush()
        topic = self._settings.kafka.topic_prefix + MATCH_SCORES.name
        for number in range(self._settings.kafka.partitions):
            mine = np.flatnonzero(partitions == number)
            for start in range(0, mine.size, self._block_searches):
                part = mine[start : start + self._block_searches]
                block = self._block(rows[part], times_ms[part], ids[part], number)
                self._sender.send(topic, None, encode_scores(block), [], number)
                self._send_control(number, int(times_ms[part[-1]]) // 1000)
        self._add_clicks(rows, times_ms, keys, partitions)
        while self._waiting and self._waiting[0][0] <= times_ms[-1]:
            self._send_click(heapq.heappop(self._waiting))

    def _block(
        self, rows: NDArray[np.int64], times_ms: NDArray[np.int64], ids: NDArray[np.uint64], partition: int
    ) -> ScoreBlock:
        template = self._template
        first = self._offsets[partition]
        self._offsets[partition] += rows.size
        columns = {name: template.numbers[name][rows].tobytes() for name in PER_SEARCH}
        return ScoreBlock(
            match_model=template.match_model,
            scoring_ms=template.scoring_ms,
            source_offsets=np.arange(first, first + rows.size, dtype="<i8").tobytes(),
            times_ms=times_ms.astype("<i8").tobytes(),
            query_ids=ids.tobytes(),
            series=template.series,
            series_index=template.series_index[rows].tobytes(),
            item_counts=np.full(rows.size, template.item_ids.shape[1], "<u4").tobytes(),
            item_ids=template.item_ids[rows].tobytes(),
            positions=template.positions[rows].tobytes(),
            scores=template.scores[rows].tobytes(),
            categories=_column(template.categories, rows),
            segments={name: _column(texts, rows) for name, texts in template.segments.items()},
            **columns,
        )

    def _add_clicks(
        self, rows: NDArray[np.int64], times_ms: NDArray[np.int64], keys: list[bytes], partitions: NDArray[np.int64]
    ) -> None:
        places = list(self._clicks_of(rows))
        which = np.fromiter((search for search, _ in places), np.int64, len(places))
        clicks = np.fromiter((click for _, click in places), np.int64, len(places))
        delays_ms = self._delays_ms[clicks]
        self.expected.add(times_ms, self._template.series_index[rows], which, delays_ms)
        clicked_ms = (times_ms[which] + delays_ms).tolist()
        owners = partitions[which].tolist()
        for serial, (search, click) in enumerate(places):
            key = keys[search]
            value = b'{"query_id":"%b","timestamp":"%b","action_name":"click","client_id":"c-%d","object_id":"%b"}' % (
                *(key, format_timestamp(clicked_ms[serial]).encode(), click),
                self._template.click_objects[click].encode(),
            )
            heapq.heappush(self._waiting, (clicked_ms[serial], self.searches * 32 + serial, key, value, owners[serial]))

    def _clicks_of(self, rows: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
        starts, ends = self._first_click[rows].tolist(), self._first_click[rows + 1].tolist()
        for search, (start, end) in enumerate(zip(starts, ends, strict=True)):
            for click in range(start, end):
                yield search, click

    def _send_click(self, click: _Waiting) -> None:
        _, _, key, value, partition = click
        self._sender.send(self._settings.kafka.topic_prefix + CLICK_EVENTS.name, key, value, [], partition)
        self.clicks += 1


def _column(texts: Texts, rows: NDArray[np.int64]) -> Column:
    return Column(texts.values, texts.index[rows].tobytes())
