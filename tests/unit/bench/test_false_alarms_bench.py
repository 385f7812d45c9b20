"""What `bench false-alarms` draws and counts."""

import numpy as np
import pytest
from scipy import stats

from detectors.observation import Observation
from streams.bench.false_alarms import RULES, count_alarms, false_alarm_figures
from streams.bench.null_streams import KINDS, draw_null_stream
from streams.bench.poisson import poisson_interval
from streams.bench.reasons import missed


@pytest.mark.parametrize("expected", [3.0, 30.0, 40.0, 250.5])
def test_the_interval_is_scipys(expected: float) -> None:
    assert poisson_interval(expected) == tuple(stats.poisson.interval(0.95, expected))


def test_every_default_rule_that_promises_is_measured() -> None:
    assert {rule.signal for rule in RULES} == set(KINDS)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_streams_are_equal_for_equal_seeds_and_differ_else(rule: object) -> None:
    found = next(one for one in RULES if one == rule)

    def drawn(seed: int) -> list[Observation | None]:
        return list(draw_null_stream(np.random.default_rng(seed), found, 50))

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
    assert all(x is None or x.denominator_total > 0 for x in drawn(3))


def test_too_many_too_few_and_too_short_are_told_apart() -> None:
    def met(alarms: list[int]) -> bool | None:
        return false_alarm_figures("some", alarms, every_s=86_400, days=2)[0].met

    assert met([2] * 20) is True
    assert met([1] * 20) is False
    assert met([3] * 20) is False
    assert met([2] * 10) is None


@pytest.mark.parametrize(("alarms", "what"), [(1, "too few: "), (3, "too many: ")])
def test_a_promise_that_is_not_kept_is_said_with_its_reason(alarms: int, what: str) -> None:
    (figure,) = false_alarm_figures("some", [alarms] * 20, every_s=86_400, days=2)
    assert str(missed(figure)).startswith(f"false_alarms_some: not reached: {what}of promises that are kept")


def test_a_shop_alarms_about_as_often_as_promised() -> None:
    rule = next(one for one in RULES if one.name == "zero_results_rise")
    alarms = sum(count_alarms(np.random.default_rng([5, i]), rule, every_s=2 * 3600, days=1) for i in range(3))
    low, high = poisson_interval(36.0, 0.9999)
    assert low <= alarms <= high
