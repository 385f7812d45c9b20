"""What a sick pipeline and a version that warms up explain, and what they do not."""

from dataclasses import replace

import numpy as np
import pytest

from detectors.excuses import COLD_S, LATELY_S, WARM_UP_S
from detectors.lifecycle import Phase, Step
from detectors.missing_scores import largest_change
from detectors.rules import DEFAULT_RULES
from detectors.series_watch import SeriesWatch
from schemas.rollup import LABEL_FREE, Rollup
from tests.unit.detect.following import every_version, follow, seconds
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


def test_a_few_searches_without_scores_explain_no_large_drop_however_long_they_last() -> None:
    def story(t: float) -> Behaviour:
        return replace(
            HEALTHY, unscored=0.07 if t >= FAULT_S else 0.0, match=0.5 if t >= FAULT_S + 1200 else HEALTHY.match
        )

    (fired,) = follow(shop(story, 50)).fired("match_drop")
    assert FAULT_S + 1200 < seconds(fired.data.detected_at) < FAULT_S + 1500


def test_what_waits_behind_a_broken_limit_goes_on_waiting_when_that_is_accepted() -> None:
    watch = SeriesWatch(every_version(), DEFAULT_RULES, accept_s=900)
    accepted_ms = 0
    for record in shop(changed_at(FAULT_S, unscored=0.5, match=0.6), 45).records():
        if isinstance(record, Rollup) and record.horizon_s == LABEL_FREE and not accepted_ms:
            for decision in watch.see(record):
                accepted_ms = record.cohort_start_ms if decision.step is Step.ACCEPTED else accepted_ms
                watch.settle(decision)
    waiting = next(x.life for x in watch.watched if x.key == ("match_drop", "match_at_10"))
    assert accepted_ms
    assert waiting.phase is Phase.PENDING
    assert waiting.since_ms < accepted_ms - 600_000


@pytest.mark.parametrize(("direction", "kept"), [("down", slice(None, 600)), ("up", slice(400, None))])
def test_what_missing_scores_can_do_to_a_mean_is_what_the_worst_choice_of_searches_does(
    direction: str, kept: slice
) -> None:
    scores = np.sort(np.concatenate([np.zeros(550), np.ones(450)]))
    level, remaining = float(scores.mean()), float(scores[kept].mean())
    change = level - remaining if direction == "down" else remaining - level
    assert largest_change(0.4, level, direction) == pytest.approx(change)


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


@pytest.mark.parametrize(("rule", "ctr"), [("ctr_drop", 0.03), ("click_tracking_lost", 0.0)])
def test_events_that_had_been_misrouted_for_long_explain_no_fall(rule: str, ctr: float) -> None:
    def story(t: float) -> Behaviour:
        return replace(HEALTHY, misrouted=0.3 if t >= FAULT_S else 0.0, ctr=ctr if t >= FAULT_S + 600 else HEALTHY.ctr)

    (fired,) = follow(shop(story, 45)).fired(rule)
    assert FAULT_S + 600 < seconds(fired.data.detected_at) < FAULT_S + 900


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
