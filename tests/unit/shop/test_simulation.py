import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pytest

from schemas.decode import decode_catalog_item, decode_click, decode_model_event, decode_search
from schemas.events import Deployment
from schemas.timestamps import timestamp_ms
from streams.shop.catalog import Catalog, Language, build_catalog, relevance
from streams.shop.faults import Fault, FaultName
from streams.shop.outbox import Emitted
from streams.shop.settings import ClickModel, SimulationSettings
from streams.shop.simulation import simulate
from streams.shop.truth import gone_category, truth

MINUTES = 6.0
FAULT_MINUTE = 3.0
ITEMS = 1500


Measure = Callable[[Sequence[dict[str, Any]], Sequence[dict[str, Any]]], float]
"""A number from searches and clicks."""


class Story(NamedTuple):
    emitted: list[Emitted]
    searches: list[dict[str, Any]]
    clicks: list[dict[str, Any]]


def _settings(*faults: FaultName, **changes: Any) -> SimulationSettings:
    asked = tuple(Fault(name, FAULT_MINUTE) for name in faults)
    given: dict[str, Any] = {
        "rate": 15.0,
        "minutes": MINUTES,
        "seed": 5,
        "faults": asked,
        "items": ITEMS,
        "queries": 600,
    } | changes
    return SimulationSettings(**given)


@lru_cache(maxsize=3)  # a run is tens of megabytes
def _run(settings: SimulationSettings) -> Story:
    emitted = list(simulate(settings))
    return Story(emitted, _values(emitted, "search-events"), _values(emitted, "click-events"))


@lru_cache(maxsize=1)
def _shop() -> Catalog:
    return build_catalog(5, items=ITEMS, queries=600)


def _values(emitted: Sequence[Emitted], topic: str) -> list[dict[str, Any]]:
    """The events of a topic, each once, in order of event time."""
    values = dict.fromkeys(record.value for record in emitted if record.topic == topic)
    return sorted((msgspec.json.decode(value) for value in values), key=lambda event: str(event["timestamp"]))


def _halves(story: Story, settings: SimulationSettings) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    since = truth(settings, _shop())["faults"][0]["since"]  # type: ignore[index]
    before = [search for search in story.searches if search["timestamp"] < since]
    after = [search for search in story.searches if search["timestamp"] >= since]
    assert min(len(before), len(after)) > 500
    return before, after


def _ctr(searches: Sequence[dict[str, Any]], clicks: Sequence[dict[str, Any]]) -> float:
    shown = {(search["query_id"], result["object_id"]) for search in searches for result in search["results"]}
    clicked = {(click["query_id"], click["object_id"]) for click in clicks if click["action_name"] == "click"}
    return len(shown & clicked) / len(shown)


def _mean_relevance(searches: Sequence[dict[str, Any]]) -> float:
    shop = _shop()
    items = {item.object_id: item for item in shop.items}
    queries = {query.text: query for query in shop.queries}
    return float(
        np.mean([
            relevance(queries[search["user_query"]], items[result["object_id"]])
            for search in searches
            if search["user_query"] in queries
            for result in search["results"][:10]
        ])
    )  # fmt: skip


def test_equal_settings_give_equal_bytes_and_another_seed_gives_others() -> None:
    def digest(seed: int) -> str:
        running = hashlib.sha256()
        for record in simulate(_settings(FaultName.DECOY, minutes=4.0, seed=seed)):
            running.update(repr(record).encode())
        return running.hexdigest()

    assert digest(5) == digest(5)
    assert digest(5) != digest(6)


def test_every_record_keeps_its_contract_and_arrives_in_order() -> None:
    story = _run(_settings(*FaultName))
    arrivals = [record.arrival_ms for record in story.emitted]
    assert arrivals == sorted(arrivals)
    kinds: Counter[str] = Counter()
    for record in story.emitted:
        kinds[record.topic] += 1
        if record.topic == "search-events":
            search = decode_search(record.value, record.arrival_ms, 0)
            assert record.key == search.query_id.encode()
            assert [result.position for result in search.results] == list(range(1, len(search.results) + 1))
        elif record.topic == "click-events":
            assert record.key == decode_click(record.value, record.arrival_ms, 0).query_id.encode()
        elif record.topic == "catalog-items":
            assert decode_catalog_item(record.key, record.value).object_id == record.key.decode()
        else:
            event = decode_model_event(record.value, record.arrival_ms, 0)
            assert isinstance(event, Deployment)
            assert record.key == event.model.name.encode()
    assert set(kinds) == {"search-events", "click-events", "catalog-items", "model-events"}


def test_the_whole_catalogue_comes_before_anything_else() -> None:
    topics = [record.topic for record in _run(_settings()).emitted]
    assert set(topics[:ITEMS]) == {"catalog-items"}
    assert topics[ITEMS] == "model-events"
    assert "catalog-items" not in topics[ITEMS:]


def test_a_healthy_shop_looks_like_a_shop() -> None:
    story = _run(_settings())
    searches = story.searches
    assert len(searches) == pytest.approx(15 * 60 * MINUTES, rel=0.25)
    pages = [len(search["results"]) for search in searches if search["results"]]
    assert 10 <= min(pages) <= max(pages) <= 20
    assert 0.05 < _ctr(searches, story.clicks) < 0.2
    assert 0 < sum(not search["results"] for search in searches) / len(searches) < 0.01
    assert _mean_relevance(searches) > 0.6
    surfaces = Counter(search["surface"] for search in searches)
    assert [name for name, _ in surfaces.most_common()] == ["search", "recommendation", "ads", "support"]
    for search in searches:
        assert (search["user_query"] == "") == (search["surface"] == "recommendation")
    assert {search["query_attributes"]["device"] for search in searches} == {"mobile", "desktop", "tablet"}
    actions = Counter(click["action_name"] for click in story.clicks)
    assert actions["click"] > 5 * actions["add_to_cart"] > 10 * actions["purchase"] > 0
    untitled = [result for search in searches for result in search["results"] if "title" not in result]
    assert 0 < len(untitled) / sum(pages) < 0.03


def test_most_clicks_come_within_half_a_minute_and_some_after_ten() -> None:
    story = _run(_settings())
    times = {search["query_id"]: _ms(search) for search in story.searches}
    delays = [
        (_ms(click) - times[click["query_id"]]) / 1000
        for click in story.clicks
        if click["action_name"] == "click" and click["query_id"] in times
    ]
    assert min(delays) >= 0
    assert np.mean(np.array(delays) < 30) > 0.8
    assert 600 < max(delays) <= 1200


def _ms(event: dict[str, Any]) -> int:
    return decode_click(
        msgspec.json.encode({**_ANY_CLICK, "timestamp": event["timestamp"]}), arrival_ms=None, max_ahead_s=0
    ).time_ms


_ANY_CLICK = {"query_id": "q", "action_name": "click", "client_id": "c", "object_id": "o"}


def test_repeats_late_events_and_stray_clicks_are_there_and_rare() -> None:
    story = _run(_settings(rate=60.0))
    searches = [record for record in story.emitted if record.topic == "search-events"]
    repeats = len(searches) - len({record.value for record in searches})
    assert 0 < repeats < 0.005 * len(searches)
    delays = [record.arrival_ms - decode_search(record.value, None, 0).time_ms for record in searches]
    assert 0 < sum(delay > 30_000 for delay in delays) < 0.003 * len(searches)
    shown = {(search["query_id"], result["object_id"]) for search in story.searches for result in search["results"]}
    stray = [click for click in story.clicks if (click["query_id"], click["object_id"]) not in shown]
    assert 0 < len(stray) < 0.01 * len(story.clicks)


def test_the_cascade_model_clicks_less_further_down() -> None:
    story = _run(_settings(click_model="cascade"))
    assert 0.03 < _ctr(story.searches, story.clicks) < 0.3
    positions = Counter(click.get("position", 0) for click in story.clicks if click["action_name"] == "click")
    assert positions[1] > positions[5] > positions[10]


@pytest.mark.parametrize(("model", "low", "high"), [("position", 0.9, 1.6), ("cascade", 0.4, 0.85)])
def test_a_run_clicks_as_its_model_says(model: ClickModel, low: float, high: float) -> None:
    """A click on the first item makes one on the second rarer in a cascade, and does not by position."""
    story = _run(_settings(click_model=model))
    clicked = {(click["query_id"], click.get("position")) for click in story.clicks if click["action_name"] == "click"}
    ids = [search["query_id"] for search in story.searches if search["results"]]
    second = {
        first: np.mean([(query_id, 2) in clicked for query_id in ids if ((query_id, 1) in clicked) is first])
        for first in (True, False)
    }
    assert low < second[True] / second[False] < high


def test_people_look_at_some_surfaces_with_more_interest_than_at_others() -> None:
    story = _run(_settings(rate=60.0))
    rates = {
        surface: _ctr([search for search in story.searches if search["surface"] == surface], story.clicks)
        for surface in ("search", "recommendation", "ads", "support")
    }
    assert rates["recommendation"] == pytest.approx(0.7 * rates["search"], rel=0.12)
    assert rates["ads"] == pytest.approx(0.5 * rates["search"], rel=0.15)
    assert rates["support"] == pytest.approx(0.8 * rates["search"], rel=0.15)


def test_the_locale_is_one_of_the_language_that_is_typed() -> None:
    languages = {query.text: query.language for query in _shop().queries}
    seen = {
        (languages[search["user_query"]], search["query_attributes"]["locale"])
        for search in _run(_settings()).searches
        if search["user_query"]
    }
    assert seen == {
        (language, locale)
        for language, locales in ((Language.ZH, ("zh-CN", "zh-TW")), (Language.EN, ("en-US", "en-GB", "en-SG")))
        for locale in locales
    }


def test_a_tenth_of_the_queries_are_more_than_half_of_the_searches() -> None:
    asked = Counter(search["user_query"] for search in _run(_settings()).searches if search["user_query"])
    popular = [query.text for query in _shop().queries[:60]]
    assert len(_shop().queries) == 600
    assert 0.5 < sum(asked[text] for text in popular) / asked.total() < 0.7


@pytest.mark.parametrize(("hour", "share"), [("04", 0.75), ("10", 1.0), ("16", 1.25)])
def test_the_shop_is_quiet_at_four_in_the_morning_and_busy_in_the_afternoon(hour: str, share: float) -> None:
    start_ms = timestamp_ms(f"2026-01-05T{hour}:00:00Z", "start")
    emitted = simulate(_settings(rate=60.0, minutes=3.0, start_ms=start_ms, items=500, queries=50))
    ids = {record.key for record in emitted if record.topic == "search-events"}
    assert len(ids) == pytest.approx(share * 60 * 180, rel=0.05)


@pytest.mark.parametrize("name", FaultName)
def test_nothing_differs_before_a_fault_begins(name: FaultName) -> None:
    faulty, healthy = _run(_settings(name)), _run(_settings())
    since_ms = _settings().start_ms + round(FAULT_MINUTE * 60_000)
    for topic in ("search-events", "click-events"):
        before = [
            [r for r in story.emitted if r.topic == topic and r.arrival_ms < since_ms] for story in (faulty, healthy)
        ]
        assert before[0] == before[1]


def test_a_bad_ranker_is_deployed_and_shows_what_nobody_asked_for() -> None:
    settings = _settings(FaultName.BAD_RANKER)
    story = _run(settings)
    before, after = _halves(story, settings)
    assert {search["model"]["version"] for search in before} == {"3"}
    assert {search["model"]["version"] for search in after} == {"4"}
    assert _mean_relevance(after) < 0.7 * _mean_relevance(before)
    assert _ctr(after, story.clicks) < 0.8 * _ctr(before, story.clicks)


def test_a_decoy_changes_the_version_and_nothing_else() -> None:
    settings = _settings(FaultName.DECOY)
    story, healthy = _run(settings), _run(_settings())
    _, after = _halves(story, settings)
    assert {search["model"]["version"] for search in after} == {"4"}
    assert [search | {"model": None} for search in story.searches] == [s | {"model": None} for s in healthy.searches]
    assert story.clicks == healthy.clicks


def test_a_bad_matcher_is_a_deployment_alone() -> None:
    story, healthy = _run(_settings(FaultName.BAD_MATCHER)), _run(_settings())
    assert (story.searches, story.clicks) == (healthy.searches, healthy.clicks)
    deployments = [msgspec.json.decode(r.value)["model"] for r in story.emitted if r.topic == "model-events"]
    assert deployments == [{"name": "shop-rank", "version": "3"}, {"name": "shop-match", "version": "2"}]


def test_each_other_fault_does_what_its_name_says() -> None:
    def halves(name: FaultName) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        return _halves(_run(_settings(name)), _settings(name))

    slow = [
        np.median([s["latency_ms"] for s in half if s["latency_ms"] is not None]) for half in halves(FaultName.LATENCY)
    ]
    assert slow[1] == pytest.approx(2.5 * slow[0], rel=0.1)
    empty = [np.mean([not s["results"] for s in half]) for half in halves(FaultName.ZERO_RESULTS)]
    assert empty[0] < 0.01
    assert empty[1] == pytest.approx(0.15, abs=0.03)
    before, after = halves(FaultName.TRAFFIC_DROP)
    assert len(after) == pytest.approx(0.4 * len(before), rel=0.1)
    lost = _run(_settings(FaultName.CLICK_TRACKING_LOST))
    before, after = halves(FaultName.CLICK_TRACKING_LOST)
    assert _ctr(after, lost.clicks) < 0.15 * _ctr(before, lost.clicks)
    gone = gone_category(_shop())
    shown = [
        Counter(r.get("category") for s in half for r in s["results"])[gone] for half in halves(FaultName.CATEGORY_GONE)
    ]
    assert shown[0] > 1000
    assert shown[1] == 0
    before, after = halves(FaultName.NEW_LANGUAGE)
    foreign = [np.mean([s["query_attributes"]["locale"] == "ja-JP" for s in half]) for half in (before, after)]
    assert foreign[0] == 0
    assert foreign[1] == pytest.approx(0.35, abs=0.05)


def _quantile(q: float) -> Measure:
    return lambda searches, _: float(np.quantile([s["latency_ms"] for s in searches if s["latency_ms"] is not None], q))


_MEASURES: dict[str, Measure] = {
    "latency_p50": _quantile(0.5),
    "latency_p95": _quantile(0.95),
    "latency_p99": _quantile(0.99),
    "zero_result_rate": lambda searches, _: float(np.mean([not search["results"] for search in searches])),
    "search_rate": lambda searches, _: len(searches),  # both halves are as long
    "ctr": _ctr,
    "match_at_10": lambda searches, _: _mean_relevance(searches),
    "exposure_js": lambda searches, _: _strangeness(searches),
    "missing_field_rate": lambda searches, _: float(
        np.mean(["title" not in result for search in searches for result in search["results"]])
    ),
}


def _strangeness(searches: Sequence[dict[str, Any]]) -> float:
    """How far the shares of the categories are from those of the healthy shop, in sum."""

    def shares(some: Sequence[dict[str, Any]]) -> Counter[str]:
        return Counter(result.get("category", "") for search in some for result in search["results"])

    usual, found = shares(_run(_settings()).searches), shares(searches)
    return sum(abs(usual[name] / usual.total() - found[name] / found.total()) for name in usual)


@pytest.mark.parametrize(
    "name",
    [
        FaultName.BAD_RANKER,
        FaultName.LATENCY,
        FaultName.ZERO_RESULTS,
        FaultName.TRAFFIC_DROP,
        FaultName.CLICK_TRACKING_LOST,
        FaultName.CATEGORY_GONE,
        FaultName.MISSING_TITLES,
    ],
)
def test_the_truth_says_which_way_each_signal_really_moves(name: FaultName) -> None:
    settings = _settings(name)
    story = _run(settings)
    before, after = _halves(story, settings)
    signals: list[dict[str, str]] = truth(settings, _shop())["faults"][0]["signals"]  # type: ignore[index]
    assert signals
    for signal in signals:
        measure = _MEASURES[signal["name"]]
        was, is_now = measure(before, story.clicks), measure(after, story.clicks)
        assert signal["direction"] == ("up" if is_now > was else "down"), signal
        assert abs(is_now - was) > 0.1 * was


def test_missing_titles_are_missing_in_the_catalogue_too() -> None:
    settings = _settings(FaultName.MISSING_TITLES)
    story = _run(settings)
    _, after = _halves(story, settings)
    catalog: dict[str, dict[str, Any]] = {}
    for record in story.emitted:
        if record.topic == "catalog-items":
            catalog[record.key.decode()] = msgspec.json.decode(record.value)
    results = [result for search in after for result in search["results"]]
    bare = [r for r in results if "title" not in r and "title" not in catalog[r["object_id"]]]
    assert len(bare) / len(results) == pytest.approx(0.7, abs=0.05)


@pytest.mark.parametrize(
    "changes",
    [
        {"rate": 0.0},
        {"rate": float("nan")},
        {"minutes": float("inf")},
        {"minutes": -1.0},
        {"seed": -1},
        {"items": 3},
        {"faults": (Fault(FaultName.LATENCY, 6.0),)},
        {"rate": 100_001.0},
        {"start_ms": 946_684_800_000},
        {"start_ms": 3_786_911_999_000},
    ],
)
def test_settings_out_of_range_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must be|lies after the end"):
        _settings(**changes)


def test_the_truth_names_the_deployment_that_broke_things_and_what_should_tell() -> None:
    settings = _settings(FaultName.BAD_RANKER, FaultName.DECOY)
    told: dict[str, Any] = truth(settings, _shop())
    faults = {fault["name"]: fault for fault in told["faults"]}
    assert faults["bad_ranker"]["should_alarm"]
    assert faults["bad_ranker"]["cause"] == {"model": "shop-rank", "version": "4", "role": "live"}
    assert {"name": "match_at_10", "direction": "down"} in faults["bad_ranker"]["signals"]
    assert not faults["decoy"]["should_alarm"]
    assert [d["version"] for d in told["deployments"]] == ["3", "4", "5"]
