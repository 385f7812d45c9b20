"""A shop at work: searches, the pages they show, the clicks that follow, and deployments, in order of arrival.

Time passes in blocks of ten seconds. All chance of a block is drawn at once with NumPy, so the cost of a search is
little more than that of writing its JSON. What happens before a fault does not depend on the fault.
"""

import hashlib
import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

import msgspec
import numpy as np

from schemas.encode import encode_catalog_item, encode_deployment
from schemas.timestamps import format_timestamp
from schemas.topics import CATALOG_ITEMS, CLICK_EVENTS, MODEL_EVENTS, SEARCH_EVENTS
from streams.shop.catalog import Catalog, Language, build_catalog
from streams.shop.clicks import POSITIONS, draw_clicks, draw_delays_ms
from streams.shop.faults import FaultName
from streams.shop.outbox import Emitted, Outbox, draw_journeys
from streams.shop.pages import Look, catalog_item, result_texts
from streams.shop.ranking import Candidates, find_candidates
from streams.shop.settings import SimulationSettings
from streams.shop.translation import translate
from streams.shop.truth import FIRST_RANKER_VERSION, RANKER, fault_ms, gone_category, rollouts

BLOCK_MS: Final = 10_000

_SEASON_SPAN: Final = 0.25
_DAY_MS: Final = 24 * 3600 * 1000
_QUIET_HOUR_MS: Final = 4 * 3600 * 1000

_SURFACES: Final = ("search", "recommendation", "ads", "support")
_SURFACE_SHARE: Final = np.cumsum([0.72, 0.18, 0.06, 0.04])
_SURFACE_INTEREST: Final = np.array([1.0, 0.7, 0.5, 0.8])
_LATENCY_MEDIAN_MS: Final = np.array([45.0, 30.0, 20.0, 60.0])
_LATENCY_SIGMA: Final = 0.35
_RECOMMENDATION: Final = 1
_DEVICES: Final = ("mobile", "desktop", "tablet")
_DEVICE_SHARE: Final = np.cumsum([0.62, 0.31, 0.07])
_LOCALES: Final = {
    Language.ZH: ("zh-CN", "zh-CN", "zh-CN", "zh-TW"),
    Language.EN: ("en-US", "en-US", "en-GB", "en-SG"),
    Language.JA: ("ja-JP", "ja-JP", "ja-JP", "ja-JP"),
}
_CLIENTS: Final = 20_000
_SESSION_MS: Final = 30 * 60 * 1000

_RANKING_NOISE: Final = 0.5
_ZERO_SHARE: Final = 0.003
_BARE_SHARE: Final = 0.01
_UNKNOWN_LATENCY_SHARE: Final = 0.002

_STRAY_ITEM_SHARE: Final = 0.001
_STRAY_SEARCH_SHARE: Final = 0.0005
_CART_SHARE: Final = 0.12
_PURCHASE_SHARE: Final = 0.35

_FAULT_LATENCY: Final = 2.5
_FAULT_ZERO_SHARE: Final = 0.15
_FAULT_TRAFFIC: Final = 0.4
_FAULT_CLICKS_LOST: Final = 0.9
_FAULT_FOREIGN_SHARE: Final = 0.35
_FAULT_UNTITLED_SHARE: Final = 0.7


def simulate(settings: SimulationSettings, shop: Catalog | None = None) -> Iterator[Emitted]:
    """Run the shop: the whole catalogue first, then everything else in order of arrival.

    Equal settings give equal records. The last searches come at `settings.end_ms`; clicks on them follow for up to
    twenty minutes and a little more for late ones.

    Args:
        settings: of the run.
        shop: the catalogue of `settings.seed`, where the caller has it already.
    """
    catalog = shop if shop is not None else build_catalog(settings.seed, items=settings.items, queries=settings.queries)
    for item in catalog.items:
        yield Emitted(
            settings.start_ms, CATALOG_ITEMS.name, item.object_id.encode(), encode_catalog_item(catalog_item(item))
        )
    run = _Run(settings, catalog)
    for start_ms in range(settings.start_ms, settings.end_ms, BLOCK_MS):
        run.draw_block(start_ms)
        yield from run.outbox.arrived_before(start_ms + BLOCK_MS)
    yield from run.outbox.arrived_before(None)


class _Run:
    """The state of a run: the generator of chance, and what is on its way."""

    def __init__(self, settings: SimulationSettings, shop: Catalog) -> None:
        self._settings = settings
        self._shop = shop
        self._rng = np.random.Generator(np.random.PCG64([settings.seed, 5]))
        self._candidates, self._texts, self._untitled = _stock(settings.seed, settings.items, settings.queries)
        gone = gone_category(shop)
        self._gone = np.array([item.category == gone for item in shop.items])
        self._application = _json_text(settings.application)
        self._queries = [_json_text(query.text) for query in shop.queries]
        self._foreign = [_json_text(translate(query).text) for query in shop.queries]
        self._popularity = np.cumsum(shop.popularity)
        self._since = {fault.name: fault_ms(settings, fault) for fault in reversed(settings.planned_faults())}
        self.outbox = Outbox()
        self._searches = 0
        identity = f"{settings.seed}/{settings.start_ms}/{settings.rate}/{settings.minutes}/{settings.application}"
        self._id = hashlib.blake2b(identity.encode(), digest_size=4).hexdigest()
        self._versions = [(settings.start_ms, FIRST_RANKER_VERSION)]
        for rollout in rollouts(settings):
            event = rollout.event
            arrival_ms = max(event.time_ms, settings.start_ms)
            self.outbox.push(arrival_ms, MODEL_EVENTS.name, event.model.name.encode(), encode_deployment(event))
            if event.model.name == RANKER and rollout.fault is not None:
                self._versions.append((event.time_ms, int(event.model.version)))
        if FaultName.MISSING_TITLES in self._since:
            for item, untitled in zip(shop.items, self._untitled, strict=True):
                if untitled:
                    value = encode_catalog_item(catalog_item(item, titled=False))
                    since_ms = self._since[FaultName.MISSING_TITLES]
                    self.outbox.push(since_ms, CATALOG_ITEMS.name, item.object_id.encode(), value)

    def _versions_at(self, times: np.ndarray) -> list[int]:
        since, versions = zip(*self._versions, strict=True)
        return [versions[place - 1] for place in np.searchsorted(since, times, side="right").tolist()]

    def _active(self, name: FaultName, times: np.ndarray) -> np.ndarray:
        since_ms = self._since.get(name)
        active: np.ndarray = np.zeros(times.shape, dtype=bool) if since_ms is None else times >= since_ms
        return active

    def _times(self, start_ms: int) -> np.ndarray:
        """Draw when searches come in a block, by thinning the busiest hour's Poisson process."""
        busiest = self._settings.rate * (1 + _SEASON_SPAN)
        count = int(self._rng.poisson(busiest * BLOCK_MS / 1000))
        times = np.sort(self._rng.random(count) * BLOCK_MS).astype(np.int64) + start_ms
        season = 1 - _SEASON_SPAN * np.cos(2 * math.pi * (times - _QUIET_HOUR_MS) / _DAY_MS)
        wanted = season * np.where(self._active(FaultName.TRAFFIC_DROP, times), _FAULT_TRAFFIC, 1.0)
        keep = self._rng.random(count) * (1 + _SEASON_SPAN) < wanted
        kept: np.ndarray = times[keep & (times < self._settings.end_ms)]
        return kept

    def draw_block(self, start_ms: int) -> None:
        """Draw all searches of a block and all that follows from them."""
        rng = self._rng
        times = self._times(start_ms)
        count = len(times)
        query = np.minimum(np.searchsorted(self._popularity, rng.random(count)), len(self._queries) - 1)
        surface = np.searchsorted(_SURFACE_SHARE[:-1], rng.random(count), side="right")
        device = np.searchsorted(_DEVICE_SHARE[:-1], rng.random(count), side="right")
        client = rng.integers(_CLIENTS, size=count)
        locale = rng.integers(4, size=count)
        foreign = (rng.random(count) < _FAULT_FOREIGN_SHARE) & self._active(FaultName.NEW_LANGUAGE, times)
        latency = rng.lognormal(np.log(_LATENCY_MEDIAN_MS[surface]), _LATENCY_SIGMA)
        latency *= np.where(self._active(FaultName.LATENCY, times), _FAULT_LATENCY, 1.0)
        unmeasured = rng.random(count) < _UNKNOWN_LATENCY_SHARE
        items, relevance, lengths = self._rank(query, times)
        looks = self._looks(items, times, foreign)
        shown = self._texts[looks, items, np.arange(POSITIONS)]
        clicked = draw_clicks(rng, relevance, lengths, _SURFACE_INTEREST[surface], self._settings.click_model)
        arrivals, again = draw_journeys(rng, times)
        first = self._searches
        self._searches += count
        rows = zip(
            times.tolist(),
            query.tolist(),
            surface.tolist(),
            device.tolist(),
            client.tolist(),
            locale.tolist(),
            foreign.tolist(),
            self._versions_at(times),
            np.where(unmeasured, -1.0, latency).tolist(),
            lengths.tolist(),
            arrivals.tolist(),
            again.tolist(),
            strict=True,
        )
        ids = [f"q-{self._id}-{first + row:x}" for row in range(count)]
        for row, (
            time,
            asked,
            where,
            what,
            who,
            place,
            is_foreign,
            version,
            took,
            length,
            arrival,
            repeat,
        ) in enumerate(rows):
            language = Language.JA if is_foreign else self._shop.queries[asked].language
            texts = self._foreign if is_foreign else self._queries
            key = ids[row].encode()
            head = (
                f'{{"query_id":"{ids[row]}","timestamp":"{_timestamp(time)}",'
                f'"application":{self._application},"surface":"{_SURFACES[where]}",'
                f'"client_id":"c-{who}","session_id":"s-{who}-{time // _SESSION_MS:x}",'
                f'"user_query":{chr(34) * 2 if where == _RECOMMENDATION else texts[asked]},'
                f'"query_attributes":{{"device":"{_DEVICES[what]}","locale":"{_LOCALES[language][place]}"}},'
                f'"model":{{"name":"{RANKER}","version":"{version}"}},'
                f'"latency_ms":{"null" if took < 0 else format(took, ".1f")},"results":['
            )
            value = head.encode() + b",".join(shown[row, :length].tolist()) + b"]}"
            self.outbox.push(arrival, SEARCH_EVENTS.name, key, value)
            if repeat:
                self.outbox.push(repeat, SEARCH_EVENTS.name, key, value)
        self._act(times, client, items, clicked, ids)

    def _rank(self, query: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Order the candidates: items and relevance of shape (searches, positions), and the pages' lengths."""
        items = self._candidates.items[query]
        relevance = self._candidates.relevance[query]
        noise = self._rng.standard_normal(items.shape, dtype=np.float32)
        bad = self._active(FaultName.BAD_RANKER, times)[:, None]
        score = np.where(bad, noise, relevance + np.float32(_RANKING_NOISE) * noise)
        hidden = self._gone[items] & self._active(FaultName.CATEGORY_GONE, times)[:, None]
        order = np.argsort(np.where(hidden, np.float32(np.inf), -score), axis=1, kind="stable")[:, :POSITIONS]
        wanted = self._rng.integers(10, POSITIONS + 1, size=len(times))
        available = items.shape[1] - hidden.sum(axis=1)
        zero_share = np.where(self._active(FaultName.ZERO_RESULTS, times), _FAULT_ZERO_SHARE, _ZERO_SHARE)
        lengths = np.where(self._rng.random(len(times)) < zero_share, 0, np.minimum(wanted, available))
        return np.take_along_axis(items, order, 1), np.take_along_axis(relevance, order, 1), lengths

    def _looks(self, items: np.ndarray, times: np.ndarray, foreign: np.ndarray) -> np.ndarray:
        looks = np.where(foreign[:, None], Look.FOREIGN, np.full(items.shape, Look.FULL))
        looks[self._rng.random(items.shape) < _BARE_SHARE] = Look.BARE
        looks[self._untitled[items] & self._active(FaultName.MISSING_TITLES, times)[:, None]] = Look.UNTITLED
        found: np.ndarray = looks
        return found

    def _act(
        self, times: np.ndarray, client: np.ndarray, items: np.ndarray, clicked: np.ndarray, ids: list[str]
    ) -> None:
        """Draw what people do with what they see: clicks, carts and purchases, with their times."""
        rng = self._rng
        row, place = np.nonzero(clicked)
        clicks = times[row] + draw_delays_ms(rng, place)
        count = len(row)
        lost = (rng.random(count) < _FAULT_CLICKS_LOST) & self._active(FaultName.CLICK_TRACKING_LOST, clicks)
        carted = rng.random(count) < _CART_SHARE
        carts = clicks + (rng.uniform(5, 90, count) * 1000).astype(np.int64)
        bought = carted & (rng.random(count) < _PURCHASE_SHARE)
        purchases = carts + (rng.uniform(30, 600, count) * 1000).astype(np.int64)
        stray_item = rng.random(count) < _STRAY_ITEM_SHARE
        stray_search = rng.random(count) < _STRAY_SEARCH_SHARE
        other = rng.integers(len(self._shop.items), size=count)
        item = np.where(stray_item, other, items[row, place])
        for action, when, happens in (
            ("click", clicks, np.ones(count, dtype=bool)),
            ("add_to_cart", carts, carted),
            ("purchase", purchases, bought),
        ):
            arrivals, again = draw_journeys(rng, when)
            for n in np.flatnonzero(happens & ~lost).tolist():
                query_id = ids[row[n]] + ("x" if stray_search[n] else "")
                position = "" if stray_item[n] else f',"position":{place[n] + 1}'
                value = (
                    f'{{"query_id":"{query_id}","timestamp":"{_timestamp(int(when[n]))}","action_name":"{action}",'
                    f'"client_id":"c-{client[row[n]]}","object_id":"{self._shop.items[item[n]].object_id}"{position}}}'
                ).encode()
                self.outbox.push(int(arrivals[n]), CLICK_EVENTS.name, query_id.encode(), value)
                if again[n]:
                    self.outbox.push(int(again[n]), CLICK_EVENTS.name, query_id.encode(), value)


@lru_cache(maxsize=1)
def _stock(seed: int, items: int, queries: int) -> tuple[Candidates, np.ndarray, np.ndarray]:
    """Give what is shown for each query, the results' texts, and which items lose titles: the same in all runs."""
    shop = build_catalog(seed, items=items, queries=queries)
    setup = np.random.Generator(np.random.PCG64([seed, 6]))
    candidates = find_candidates(shop, setup)
    return candidates, result_texts(shop), setup.random(len(shop.items)) < _FAULT_UNTITLED_SHARE


@lru_cache(maxsize=4096)
def _second(second: int) -> str:
    return format_timestamp(second * 1000)[:20]


def _timestamp(time_ms: int) -> str:
    return f"{_second(time_ms // 1000)}{time_ms % 1000:03d}Z"


def _json_text(text: str) -> str:
    return msgspec.json.encode(text).decode()
