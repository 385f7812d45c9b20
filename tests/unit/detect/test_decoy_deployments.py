"""A deployment that did not cause a change is not blamed for it."""

import numpy as np
import pytest

from detectors.change_point import Cohort, earliest_changed, first_changed
from detectors.deployments import DeploymentMark
from detectors.suspects import Scene, plausible
from schemas.scores import Series
from tests.unit.detect.following import follow
from tests.unit.detect.shop_rollups import HEALTHY, Behaviour, Shop, Story, changed_at

DECOY_S, CHANGE_S = 1200.0, 1800.0


def versions(*since: tuple[float, str], fault: dict[str, object], change_s: float = CHANGE_S) -> Story:
    """Healthy but for the version that serves, until the fault."""

    def story(t: float) -> Behaviour:
        version = next((name for second, name in reversed(since) if t >= second), HEALTHY.version)
        return changed_at(change_s, **fault)(t) if t >= change_s else changed_at(0, version=version)(t)

    return story


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ("match_drop", {"match": 0.65}),
        ("latency_p95_rise", {"latency_ms": 80.0}),
        ("zero_results_rise", {"zero_results": 0.12}),
    ],
)
def test_a_version_that_served_in_good_health_for_ten_minutes_is_not_blamed(
    rule: str, fault: dict[str, object]
) -> None:
    story = versions((DECOY_S, "4"), fault={"version": "4", **fault})
    shop = Shop(rate=40, minutes=36, seed=2, story=story, versions=True, surfaces=("search",))
    (fired,) = follow(shop, [(DECOY_S, "4", "live")]).fired(rule)
    assert fired.data.suspected_cause is None


def test_the_version_that_came_with_the_change_is_blamed_and_not_the_one_before() -> None:
    story = versions((DECOY_S, "4"), fault={"match": 0.65, "version": "5"})
    shop = Shop(rate=40, minutes=36, seed=3, story=story, versions=True, surfaces=("search",))
    (fired,) = follow(shop, [(DECOY_S, "4", "live"), (CHANGE_S, "5", "live")]).fired("match_drop")
    assert fired.data.suspected_cause is not None
    assert fired.data.suspected_cause.version == "5"


def scene(signal: str = "ctr", earliest_ms: int | None = 990_000) -> Scene:
    first_seen = {
        Series("shop", "search", "*", "*"): 0,
        Series("shop", "search", "shop-rank", "3"): 0,
        Series("shop", "search", "shop-rank", "4"): 600_000,
        Series("shop", "search", "shop-rank", "5"): 1_000_000,
        Series("shop", "ads", "ads-rank", "2"): 0,
    }
    search = Series("shop", "search", "*", "*")
    return Scene(search, signal, earliest_ms, 1_000_000, 20_000, "shop-match", first_seen)


@pytest.mark.parametrize(
    ("time_ms", "model", "version", "signal", "suspected"),
    [
        (600_000, "shop-rank", "4", "ctr", False),  # served for minutes before
        (1_000_000, "shop-rank", "5", "ctr", True),
        (700_000, "shop-rank", "5", "ctr", True),  # said early, served from the change on
        (900_000, "shop-rank", "3", "ctr", True),  # a rollback
        (-9_000_000, "shop-rank", "3", "ctr", False),  # was there when we began to look
        (990_000, "ads-rank", "3", "ctr", False),  # serves another surface
        (990_000, "shop-match", "2", "latency_p95", False),  # only looks on
        (990_000, "shop-match", "2", "ctr_proxy_lift", True),
        (400_000, "frontend", "812", "ctr", True),  # the traffic does not name it
    ],
)
def test_what_the_traffic_says_exonerates(time_ms: int, model: str, version: str, signal: str, suspected: bool) -> None:
    mark = DeploymentMark(time_ms, model, version, "live")
    assert plausible([mark], scene(signal)) == ([mark] if suspected else [])


def test_where_the_beginning_is_not_known_time_exonerates_nobody() -> None:
    mark = DeploymentMark(600_000, "shop-rank", "4", "live")
    assert plausible([mark], scene(earliest_ms=None)) == [mark]
    assert plausible([mark], scene(earliest_ms=610_000)) == [mark]


def test_the_earliest_beginning_is_hardly_ever_later_than_the_true_one() -> None:
    rng = np.random.default_rng(9)
    late = early = 0
    for _ in range(400):
        x = rng.normal(0.8, 0.05, 60)
        x[40:] -= 0.06
        cohorts = [Cohort(t, float(v), 1.0, float(v), 1.0) for t, v in enumerate(x)]
        earliest = earliest_changed(cohorts, 0.8, 0.74, 0.05**2)
        assert earliest is not None
        assert earliest <= first_changed(cohorts, 0.8, 0.74, 0.05**2)
        late += earliest > 40
        early += earliest < 25
    assert late <= 8
    assert early < 60


def test_a_change_older_than_what_is_remembered_is_not_dated_so_that_its_deployment_is_not_cleared() -> None:
    changed = [Cohort(t, 6, 10, 6, 10) for t in range(50)]
    quiet = [Cohort(t, 8, 10, 8, 10) for t in range(-50, 0)]
    assert earliest_changed(changed, 0.8, 0.6, 0.05) is None
    assert earliest_changed([*quiet, *changed], 0.8, 0.6, 0.05) == -1
