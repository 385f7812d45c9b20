"""Valid records of a small shop, in the order of its log, some of them broken by a mutator."""

from collections import deque
from dataclasses import dataclass
from random import Random
from typing import Final

import msgspec

from tests.fuzz.mutator import Event, Mutator

STEP_MS: Final = 50
"""Event time between two records."""
START_MS: Final = 1_795_428_000_000
PARTITIONS: Final = 2
ARRIVAL: Final = "matchwatch-arrival"
_encode: Final = msgspec.json.Encoder().encode
_WORDS: Final = ("running shoes", "运动鞋", "kettle", "red dress", "耳机", "", "lamp", "usb-c cable 2m")


@dataclass(slots=True)
class Sent:
    """One record as it is sent: a record of the transport for the stages, too."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    mutated: bool = True


class FuzzedShop:
    """Gives records; the same seed gives the same ones.

    Args:
        seed: of all that is drawn.
        untouched: share of records that stay valid.
    """

    def __init__(self, seed: int, untouched: float = 0.3) -> None:
        self._rng = Random(seed)
        self._mutator = Mutator(self._rng)
        self._untouched = untouched
        self._number = 0
        self._recent: deque[tuple[str, int, list[str]]] = deque(maxlen=200)
        self._ends: dict[tuple[str, int], int] = {}

    @property
    def now_ms(self) -> int:
        """Event time, which is also when records arrive."""
        return START_MS + self._number * STEP_MS

    def next(self) -> Sent:
        """Give the next record."""
        self._number += 1
        draw = self._rng.random()
        if draw < 0.48:
            topic, partition, key, event = self._search()
        elif draw < 0.95:
            topic, partition, key, event = self._click()
        elif draw < 0.99:
            topic, partition, key, event = self._item()
        else:
            topic, partition, key, event = self._model_event()
        return self._sent(topic, partition, key, event)

    def _sent(self, topic: str, partition: int, key: str, event: Event) -> Sent:
        draw = self._rng.random()
        headers: tuple[tuple[str, bytes], ...] = ()
        value: bytes | None
        if draw < self._untouched:
            value = _encode(event)
            if draw < 0.02:
                headers = ((ARRIVAL, b"none"),)
        elif draw < 0.85:
            value = self._mutator.structure(event)
        else:
            value = self._mutator.raw(_encode(event))
        if not headers and self._rng.random() < 0.02:
            odd = (b"", b"x", b"%d" % self.now_ms, b"-1", b"9" * 30, b"%d" % (self.now_ms - 1000))
            headers = (("other", b"\xff"), (ARRIVAL, self._rng.choice(odd)))
        place = (topic, partition)
        offset = self._ends.get(place, 0)
        self._ends[place] = offset + 1
        return Sent(topic, partition, offset, self.now_ms, key.encode(), value, headers, draw >= self._untouched)

    def _search(self) -> tuple[str, int, str, Event]:
        rng = self._rng
        if self._recent and rng.random() < 0.03:
            query_id, partition, _ = rng.choice(self._recent)  # a repeat
        else:
            query_id, partition = f"q{self._number}", self._number % PARTITIONS
        skus = [f"sku-{number}" for number in rng.sample(range(2000), rng.choice((0, 1, 3, 5, 8)))]
        self._recent.append((query_id, partition, skus))
        results = [
            {"object_id": sku, "position": place, "title": f"title of {sku}", "category": f"c{place}", "price": 9.5}
            for place, sku in enumerate(skus, 1)
        ]
        event: Event = {
            "query_id": query_id,
            "timestamp": self.now_ms,
            "application": "shop-web",
            "surface": "search",
            "client_id": "c-17",
            "session_id": "s-9",
            "user_query": rng.choice(_WORDS),
            "query_attributes": {"device": rng.choice(("mobile", "desktop")), "locale": "zh-CN"},
            "model": {"name": "shop-rank", "version": "3"},
            "latency_ms": round(rng.expovariate(0.02), 2),
            "results": results,
        }
        return "search-events", partition, query_id, event

    def _click(self) -> tuple[str, int, str, Event]:
        rng = self._rng
        query_id, partition, skus = rng.choice(self._recent) if self._recent else ("q0", 0, [])
        event: Event = {
            "query_id": query_id,
            "timestamp": self.now_ms,
            "action_name": rng.choice(("click", "click", "click", "purchase", "hover", "item_click")),
            "client_id": "c-17",
            "object_id": rng.choice(skus) if skus and rng.random() < 0.9 else "sku-elsewhere",
            "position": 1,
        }
        return "click-events", partition, query_id, event

    def _item(self) -> tuple[str, int, str, Event]:
        number = self._rng.randrange(2000)
        event: Event = {
            "object_id": f"sku-{number}",
            "title": "a title",
            "category": "shoes",
            "price": 1,
            "attributes": {},
        }
        if self._rng.random() < 0.1:
            event["withdrawn"] = True
        return "catalog-items", number % PARTITIONS, f"sku-{number}", event

    def _model_event(self) -> tuple[str, int, str, Event]:
        event: Event
        if self._rng.random() < 0.5:
            model = {"name": "shop-rank", "version": str(self._rng.randrange(5))}
            event = {"type": "deployment", "timestamp": self.now_ms, "model": model, "role": "live", "share": 1.0}
        else:
            models = [{"name": "m", "version": "1", "state": "ready"}]
            event = {
                "type": "worker",
                "timestamp": self.now_ms,
                "worker": "gpu-1",
                "models": models,
                "rss_bytes": 10**9,
            }
        return "model-events", 0, "shop-rank", event
