from collections.abc import Mapping

import pytest

from tests.unit.detect.following import follow, seconds
from tests.unit.detect.shop_rollups import HEALTHY, SURFACES, Behaviour, Shop, changed_at

CHANGE_S = 1503.0
"""The middle of a cohort, so that the first one is changed in part."""

FAULTS: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "relevance": ("match_drop", {"match": 0.6, "ctr": 0.07, "version": "4"}),
    "clicks": ("ctr_drop", {"match": 0.6, "ctr": 0.07, "version": "4"}),
    "latency": ("latency_p95_rise", {"latency_ms": 60.0}),
    "zero results": ("zero_results_rise", {"zero_results": 0.15}),
    "traffic halved": ("search_rate_drop", {"volume": 0.5}),
    "no traffic": ("searches_absent", {"volume": 0.0}),
    "click tracking lost": ("click_tracking_lost", {"ctr": 0.0}),
    "category gone": ("exposure_shift", {"gone_category": 1}),
    "titles missing": ("missing_titles_rise", {"missing_titles": 0.2}),
    "new language": ("unknown_tokens_rise", {"unknown_tokens": 0.3}),
}


@pytest.mark.parametrize("rate", [20.0, 100.0])
@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_fault_is_found_within_three_minutes_and_dated_to_the_minute(fault: str, rate: float) -> None:
    rule, changes = FAULTS[fault]
    shop = Shop(rate=rate, minutes=31, seed=5, story=changed_at(CHANGE_S, **changes), versions=True)
    followed = follow(shop, [(CHANGE_S - 720, "decoy", "live"), (CHANGE_S, "4", "live")])
    assert [x for x in followed.transitions if seconds(x.data.detected_at) < CHANGE_S] == []
    first = followed.fired(rule)[0].data
    assert seconds(first.detected_at) <= CHANGE_S + 180
    assert abs(seconds(first.started_at) - CHANGE_S) <= 60
    assert first.suspected_cause is not None
    assert first.suspected_cause.version == "4"
    assert first.suspected_cause.role == "live"


def test_a_bad_rollout_fires_on_every_surface_with_its_numbers_spread_and_samples() -> None:
    story = changed_at(CHANGE_S, match=0.6, ctr=0.07, version="4")
    followed = follow(
        Shop(rate=20, minutes=31, seed=6, story=story, versions=True),
        [(CHANGE_S - 720, "decoy", "live"), (CHANGE_S, "4", "live"), (CHANGE_S + 5, "5", "shadow")],
    )
    drops = followed.fired("match_drop")
    assert {x.data.series.surface for x in drops} == set(SURFACES)
    assert {x.data.rule for x in followed.transitions} <= {"match_drop", "ctr_drop", "proxy_lift_drop"}
    for transition in followed.transitions:
        assert transition.data.suspected_cause is not None
        assert transition.data.suspected_cause.version == "4"
    for data in (x.data for x in drops):
        assert data.expected == pytest.approx(HEALTHY.match, abs=0.02)
        assert data.value == pytest.approx(0.6, abs=0.03)
        assert data.threshold is not None
        assert data.value < data.threshold < data.expected
        assert data.standard_error is not None
        assert 0.002 < data.standard_error < 0.02
        assert data.n > 50
        assert "shop-rank 4" in data.summary
        assert (data.spread, data.segments) == ("everywhere", [])
        assert len(data.other_surfaces) == len(SURFACES) - 1
        assert {x.verdict for x in data.other_surfaces} <= {"changed", "unclear"}
        assert data.resolves_when is not None
        assert data.resolves_when.side == "above"
        assert data.resolves_when.value is not None
        assert data.value < data.resolves_when.value < data.expected
    for transition in drops:
        assert len(transition.exemplars) == 3
        assert all(x.source_offset >= (CHANGE_S - 30) * 1000 for x in transition.exemplars)


def test_lost_click_tracking_is_one_alert_not_two() -> None:
    followed = follow(Shop(rate=40, minutes=31, seed=7, story=changed_at(CHANGE_S, ctr=0.0)))
    assert {x.data.rule for x in followed.transitions} == {"click_tracking_lost"}


def test_an_alert_resolves_after_the_rollback_and_keeps_its_fingerprint() -> None:
    def story(t: float) -> Behaviour:
        return changed_at(1500, match=0.6)(t) if t < 2000 else HEALTHY

    followed = follow(Shop(rate=40, minutes=45, seed=8, story=story), [(1500, "4", "live"), (2000, "3", "live")])
    of_search = [x for x in followed.transitions if x.data.series.surface == "search"]
    assert [x.data.status for x in of_search] == ["firing", "resolved"]
    assert len({x.data.fingerprint for x in of_search}) == 1
    assert len({x.id for x in of_search}) == 2
    resolved = of_search[1].data
    assert resolved.resolved_at is not None
    assert 2000 < seconds(resolved.resolved_at) < 2300
    assert resolved.started_at == of_search[0].data.started_at
    assert resolved.suspected_cause is not None
    assert resolved.suspected_cause.version == "4"


def test_the_same_fault_fires_again_after_it_was_gone() -> None:
    def story(t: float) -> Behaviour:
        return changed_at(0, match=0.6)(t) if 1500 <= t < 2000 or t >= 3000 else HEALTHY

    followed = follow(Shop(rate=40, minutes=55, seed=9, story=story, surfaces=("search",)))
    assert [x.data.status for x in followed.transitions] == ["firing", "resolved", "firing"]
    assert abs(seconds(followed.transitions[2].data.started_at) - 3000) <= 60


def test_a_worse_match_model_is_found_by_what_people_click() -> None:
    story = changed_at(CHANGE_S, match=0.5, proxy_accuracy=0.48, match_model="shop-match/2")
    followed = follow(Shop(rate=100, minutes=31, seed=11, story=story))
    assert {x.data.rule for x in followed.transitions} == {"proxy_lift_drop"}
    assert seconds(followed.transitions[0].data.detected_at) <= CHANGE_S + 180


def test_a_new_match_model_starts_a_new_reference_for_scores() -> None:
    story = changed_at(1500, match=0.5, match_model="shop-match/2")
    followed = follow(Shop(rate=40, minutes=40, seed=10, story=story, surfaces=("search",)))
    assert followed.transitions == []
