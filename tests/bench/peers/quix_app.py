"""What both Quix peers share: two streaming dataframes over one job, and where its results go."""

from abc import ABC, abstractmethod
from typing import Any

from quixstreams import Application, message_context

from tests.bench.peers.events import Search, decode_click, decode_search
from tests.bench.peers.job import Job
from tests.bench.peers.surroundings import WATERMARK_HEADER, read_surroundings

SeriesKey = tuple[str, str, str, str]


class QuixPeer(ABC):
    """The job in Quix Streams; how counters reach Redis is the subclass's."""

    def __init__(self) -> None:
        self.around = around = read_surroundings()
        self._job = Job(around.models_dir, 2 * around.partitions)
        self._app = Application(
            broker_address=around.brokers,
            consumer_group=around.group,
            auto_offset_reset="earliest",
            commit_interval=1.0,
            auto_create_topics=False,
            use_changelog_topics=False,
            loglevel="WARNING",
            consumer_extra_config={"session.timeout.ms": 300_000, "max.poll.interval.ms": 300_000},
            producer_extra_config={"linger.ms": 20, "compression.type": "lz4"},
        )
        searches, clicks, scores = (
            self._app.topic(
                around.topic(name),
                key_deserializer="bytes",
                key_serializer="bytes",
                value_deserializer="bytes",
                value_serializer="bytes",
            )
            for name in ("search-events", "click-events", "match-scores")
        )
        scored = self._app.dataframe(searches).apply(self._search, metadata=True)
        scored.filter(lambda record: record is not None).to_topic(scores)
        self._app.dataframe(clicks).update(self._click, metadata=True)

    def run(self) -> None:
        with self._app.get_producer() as self._results:
            self._app.run()

    @abstractmethod
    def count_search(self, search: Search, series: SeriesKey) -> None: ...

    @abstractmethod
    def count_click(self) -> None: ...

    def _search(self, value: bytes | None, _key: bytes, _timestamp: int, headers: Any) -> bytes | None:
        place = ("search", message_context().partition)
        if value is None:
            self._finish(place, headers)
            return None
        search = decode_search(value)
        scored = self._job.search(search, place)
        if scored is None:
            return None
        record, series = scored
        self.count_search(search, series)
        self._emit()
        return record

    def _click(self, value: bytes | None, _key: bytes, _timestamp: int, headers: Any) -> None:
        place = ("click", message_context().partition)
        if value is None:
            self._finish(place, headers)
            return
        self._job.click(decode_click(value), place)
        self.count_click()
        self._emit()

    def _emit(self) -> None:
        for rollup in self._job.close():
            self._results.produce(self.around.topic("rollups"), value=rollup)
        alerts, self._job.alerts = self._job.alerts, []
        for alert in alerts:
            self._results.produce(self.around.topic("alerts"), value=alert, key=b"drift")

    def _finish(self, place: tuple[str, int], headers: Any) -> None:
        ended = self._job.finish(place, int(dict(headers)[WATERMARK_HEADER]))
        self._emit()
        if ended:
            self._results.produce(self.around.topic("rollups"), value=self._job.last_word(), key=b"finished")
            self._results.flush()
