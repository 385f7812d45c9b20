"""A canary is held against the live version beside it, from its deployment until it is promoted or retired."""

from collections.abc import Iterable

import pytest

from detectors.detect_fold import DetectFold
from detectors.outputs import Transition
from schemas.rollup import Rollup, RollupControl
from schemas.timestamps import timestamp_ms
from tests.unit.detect.canary_shop import CANARY, LIVE, shop_with_canary
from tests.unit.detect.following import seconds
from tests.unit.detect.shop_rollups import START_MS

Deployment = tuple[float, str, str]
BEGIN: list[Deployment] = [(0, LIVE, "live"), (600, CANARY, "canary")]


def follow(
    records: Iterable[Rollup | RollupControl], deployments: Iterable[Deployment]
) -> tuple[DetectFold, list[Transition]]:
    fold = DetectFold()
    for second, version, role in deployments:
        fold.apply_deployment(START_MS + int(second * 1000), "shop-rank", version, role)
    found = [x for offset, record in enumerate(records) for x in fold.apply(record, offset)]
    return fold, [x for x in found if isinstance(x, Transition) and x.data.rule.startswith("canary_")]


@pytest.mark.parametrize(
    ("rule", "worse"),
    [
        ("canary_ctr_drop", {"ctr": 0.05}),
        ("canary_match_drop", {"match": 0.7}),
        ("canary_zero_results_rise", {"zero_results": 0.1}),
        ("canary_latency_rise", {"latency_ms": 60.0}),
    ],
)
def test_a_bad_canary_is_found_by_the_rule_on_what_is_bad(rule: str, worse: dict[str, object]) -> None:
    records = shop_with_canary(20, 30, 1, (600, 1e9), **worse)
    _, found = follow(records, BEGIN)
    assert [(x.data.rule, x.data.status) for x in found] == [(rule, "firing")]
    [alert] = [x.data for x in found]
    assert (alert.series.model, alert.series.version) == ("shop-rank", CANARY)
    assert alert.suspected_cause is not None
    assert (alert.suspected_cause.version, alert.suspected_cause.role) == (CANARY, "canary")
    assert abs(seconds(alert.started_at) - 600) <= 10
    assert seconds(alert.detected_at) < 1300
    assert alert.value is not None
    assert (alert.value > alert.expected) == (alert.direction == "up")
    assert alert.n > 0
    assert "shop-rank 4 (canary)" in alert.summary
    assert "(version 3, live beside it)" in alert.summary
    if rule != "canary_latency_rise":
        assert alert.threshold is not None
        assert alert.standard_error is not None
        assert abs(alert.value - alert.expected) > 3 * alert.standard_error


def test_a_slow_canary_of_few_searches_says_the_quantile_of_all_of_them() -> None:
    records = shop_with_canary(10, 40, 6, (600, 1e9), share=0.03, latency_ms=80.0)
    [found] = [x.data for x in follow(records, BEGIN)[1]]
    # Lognormal with σ 0.5: the 95th percentile is 2.28 times the median.
    assert found.value == pytest.approx(80 * 2.28, rel=0.25)
    assert found.expected == pytest.approx(40 * 2.28, rel=0.05)


@pytest.mark.parametrize("role", ["live", "retired"])
def test_promotion_and_retirement_end_the_alert_and_the_comparison(role: str) -> None:
    records = shop_with_canary(20, 40, 2, (600, 1500), zero_results=0.1)
    fold, found = follow(records, [*BEGIN, (1500, CANARY, role)])
    assert [(x.data.rule, x.data.status) for x in found] == [
        ("canary_zero_results_rise", "firing"),
        ("canary_zero_results_rise", "resolved"),
    ]
    assert found[1].data.resolved_at is not None
    assert abs(seconds(found[1].data.resolved_at) - 1500) <= 20
    assert "has ended" in found[1].data.summary
    assert "canary_ctr_drop" not in repr(fold.state())


def test_a_version_that_nobody_deployed_as_a_canary_is_not_compared() -> None:
    records = shop_with_canary(20, 30, 3, zero_results=0.1)
    assert follow(records, [(0, LIVE, "live")])[1] == []


def test_where_nobody_said_what_is_live_the_version_with_most_searches_is() -> None:
    records = shop_with_canary(20, 30, 4, (600, 1e9), zero_results=0.1)
    _, found = follow(records, [(600, CANARY, "canary")])
    assert [x.data.rule for x in found] == ["canary_zero_results_rise"]
    assert "(version 3, live beside it)" in found[0].data.summary


def test_a_second_canary_of_the_same_version_is_tested_from_its_own_beginning() -> None:
    records = shop_with_canary(20, 45, 5, (600, 1e9), zero_results=0.1)
    _, found = follow(records, [*BEGIN, (1500, CANARY, "retired"), (2000, CANARY, "canary")])
    assert [x.data.status for x in found] == ["firing", "resolved", "firing"]
    assert timestamp_ms(found[2].data.started_at, "test") == START_MS + 2_000_000
    assert found[0].data.fingerprint == found[2].data.fingerprint


@pytest.mark.parametrize(("seed", "share"), [(10, 0.02), (11, 0.1), (12, 0.5)])
def test_a_canary_that_is_as_good_as_live_raises_no_alert(seed: int, share: float) -> None:
    records = shop_with_canary(20, 30, seed, share=share)
    assert follow(records, [(0, LIVE, "live"), (0, CANARY, "canary")])[1] == []
