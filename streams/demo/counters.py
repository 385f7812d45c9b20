"""The pipeline's live counters, as Redis shows them."""

from typing import Any, Final

import msgspec
from redis import Redis
from redis.exceptions import RedisError

from schemas.settings import Settings
from streams.redis_counters import COUNTERS, key_prefix

_INVALID: Final = ("source_invalid_", "invalid_clicks_")


class Counts(msgspec.Struct, frozen=True):
    """Counters that tell the flow of events; all since the log began."""

    searches: int = 0
    clicks: int = 0
    """Clicks, carts and purchases that were timely."""
    unmatched: int = 0
    late: int = 0
    repeated: int = 0
    dead_letters: int = 0
    open_searches: int = 0

    @property
    def matched(self) -> int:
        """Clicks that found, or may still find, their search."""
        return self.clicks - self.unmatched

    def since(self, before: "Counts") -> "Counts":
        """Give what was counted since an earlier look; `open_searches` is a level and stays."""
        names = [name for name in self.__struct_fields__ if name != "open_searches"]
        changes = {name: getattr(self, name) - getattr(before, name) for name in names}
        return Counts(**changes, open_searches=self.open_searches)


class LiveCounters:
    """Reads the counters of all partitions."""

    def __init__(self, settings: Settings) -> None:
        self._redis: Any = Redis.from_url(settings.redis.url, decode_responses=True, socket_timeout=2.0)
        prefix = key_prefix(settings.kafka.group_prefix)
        self._keys = [f"{prefix}{COUNTERS}:{partition}" for partition in range(settings.kafka.partitions)]

    def read(self) -> Counts | None:
        """Add the partitions up; None where Redis does not answer just now."""
        try:
            with self._redis.pipeline(transaction=False) as pipeline:
                for key in self._keys:
                    pipeline.hgetall(key)
                hashes: list[dict[str, str]] = pipeline.execute()
        except RedisError:
            return None
        return counts_of(hashes)

    def close(self) -> None:
        """Disconnect."""
        self._redis.close()


def counts_of(hashes: list[dict[str, str]]) -> Counts:
    """Add up the hashes of all partitions."""
    total: dict[str, int] = {}
    for one in hashes:
        for name, text in one.items():
            total[name] = total.get(name, 0) + int(text)

    def of(*names: str) -> int:
        return sum(total.get(name, 0) for name in names)

    return Counts(
        searches=of("accepted_searches"),
        clicks=of("accepted_clicks"),
        unmatched=of("unmatched_clicks"),
        late=of("late_searches", "late_clicks"),
        repeated=of("repeated_searches"),
        dead_letters=sum(number for name, number in total.items() if name.startswith(_INVALID)),
        open_searches=of("open_searches"),
    )
