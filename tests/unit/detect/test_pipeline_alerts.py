"""Alerts about the pipeline itself: searches that pass unscored, and events that lie in wrong partitions."""

from collections.abc import Iterable, Mapping

import msgspec
import pytest

from detectors.detect_fold import DetectFold
from detectors.outputs import Output, SignalBatch, Transition
from detectors.rules import Rule
from schemas.rollup import RollupControl
from schemas.scores import PIPELINE
from schemas.signals import SignalPoint
from tests.unit.detect.following import follow, seconds
from tests.unit.detect.shop_rollups import BUCKET_MS, START_MS, SURFACES, Shop, changed_at

RULES = ("events_misrouted", "searches_unscored")
FAULT_S = 600


def control(second: float, partition: int = 0, *, partitions: int = 1, **totals: int) -> RollupControl:
    """Give what a partition tells at a time, of which all before the lateness is closed."""
    time_ms = START_MS + int(second * 1000)
    closed_ms = (time_ms - 30_000) // BUCKET_MS * BUCKET_MS
    return RollupControl(partition, partitions, {0: closed_ms}, closed_ms, time_ms, False, time_ms, totals)


def decided(controls: Iterable[RollupControl], first_offset: int = 0) -> list[Output]:
    fold = DetectFold()
    return [x for offset, each in enumerate(controls, first_offset) for x in fold.apply(each, offset)]


def alerts(outputs: Iterable[Output]) -> list[Transition]:
    return [x for x in outputs if isinstance(x, Transition)]


def points(outputs: Iterable[Output], signal: str = "misrouted_rate") -> list[SignalPoint]:
    batches = [x for x in outputs if isinstance(x, SignalBatch) and x.series == PIPELINE]
    return [point for batch in batches for point in batch.points if point.signal == signal]


def steady(first: int, last: int, totals: Mapping[str, int]) -> list[RollupControl]:
    """Tell every second that ten searches and one click more have come; the other totals stay."""
    return [control(s, accepted_searches=10 * s, accepted_clicks=s, **totals) for s in range(first, last)]


def test_unscored_searches_are_told_on_each_surface_with_the_time_they_began() -> None:
    fired = follow(Shop(minutes=15, story=changed_at(FAULT_S, unscored=0.5), seed=3)).fired("searches_unscored")
    assert sorted(x.data.series.surface for x in fired) == sorted(SURFACES)
    assert {seconds(x.data.started_at) for x in fired} <= {FAULT_S - 10, FAULT_S}
    # A cohort and the lateness; quiet surfaces pool two cohorts.
    assert all(seconds(x.data.detected_at) <= FAULT_S + 70 for x in fired)
    assert all(x.data.expected == 0 for x in fired)
    assert all(x.data.value is not None and 0.4 < x.data.value <= 0.6 for x in fired)
    assert "unscored_rate of search in shop is 49.4 % instead of 0 %" in next(
        x.data.summary for x in fired if x.data.series.surface == "search"
    )


def test_misrouted_events_are_told_once_for_the_whole_pipeline_whatever_was_deployed() -> None:
    shop = Shop(minutes=15, story=changed_at(FAULT_S, misrouted=0.75), seed=3, partitions=2)
    (fired,) = follow(shop, [(FAULT_S - 20, "4", "live")]).fired("events_misrouted")
    data = fired.data
    assert (data.series.application, data.series.surface) == ("*", "*")
    assert FAULT_S - 20 <= seconds(data.started_at) <= FAULT_S
    assert seconds(data.detected_at) <= FAULT_S + 20
    assert data.value is not None
    assert 0.75 / 2 < data.value <= 0.75  # the other partition has told of the time before
    assert data.suspected_cause is None
    assert data.summary.startswith("misrouted_rate of the whole pipeline is ")


def test_a_healthy_shop_hears_nothing_of_its_pipeline() -> None:
    followed = follow(Shop(minutes=120, rate=20))
    assert [x for rule in RULES for x in followed.fired(rule)] == []


def test_one_misrouted_record_is_told_and_resolved_when_no_more_come() -> None:
    log = [*steady(0, 300, {}), *steady(300, 600, {"misrouted_clicks": 1})]
    fired, resolved = alerts(decided(log))
    assert (fired.data.status, resolved.data.status) == ("firing", "resolved")
    assert 280 <= seconds(fired.data.started_at) <= 300
    assert seconds(fired.data.detected_at) <= 312
    assert seconds(str(resolved.data.resolved_at)) <= 450


def test_every_event_is_in_one_point_however_the_controls_of_partitions_fall() -> None:
    log = [
        control(
            second, partition, partitions=3, accepted_searches=7 * second, misrouted_searches=second * (partition == 1)
        )
        for second in range(200)
        for partition in (0, 1, 2)
        if (second + partition) % (partition + 1) == 0
    ]
    found = points(decided(log))
    end_s = (found[-1].cohort_start_ms - START_MS) // 1000 + found[-1].bucket_s
    told = sum(point.denominator for point in found)
    assert 7 * 3 * (end_s - 3) <= told <= 7 * 3 * (end_s + 3)
    starts = [point.cohort_start_ms for point in found]
    assert starts[1:] == [point.cohort_start_ms + point.bucket_s * 1000 for point in found[:-1]]


def test_a_successor_of_evaluate_that_is_behind_counts_nothing_again() -> None:
    totals = {"misrouted_searches": 50}
    behind = [control(295 + s, accepted_searches=2950 + 9 * s, misrouted_searches=40 + s) for s in range(10)]
    log = [*steady(0, 200, {}), *steady(200, 300, totals), *behind, *steady(310, 700, totals)]
    assert [x.data.status for x in alerts(decided(log))] == ["firing", "resolved"]
    assert sum(point.numerator for point in points(decided(log))) == 50


def test_a_fold_that_begins_anew_is_watched_from_its_new_beginning() -> None:
    anew = [control(s, accepted_searches=10 * (s - 600), misrouted_searches=max(0, s - 700)) for s in range(601, 800)]
    (fired,) = alerts(decided([*steady(0, 600, {"misrouted_searches": 0}), *anew]))
    assert 690 <= seconds(fired.data.started_at) <= 701


def test_what_was_counted_before_the_oldest_record_of_the_log_is_no_news() -> None:
    log = steady(1000, 1200, {"misrouted_clicks": 99})
    assert alerts(decided(log, first_offset=5_000)) == []
    # Where the log is whole, its first control tells of what lies in it: a backlog that was read at once.
    assert [x.data.status for x in alerts(decided(log))] == ["firing", "resolved"]


def test_the_id_of_an_alert_is_the_same_from_every_successor() -> None:
    log = [*steady(0, 300, {}), *steady(300, 400, {"misrouted_searches": 3})]
    whole = [msgspec.json.encode(x) for x in decided(log)]
    fold, found = DetectFold(), []
    for offset, each in enumerate(log):
        found += [msgspec.json.encode(x) for x in fold.apply(each, offset)]
        if offset % 7 == 0:
            fold = DetectFold.from_state(msgspec.msgpack.decode(msgspec.msgpack.encode(fold.state()), strict=False))
    assert found == whole


def test_a_state_from_before_the_pipeline_was_watched_is_taken_up() -> None:
    log = [*steady(0, 300, {"misrouted_searches": 3}), *steady(300, 400, {"misrouted_searches": 9})]
    fold = DetectFold()
    for offset, each in enumerate(log[:200]):
        fold.apply(each, offset)
    old = fold.state()
    del old["pipeline"]
    old["fold"]["part"]["parts"].remove("pipeline")
    successor = DetectFold.from_state(old)
    found = [x for offset, each in enumerate(log) for x in successor.apply(each, offset)]
    assert sum(point.numerator for point in points(found)) == 6


def test_late_and_invalid_events_are_shares_of_all_that_came() -> None:
    log = [
        control(
            s,
            accepted_searches=7 * s,
            accepted_clicks=s,
            late_searches=s,
            late_clicks=s,
            source_invalid_bad_json=2 * s,
            invalid_clicks_missing_field=3 * s,
            source_valid=8 * s,
        )
        for s in range(100)
    ]
    outputs = decided(log)
    assert {point.value for point in points(outputs, "late_rate")} == {2 / 10}
    assert {point.value for point in points(outputs, "invalid_rate")} == {5 / 15}
    (first, *_) = points(outputs, "invalid_rate")
    assert first.n == first.denominator
    assert first.standard_error == pytest.approx((1 / 3 * 2 / 3 / first.n) ** 0.5)


def test_a_state_of_a_predecessor_that_did_not_count_late_events_makes_no_news_of_old_ones() -> None:
    before = DetectFold()
    for offset, each in enumerate(steady(0, 60, {"late_clicks": 900, "source_invalid_bad_json": 900})):
        before.apply(each, offset)
    state = msgspec.msgpack.decode(msgspec.msgpack.encode(before.state()), strict=False)
    counted = state["pipeline"]["part"]["counted"]
    for name in ("late", "invalid"):
        del counted[name], counted["partitions"][0][name]
    after = DetectFold.from_state(state)
    log = steady(60, 120, {"late_clicks": 900, "source_invalid_bad_json": 900})
    outputs = [x for offset, each in enumerate(log, 60) for x in after.apply(each, offset)]
    assert {point.value for name in ("late_rate", "invalid_rate") for point in points(outputs, name)} == {0.0}


def test_the_longest_lag_that_any_partition_tells_is_a_signal_that_rules_can_watch() -> None:
    rule = Rule(
        name="behind", signal="consumer_lag_s", detector="threshold", settings={"limit": 60.0}, direction="up", min_n=1
    )
    fold = DetectFold(rules=[rule])
    outputs: list[Output] = []
    for offset, second in enumerate(range(900)):
        lag_ms = 90_000 if 400 <= second < 600 and second % 5 == 0 else 2_000
        totals = {"accepted_searches": 10 * second}
        record = msgspec.structs.replace(control(second, second % 2, partitions=2, **totals), lag_ms=lag_ms)
        outputs += fold.apply(record, offset)
    found = points(outputs, "consumer_lag_s")
    assert [x.value for x in found if 410_000 < x.cohort_start_ms - START_MS < 590_000] == [90.0] * 17
    assert {x.value for x in found} == {2.0, 90.0}
    assert all(x.standard_error is None for x in found)
    assert {x.n for x in found[2:-1]} == {10}, [x.n for x in found]
    fired, resolved = alerts(outputs)
    assert (fired.data.signal, fired.data.value, fired.data.threshold) == ("consumer_lag_s", 90.0, 60.0)
    assert seconds(fired.data.started_at) == 390  # the control that ends a stretch belongs to it
    assert "consumer_lag_s of the whole pipeline is 90 s" in fired.data.summary
    assert resolved.data.status == "resolved"
    # An older evaluate tells none.
    assert points(decided(steady(0, 300, {})), "consumer_lag_s") == []
