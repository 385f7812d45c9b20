"""Quix Streams as an expert tunes it: counters go to Redis once a second, and Python's collector rarely looks."""

import gc
import time
from collections import Counter

from redis import Redis

from tests.bench.peers.events import Search
from tests.bench.peers.quix_app import QuixPeer

SeriesKey = tuple[str, str, str, str]

WRITE_EVERY_S = 1.0


class Tuned(QuixPeer):
    """Counts in memory and adds up in Redis once a second."""

    def __init__(self) -> None:
        super().__init__()
        self._redis = Redis.from_url(self.around.redis_url)
        self._counts: Counter[tuple[str, str]] = Counter()
        self._written_s = 0.0

    def count_search(self, search: Search, series: SeriesKey) -> None:
        key = f"{self.around.prefix}counters:{':'.join(series)}"
        self._counts[key, "searches"] += 1
        self._counts[key, "impressions"] += len(search.results)
        self._write()

    def count_click(self) -> None:
        self._counts[f"{self.around.prefix}counters", "clicks"] += 1
        self._write()

    def _write(self) -> None:
        now_s = time.monotonic()
        if now_s - self._written_s < WRITE_EVERY_S:
            return
        self._written_s = now_s
        pipeline = self._redis.pipeline(transaction=False)
        for (key, name), number in self._counts.items():
            pipeline.hincrby(key, name, number)
        pipeline.execute()
        self._counts.clear()


if __name__ == "__main__":
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)
    Tuned().run()
