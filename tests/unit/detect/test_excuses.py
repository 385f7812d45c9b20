"""What a sick pipeline and a version that warms up explain, and what they do not."""

from dataclasses import replace

import pytest

from detectors.excuses import COLD_S, LATELY_S, WARM_UP_S
from tests.unit.detect.following import follow, seconds
from tests.unit.detect.shop_rollups import HEALTHY, Behaviour, Shop, Story, changed_at

FAULT_S = 1500


def between(first_s: float, last_s: float, **changes: object) -> Story:
    return lambda t: replace(HEALTHY, **changes) if first_s <= t < last_s else HEALTHY  # type: ignore[arg-type]


def shop(story: Story, minutes: float = 45, *, versions: bool = False) -> Shop:
    return Shop(rate=40, minutes=minutes, seed=5, story=story, surfaces=("search",), versions=versions)


def test_a_pool_that_is_away_mutes_what_the_remaining_scores_say() -> None:
    followed = follow(shop(between(FAULT_S, 2100, unscored=0.5, match=0.6)))
    assert {x.data.rule for x in followed.fired()} == {"searches_unscored"}


def test_a_drop_that_outlives_the_outage_of_the_pool_is_told() -> None:
    def story(t: float) -> Behaviour:
        return replace(between(FAULT_S, 2100, unscored=0.5)(t), match=0.6 if t >= FAULT_S else HEALTHY.match)

    (fired,) = follow(shop(story, minutes=60)).fired("match_drop")
    assert seconds(fired.data.detected_at) > 2100


@pytest.mark.parametrize(
    ("rule", "ctr"),
    [("ctr_drop", 0.03), ("click_tracking_lost", 0.0)],
)
def test_clicks_that_are_lost_in_wrong_partitions_are_told_as_that_alone(rule: str, ctr: float) -> None:
    assert {x.data.rule for x in follow(shop(changed_at(FAULT_S, ctr=ctr), 35)).fired()} == {rule}
    followed = follow(shop(changed_at(FAULT_S, ctr=ctr, misrouted=0.75), 35))
    (fired,) = followed.fired()
    assert (fired.data.rule, fired.data.severity) == ("events_misrouted", "critical")


def test_a_few_misrouted_events_explain_no_large_fall_and_are_a_warning() -> None:
    followed = follow(shop(changed_at(FAULT_S, ctr=0.03, misrouted=0.02), 35))
    assert {(x.data.rule, x.data.severity) for x in followed.fired()} == {
        ("ctr_drop", "critical"),
        ("events_misrouted", "warning"),
    }


def test_a_fall_that_outlives_misrouted_events_is_told_soon_after() -> None:
    def story(t: float) -> Behaviour:
        return replace(between(FAULT_S, 2100, misrouted=0.75)(t), ctr=0.03 if t >= FAULT_S else HEALTHY.ctr)

    (fired,) = follow(shop(story, minutes=50)).fired("ctr_drop")
    assert 2100 < seconds(fired.data.detected_at) <= 2100 + LATELY_S + 150


def test_a_new_version_may_be_slow_while_it_warms_up() -> None:
    deployed = [(FAULT_S - 5.0, "4", "live")]
    cold = between(FAULT_S, FAULT_S + 30, latency_ms=90.0)
    assert {x.data.rule for x in follow(shop(cold, versions=True), deployed).fired()} == set()
    assert {x.data.rule for x in follow(shop(cold, versions=True)).fired()} >= {"latency_p95_rise"}
    slow = changed_at(FAULT_S, latency_ms=90.0)
    with_cause = follow(shop(slow, versions=True), deployed).fired("latency_p95_rise")
    without = follow(shop(slow, versions=True)).fired("latency_p95_rise")
    waited_s = seconds(with_cause[0].data.detected_at) - seconds(without[0].data.detected_at)
    assert 0 < waited_s <= WARM_UP_S
    assert seconds(with_cause[0].data.started_at) == seconds(without[0].data.started_at)
    assert with_cause[0].data.suspected_cause is not None


def test_what_was_slow_before_or_long_after_the_deployment_and_what_is_no_latency_does_not_wait() -> None:
    slow = shop(changed_at(FAULT_S, latency_ms=90.0), 32, versions=True)
    bad = shop(changed_at(FAULT_S, match=0.6), 32, versions=True)
    for one, rule, deployed_s in (
        (slow, "latency_p95_rise", FAULT_S + 20),
        (slow, "latency_p95_rise", FAULT_S - COLD_S - 20),
        (bad, "match_drop", FAULT_S - 5),
    ):
        plain, deployed = (follow(one, marks).fired(rule)[0] for marks in ((), [(float(deployed_s), "4", "live")]))
        assert plain.cohort_start_ms == deployed.cohort_start_ms
