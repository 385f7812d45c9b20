"""The live counters that workers keep in Redis, added up over partitions."""

import time
from typing import Final

import msgspec
import redis

from schemas.errors import ServerUnavailable
from schemas.settings import Settings
from streams.redis_counters import COUNTERS, DETECT, key_prefix

_TIMEOUT_S: Final = 2.0
_RETRY_S: Final = 0.5


class LiveCounters(msgspec.Struct, frozen=True):
    """All counters at one moment; each counts since its log began."""

    counters: dict[str, int]
    """Evaluate's, summed over the partitions that are there; `source_…` are what score told of searches."""
    partitions: dict[int, dict[str, int]]
    """The same by partition."""
    missing_partitions: list[int]
    """Partitions of which no worker has written yet."""
    detect: dict[str, int]
    """Detect's; empty while none has written."""


class CounterStore:
    """Reads the counters; a context manager.

    Args:
        settings: where Redis is, how the keys begin, and how many partitions there are.
    """

    def __init__(self, settings: Settings) -> None:
        self._shown_url = settings.redis.shown_url
        self._prefix = key_prefix(settings.kafka.group_prefix)
        self._partitions = settings.kafka.partitions
        self._redis = redis.Redis.from_url(
            settings.redis.url,
            socket_timeout=_TIMEOUT_S,
            socket_connect_timeout=_TIMEOUT_S,
            decode_responses=True,
        )

    def __enter__(self) -> "CounterStore":
        """Give itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Disconnect."""
        self._redis.close()

    def read(self, wait_s: float = 0.0) -> LiveCounters:
        """Read all counters at once.

        Args:
            wait_s: how long to try again while Redis does not answer; 0 asks once.

        Raises:
            ServerUnavailable: it did not answer in time.
        """
        deadline = time.monotonic() + wait_s
        while True:
            try:
                return self._read()
            except (redis.RedisError, OSError) as error:
                if time.monotonic() >= deadline:
                    raise ServerUnavailable(
                        f"no Redis answers at {self._shown_url} ({type(error).__name__}): "
                        "start one with `matchwatch up`, or set redis.url"
                    ) from None
                time.sleep(_RETRY_S)

    def _read(self) -> LiveCounters:
        with self._redis.pipeline(transaction=True) as pipeline:
            for number in range(self._partitions):
                pipeline.hgetall(f"{self._prefix}{COUNTERS}:{number}")
            pipeline.hgetall(self._prefix + DETECT)
            *parts, detect = pipeline.execute()
        found = {number: _counts(part) for number, part in enumerate(parts) if part}
        sums: dict[str, int] = {}
        for part in found.values():
            for name, count in part.items():
                sums[name] = sums.get(name, 0) + count
        return LiveCounters(
            counters=dict(sorted(sums.items())),
            partitions=found,
            missing_partitions=[number for number in range(self._partitions) if number not in found],
            detect=_counts(detect),
        )


def _counts(words: dict[str, str]) -> dict[str, int]:
    return {name: int(count) for name, count in sorted(words.items())}
