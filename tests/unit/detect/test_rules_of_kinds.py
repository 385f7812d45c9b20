"""What rules on objectives, on several signals at once and on the hour of the week say of a shop."""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

import msgspec
import pytest

from detectors.detect_fold import DetectFold
from detectors.lifecycle import Step
from detectors.outputs import Transition
from detectors.rules import Rule
from detectors.series_watch import SeriesWatch
from detectors.slow_share import slow_share
from schemas.rollup import Rollup
from schemas.scores import Series
from tests.unit.detect.following import seconds
from tests.unit.detect.shop_rollups import HEALTHY, Behaviour, Shop, Story, changed_at

EVERY = Series("shop", "search", "*", "*")


def between(first: float, last: float, **changes: object) -> Story:
    def story(t: float) -> Behaviour:
        return replace(HEALTHY, **changes) if first <= t < last else HEALTHY  # type: ignore[arg-type]

    return story


def transitions(shop: Shop, rule: Rule) -> list[Transition]:
    fold = DetectFold(rules=[rule])
    found = [x for offset, record in enumerate(shop.records()) for x in fold.apply(record, offset)]
    return [x for x in found if isinstance(x, Transition)]


EMPTY_PAGES = Rule(
    name="objective",
    signal="zero_result_rate",
    detector="burn_rate",
    settings={"objective": 0.98, "burn": 3.0, "long_s": 600.0, "short_s": 60.0},
    direction="up",
)


def test_a_burning_objective_fires_with_its_share_and_resolves_when_the_short_window_is_good() -> None:
    story = between(1800, 2400, zero_results=0.3)
    fired, resolved = transitions(Shop(20, 60, 1, story, surfaces=("search",)), EMPTY_PAGES)
    alert = fired.data
    assert (alert.status, resolved.data.status) == ("firing", "resolved")
    assert alert.expected == pytest.approx(0.02)
    assert alert.threshold == pytest.approx(0.06)
    assert alert.value is not None
    assert alert.standard_error is not None
    assert abs(alert.value - 0.3) < 4 * alert.standard_error
    assert abs(seconds(alert.started_at) - 1800) <= 20
    # A long window of which a fifth is bad holds three times what is allowed.
    assert 1860 <= seconds(alert.detected_at) <= 1980
    assert resolved.data.resolved_at is not None
    assert 2400 + 60 <= seconds(resolved.data.resolved_at) <= 2400 + 60 + EMPTY_PAGES.resolve_s + 20


def test_an_objective_that_is_held_and_one_bad_search_among_few_raise_nothing() -> None:
    assert transitions(Shop(20, 60, 2, surfaces=("search",)), EMPTY_PAGES) == []
    rare = Shop(0.02, 300, 3, lambda _: replace(HEALTHY, zero_results=0.02), surfaces=("search",))
    assert transitions(rare, EMPTY_PAGES) == []


def test_an_objective_can_be_about_good_events() -> None:
    clicks = msgspec.structs.replace(
        EMPTY_PAGES,
        signal="ctr",
        horizon_s=60,
        direction="down",
        settings={"objective": 0.08, "burn": 1.03, "long_s": 600.0, "short_s": 60.0},
    )
    [fired] = transitions(Shop(20, 60, 4, changed_at(1800, ctr=0.02), surfaces=("search",)), clicks)
    assert (fired.data.expected, fired.data.threshold) == (pytest.approx(0.08), pytest.approx(1 - 0.92 * 1.03))
    assert fired.data.value == pytest.approx(0.02, abs=0.005)


@pytest.mark.parametrize("n", [1, 2, 7, 400])
def test_the_share_of_slow_searches_is_right_at_any_n(n: int) -> None:
    shop = Shop(surfaces=("search",), rate=n / 10, minutes=min(300, 20_000 / n / 6), seed=5)
    rollups = [x for x in shop.records() if isinstance(x, Rollup) and x.horizon_s == 0]
    seen = [x for x in (slow_share(rollup, 80.0) for rollup in rollups) if x is not None]
    slow, of = sum(x.numerator_total for x in seen), sum(x.denominator_total for x in seen)
    # Latencies are lognormal around 40 ms with σ 0.5; the limit is rounded up by at most 2 %.
    shares = [0.5 * math.erfc(math.log(limit / 40) / 0.5 / math.sqrt(2)) for limit in (80 * 1.02, 80)]
    chance = 4 * math.sqrt(shares[1] * (1 - shares[1]) / of)
    assert shares[0] - chance <= slow / of <= shares[1] + chance


TOGETHER = Rule(
    name="odd",
    signal="anomaly_score",
    signals=("latency_p95", "match_at_10", "unknown_token_rate", "zero_result_rate"),
    detector="multivariate",
    min_n=20,
    direction="up",
)


def test_signals_that_change_together_are_found_and_named() -> None:
    # Each of them is too small a change for the default rule on it.
    story = changed_at(3600, match=0.74, zero_results=0.05, latency_ms=42.0)
    [fired] = transitions(Shop(20, 75, 6, story, surfaces=("search",)), TOGETHER)
    alert = fired.data
    assert alert.signal == "anomaly_score"
    assert abs(seconds(alert.started_at) - 3600) <= 120
    assert alert.value is not None
    assert alert.threshold is not None
    assert alert.value > alert.threshold > alert.expected
    assert {x.name for x in alert.segments} == {"signal"}
    assert {x.value for x in alert.segments} <= {"match_at_10", "zero_result_rate"}
    assert sum(x.share_of_change for x in alert.segments) <= 1


def test_usual_hours_are_not_odd() -> None:
    assert transitions(Shop(20, 120, 7, surfaces=("search",)), TOGETHER) == []


SEASON = Rule(
    name="season", signal="search_rate", detector="seasonal_band", direction="down", min_n=20, resolve_s=0, for_s=0
)
BUCKET_S = 300
DAY = 24 * 3600 // BUCKET_S


def week_after_week(seed: int, days: float, dips: Sequence[tuple[float, float, float]] = ()) -> Iterator[Rollup]:
    """Give searches of a shop with days and nights, quiet weekends, and days that are better than others.

    Args:
        seed: of chance.
        days: how long.
        dips: (first day, last day, factor) of the traffic; factor 0 is a gap in the log.
    """
    rng = random.Random(seed)
    wander = 0.0
    for i in range(int(days * DAY)):
        day, hour = i / DAY, i % DAY * 24 / DAY
        wander = 0.995 * wander + rng.gauss(0, 0.005)
        usual = (1.2 - math.cos((hour - 4) * math.pi / 12)) * (0.6 if i // DAY % 7 > 4 else 1.0)
        factor = math.prod(factor for first, last, factor in dips if first <= day < last)
        mean = 600 * usual * math.exp(wander) * factor
        if factor:
            n = max(0, round(rng.gauss(mean, math.sqrt(mean))))
            yield Rollup(EVERY, i * BUCKET_S * 1000, BUCKET_S, 0, -1, searches=n)


def steps(rollups: Iterator[Rollup], rule: Rule = SEASON) -> list[tuple[Step, float, SeriesWatch]]:
    """Give each step of the alert's life with its day, repetitions aside."""
    watch, found = SeriesWatch(EVERY, [rule], accept_s=24 * 3600), []
    for rollup in rollups:
        for decision in watch.see(rollup):
            if decision.step not in {Step.WITHDRAWN, Step.REPEATED}:
                found.append((decision.step, rollup.cohort_start_ms / 86_400_000, watch))
            watch.settle(decision)
    return found


@pytest.mark.parametrize("seed", range(3))
def test_five_usual_weeks_with_gaps_raise_nothing(seed: int) -> None:
    assert steps(week_after_week(seed, 35, [(10.3, 10.6, 0), (24.5, 26.0, 0), (27.1, 27.2, 0)])) == []


def test_half_the_searches_of_that_hour_of_the_week_are_found_at_noon_and_at_night() -> None:
    for noon in (29.5, 29.2):
        [(fired, day, _), (resolved, end, _)] = steps(week_after_week(1, 31, [(noon, noon + 0.1, 0.5)]))
        assert (fired, resolved) == (Step.FIRED, Step.RESOLVED)
        assert noon <= day < noon + 3 / DAY
        assert noon + 0.1 <= end < noon + 0.1 + 3 / DAY


def test_a_new_level_is_accepted_after_a_day_and_keeps_the_shape_of_the_week() -> None:
    found = steps(week_after_week(2, 42, [(25.5, 99, 0.4)]))
    assert [step for step, _, _ in found] == [Step.FIRED, Step.ACCEPTED]
    assert found[1][1] == pytest.approx(26.5, abs=0.01)


def test_an_alert_says_what_is_usual_for_the_hours_that_it_is_about() -> None:
    watch = SeriesWatch(EVERY, [SEASON], accept_s=24 * 3600)
    for rollup in week_after_week(3, 29.45, [(29.3, 30, 0.3)]):
        watch.see(rollup)
    [watched] = watch.watched
    found = watched.watch
    assert found.value is not None
    assert found.value / found.expected == pytest.approx(0.3, rel=0.2)
    assert found.threshold is not None
    assert found.value < found.threshold
    assert found.started_at_ms / 86_400_000 == pytest.approx(29.3, abs=1.1 / DAY)
