"""Quix Streams, River, and Redis for every event: the pipeline as Quix's own guide writes it.

Where the guide leaves a choice the faster one is taken: raw bytes decoded by msgspec instead of Quix's JSON, a
dictionary instead of RocksDB, one process instead of three, one Redis pipeline an event.
"""

from redis import Redis

from tests.bench.peers.events import Search
from tests.bench.peers.quix_app import QuixPeer

SeriesKey = tuple[str, str, str, str]


class PerEvent(QuixPeer):
    """Counts in Redis with each event."""

    def __init__(self) -> None:
        super().__init__()
        self._redis = Redis.from_url(self.around.redis_url)

    def count_search(self, search: Search, series: SeriesKey) -> None:
        pipeline = self._redis.pipeline(transaction=False)
        key = f"{self.around.prefix}counters:{':'.join(series)}"
        pipeline.hincrby(key, "searches", 1)
        pipeline.hincrby(key, "impressions", len(search.results))
        pipeline.execute()

    def count_click(self) -> None:
        self._redis.hincrby(f"{self.around.prefix}counters", "clicks", 1)


if __name__ == "__main__":
    PerEvent().run()
