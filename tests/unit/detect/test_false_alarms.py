import math
from dataclasses import replace

import numpy as np
import pytest

from tests.unit.detect.false_alarms import count_false_alarms
from tests.unit.detect.following import follow
from tests.unit.detect.shop_rollups import HEALTHY, Behaviour, Shop


@pytest.mark.parametrize("rate", [2.0, 20.0, 100.0])
def test_four_healthy_hours_raise_no_alert(rate: float) -> None:
    assert count_false_alarms(rate, minutes=240, seed=21) == []


@pytest.mark.parametrize("rate", [0.01, 0.1])
def test_a_day_of_hardly_any_traffic_raises_no_alert(rate: float) -> None:
    assert count_false_alarms(rate, minutes=24 * 60, seed=24) == []


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("rate", [20.0, 100.0])
def test_a_healthy_day_raises_no_alert(rate: float) -> None:
    assert count_false_alarms(rate, minutes=24 * 60, seed=22) == []


def test_levels_that_wander_by_a_twentieth_raise_no_alert() -> None:
    rng = np.random.default_rng(25)
    volume, jitter = np.exp(rng.normal(0, 0.15, 2000)), np.exp(rng.normal(0, 0.06, 2000))
    wander = [0.0]
    for step in rng.normal(0, math.sqrt(1 - 0.97**2), 2000):
        wander.append(0.97 * wander[-1] + step)

    def story(t: float) -> Behaviour:
        i = int(t // 10)
        return replace(
            HEALTHY,
            volume=float(volume[i]),
            match=HEALTHY.match + 0.006 * wander[i],
            ctr=HEALTHY.ctr * (1 + 0.05 * wander[i]),
            latency_ms=HEALTHY.latency_ms * float(jitter[i]),
        )

    assert follow(Shop(rate=100, minutes=240, seed=26, story=story)).transitions == []


def test_a_harmless_deployment_raises_no_alert() -> None:
    followed = follow(Shop(rate=50, minutes=60, seed=23, versions=True), [(1800, "4", "live")])
    assert followed.transitions == []
