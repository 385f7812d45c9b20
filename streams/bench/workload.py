"""What the pipeline is measured with: searches of twenty results and their clicks, the same bytes for everyone.

The shop's catalogue, its queries by popularity, its candidates and its click model; but full pages, an even rate, and
nothing late, repeated or broken, so that a search costs every program the same from run to run.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.timestamps import format_timestamp
from streams.shop.catalog import build_catalog
from streams.shop.clicks import LONGEST_DELAY_S, POSITIONS, draw_clicks, draw_delays_ms
from streams.shop.pages import Look, result_texts
from streams.shop.ranking import find_candidates

_SURFACES: Final = ("search", "recommendation", "ads", "support")
_SURFACE_SHARE: Final = np.cumsum([0.72, 0.18, 0.06, 0.04])
_DEVICES: Final = ("mobile", "desktop", "tablet")
_LOCALES: Final = ("zh-CN", "en-US", "zh-TW", "en-GB")
_CLIENTS: Final = 20_000
_RANKING_NOISE: Final = 0.5
_INTEREST: Final = 0.5
"""Half the shop's: about 0.9 clicks a search, 4.5 % of what is shown."""


class Event(NamedTuple):
    """One record: its key and its value."""

    key: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Workload:
    """Searches and clicks in the order of their times."""

    warm_searches: list[Event]
    """Show every item of the catalogue once: what makes a cache warm."""
    warm_clicks: list[Event]
    searches: list[Event]
    clicks: list[Event]
    last_search_ms: int


def make_workload(
    searches: int,
    *,
    now_ms: int,
    rate: float,
    seed: int = 1,
    cold: bool = False,
    warm_passes: int = 1,
    bucket_ms: int = 10_000,
) -> Workload:
    """Make a workload that ends before now, so that no event is dated ahead.

    Args:
        searches: how many are measured.
        now_ms: epoch milliseconds.
        rate: searches a second of event time.
        seed: of all chance.
        cold: no title is ever shown twice, so that no cache helps; and the warm part shows few items.
        warm_passes: how often the warm part shows every item: more where several caches are to be warm.
        bucket_ms: the first search begins a cohort.
    """
    maker = _Maker(seed, cold=cold)
    warm_pages = np.tile(maker.every_item_once(), (warm_passes, 1))
    if cold:
        warm_pages = warm_pages[:20]
    step_ms = 1000.0 / rate
    count = len(warm_pages) + searches
    span_ms = round(count * step_ms) + round(LONGEST_DELAY_S * 1000) + 60_000
    start_ms = (now_ms - span_ms) // bucket_ms * bucket_ms
    times = start_ms + (np.arange(count) * step_ms).astype(np.int64)
    warm_searches, warm_clicks = maker.events(times[: len(warm_pages)], warm_pages)
    measured_searches, measured_clicks = maker.events(times[len(warm_pages) :], None)
    return Workload(warm_searches, warm_clicks, measured_searches, measured_clicks, int(times[-1]))


class _Maker:
    def __init__(self, seed: int, *, cold: bool) -> None:
        self._shop = build_catalog(seed)
        self._rng = np.random.Generator(np.random.PCG64([seed, 7]))
        self._candidates = find_candidates(self._shop, self._rng)
        self._texts = result_texts(self._shop)[Look.FULL]
        self._queries = [msgspec.json.encode(query.text).decode() for query in self._shop.queries]
        self._popularity = np.cumsum(self._shop.popularity)
        self._cold = cold
        self._serial = 0
        self._number = 0

    def every_item_once(self) -> NDArray[np.int64]:
        """Pages of items, shape (pages, POSITIONS)."""
        count = len(self._shop.items) // POSITIONS * POSITIONS
        return np.arange(count).reshape(-1, POSITIONS)

    def events(self, times: NDArray[np.int64], pages: NDArray[np.int64] | None) -> tuple[list[Event], list[Event]]:
        """Searches at these times with these pages (None: as the shop ranks), and the clicks on them."""
        rng, count = self._rng, len(times)
        query = np.minimum(np.searchsorted(self._popularity, rng.random(count)), len(self._queries) - 1)
        surface = np.searchsorted(_SURFACE_SHARE[:-1], rng.random(count), side="right")
        device, locale = rng.integers(len(_DEVICES), size=count), rng.integers(len(_LOCALES), size=count)
        client = rng.integers(_CLIENTS, size=count)
        latency = rng.lognormal(np.log(40.0), 0.35, count)
        relevance: NDArray[np.float32]
        if pages is None:
            pages, relevance = self._ranked(query)
        else:
            relevance = np.zeros(pages.shape, np.float32)
        ids = [f"q-{self._number + row:08x}" for row in range(count)]
        self._number += count
        found = []
        for row, (time, asked, where, what, place, who, took) in enumerate(
            zip(times.tolist(), query.tolist(), surface.tolist(), device.tolist(), locale.tolist(), client.tolist(),
                latency.tolist(), strict=True)
        ):  # fmt: skip
            value = (
                f'{{"query_id":"{ids[row]}","timestamp":"{format_timestamp(time)}","application":"shop-web",'
                f'"surface":"{_SURFACES[where]}","client_id":"c-{who}","session_id":"s-{who}-1",'
                f'"user_query":{self._queries[asked]},'
                f'"query_attributes":{{"device":"{_DEVICES[what]}","locale":"{_LOCALES[place]}"}},'
                f'"model":{{"name":"shop-rank","version":"3"}},"latency_ms":{took:.1f},"results":['
            ).encode() + b",".join(self._page(pages[row])) + b"]}"  # fmt: skip
            found.append(Event(ids[row].encode(), value))
        clicked = draw_clicks(rng, relevance, np.full(count, POSITIONS), np.full(count, _INTEREST), "position")
        return found, list(self._clicks(times, pages, clicked, client, ids))

    def _ranked(self, query: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        items, relevance = self._candidates.items[query], self._candidates.relevance[query]
        noise = self._rng.standard_normal(items.shape, dtype=np.float32)
        order = np.argsort(-(relevance + np.float32(_RANKING_NOISE) * noise), axis=1, kind="stable")[:, :POSITIONS]
        return np.take_along_axis(items, order, 1).astype(np.int64), np.take_along_axis(relevance, order, 1)

    def _page(self, items: NDArray[np.int64]) -> list[bytes]:
        texts: list[bytes] = self._texts[items, np.arange(POSITIONS)].tolist()
        if not self._cold:
            return texts
        self._serial += POSITIONS
        return [
            text.replace(b'","category"', b' %d","category"' % (self._serial - place), 1)
            for place, text in enumerate(texts)
        ]

    def _clicks(
        self,
        times: NDArray[np.int64],
        pages: NDArray[np.int64],
        clicked: NDArray[np.bool_],
        client: NDArray[np.int64],
        ids: list[str],
    ) -> Iterator[Event]:
        row, place = np.nonzero(clicked)
        when = times[row] + draw_delays_ms(self._rng, place)
        for n in np.argsort(when, kind="stable").tolist():
            query_id = ids[row[n]]
            value = (
                f'{{"query_id":"{query_id}","timestamp":"{format_timestamp(int(when[n]))}","action_name":"click",'
                f'"client_id":"c-{client[row[n]]}","object_id":"{self._shop.items[pages[row[n], place[n]]].object_id}",'
                f'"position":{place[n] + 1}}}'
            ).encode()
            yield Event(query_id.encode(), value)
