"""The topic `rollups` as a reader wants it: merged, and only what is closed."""

import time
from collections.abc import Iterator
from typing import Final

from schemas.rollup import LABEL_FREE, Rollup, RollupControl
from schemas.settings import Settings
from streams.readers.closed_cohorts import ClosedCohorts
from streams.readers.merged_rollups import MergedRollups
from streams.readers.standing_partitions import standing_partitions
from streams.readers.topic_reader import StoredRecord, TopicReader
from streams.stages.rollup_records import read_rollup

LOOK_EVERY_S: Final = 1.0
"""How often `follow` asks what has closed; evaluate says it as often."""
_FORGET_EVERY_CONTROLS: Final = 1_000


class RollupLog:
    """Reads `rollups` and tells which of them are final.

    Args:
        settings: brokers, topic prefix, and after which time a partition is idle.
        reader: of `rollups`.
        every: also the series of all versions together, and counters by segment.
        label_free: also the early rollups, horizon LABEL_FREE.
        last: of each horizon only so many of the newest closed cohorts; None: all.
    """

    def __init__(
        self,
        settings: Settings,
        reader: TopicReader,
        *,
        every: bool = False,
        label_free: bool = False,
        last: int | None = None,
    ) -> None:
        self._settings = settings
        self._reader = reader
        self._every = every
        self._label_free = label_free
        self._last = last
        self._closed = ClosedCohorts()
        self._controls = 0
        self._given_through_ms: dict[int, int] = {}
        self.merged = MergedRollups(segments=every)

    def read_to_end(self) -> None:
        """Read what is in the topic now."""
        for record in self._reader.to_end():
            self._take(record)

    def closed(self) -> list[Rollup]:
        """Give what is closed and was not given before, merged over partitions, by cohort, horizon and series."""
        kafka, closed = self._settings.kafka, self._closed
        standing = standing_partitions(self._reader.client, kafka, closed.idle(), self._settings.fold.idle_timeout_s)
        found = []
        for horizon_s in self.merged.horizons():
            through_ms = closed.through_ms(horizon_s, standing)
            self._keep_newest(horizon_s, through_ms)
            given_ms = self._given_through_ms.get(horizon_s, 0)
            found += [
                (start_ms, horizon_s) for start_ms in self.merged.starts(horizon_s, through_ms) if start_ms >= given_ms
            ]
            self._given_through_ms[horizon_s] = max(given_ms, through_ms)
        return [rollup for start_ms, horizon_s in sorted(found) for rollup in self.merged.rollups(horizon_s, start_ms)]

    def follow(self) -> Iterator[list[Rollup]]:
        """Give what closes from now on, for ever; what was given is forgotten."""
        looked_s = time.monotonic()
        for record in self._reader.tail():
            if record is not None:
                self._take(record)
                continue
            if time.monotonic() - looked_s < LOOK_EVERY_S:
                continue
            looked_s = time.monotonic()
            closed = self.closed()
            for horizon_s, through_ms in self._given_through_ms.items():
                self.merged.forget(horizon_s, through_ms)
            yield closed

    def _take(self, stored: StoredRecord) -> None:
        record = self._reader.decode(stored, self._read)
        if record is None:
            return
        if isinstance(record, RollupControl):
            self._closed.take(record)
            self._controls += 1
            if self._controls % _FORGET_EVERY_CONTROLS == 0:
                for horizon_s in self.merged.horizons():
                    self._keep_newest(horizon_s, self._closed.through_ms(horizon_s, self._closed.idle()))
        elif (record.horizon_s != LABEL_FREE or self._label_free) and (
            self._every or record.series != record.series.all_versions()
        ):
            self.merged.take(record)

    def _read(self, raw: bytes) -> Rollup | RollupControl:
        return read_rollup(raw, self._settings.kafka.partitions)

    def _keep_newest(self, horizon_s: int, through_ms: int) -> None:
        if self._last is not None:
            starts = self.merged.starts(horizon_s, through_ms)
            if len(starts) > self._last:
                self.merged.forget(horizon_s, starts[-self._last])
