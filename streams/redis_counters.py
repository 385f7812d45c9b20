"""Live counters in Redis: absolute values, written anew every second by whoever owns a partition.

    matchwatch:counters:<partition>   hash, counters of evaluate by name
    matchwatch:detect                 hash, counters of detect by name

An outage costs nothing: the next write repairs it. Readers add the partitions up.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from streams.metrics import Metrics

COUNTERS: Final = "counters"
DETECT: Final = "detect"
_TIMEOUT_S: Final = 2.0

_log = logging.getLogger(__name__)


def key_prefix(group_prefix: str) -> str:
    """Give what all keys of an installation begin with."""
    return f"{group_prefix}:"


class RedisCounters:
    """Writes hashes of absolute values, one pipeline a call; never fails, never waits longer than two seconds."""

    def __init__(self, url: str, prefix: str, metrics: Metrics) -> None:
        self._redis: Redis = Redis.from_url(
            url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S, decode_responses=True
        )
        self._prefix = prefix
        self._metrics = metrics
        self._complained = False

    async def write(self, hashes: Mapping[str, Mapping[str, int]]) -> None:
        """Replace each hash as a whole."""
        try:
            async with asyncio.timeout(_TIMEOUT_S), self._redis.pipeline(transaction=True) as pipeline:
                for name, values in hashes.items():
                    pipeline.delete(self._prefix + name)
                    if values:
                        pipeline.hset(self._prefix + name, items=[word for pair in values.items() for word in pair])
                await pipeline.execute()
        except (RedisError, OSError, TimeoutError) as error:
            self._metrics.redis_failures.inc()
            if not self._complained:
                _log.warning("Redis does not take the counters (%s); they are written again every second", error)
            self._complained = True
        else:
            self._complained = False

    async def close(self) -> None:
        """Disconnect."""
        await self._redis.aclose()
