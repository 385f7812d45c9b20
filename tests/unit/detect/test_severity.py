import math
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.rules import DEFAULT_RULES, Rule
from detectors.severity import louder, severity, severity_rank
from detectors.traffic import MEMORY_MS, Traffic
from schemas.rollup import Rollup, RollupControl
from tests.unit.detect.following import follow
from tests.unit.detect.shop_rollups import Shop, changed_at

MATCH = Rule(name="m", signal="match_at_10", settings={"min_effect": 0.03})
CTR = Rule(name="c", signal="ctr", settings={"min_effect": 0.1, "relative": 1.0}, severity="warning")
LIMIT = Rule(name="l", signal="unscored_rate", detector="threshold", settings={"limit": 0.05}, direction="up")
NEVER = Rule(name="n", signal="misrouted_rate", detector="threshold", settings={"limit": 0.0}, direction="up")
CANARY = Rule(name="v", signal="match_at_10", detector="canary", settings={"margin": 0.02}, scope="per_version")
ABSENT = Rule(name="a", signal="search_rate", detector="absence", settings={"expected": 40.0})


@pytest.mark.parametrize(
    ("rule", "value", "expected", "share", "wanted"),
    [
        (MATCH, 0.60, 0.78, 1.0, "critical"),
        (MATCH, 0.74, 0.78, 1.0, "warning"),
        (MATCH, 0.71, 0.78, 1.0, "critical"),
        (MATCH, 0.07, 0.10, 1.0, "critical"),
        (MATCH, 0.60, 0.78, 0.04, "warning"),
        (MATCH, 0.60, 0.78, 0.004, "info"),
        (MATCH, 0.74, 0.78, 0.004, "info"),
        (CTR, 0.088, 0.1, 1.0, "info"),
        (CTR, 0.079, 0.1, 1.0, "warning"),
        (LIMIT, 0.051, 0.0, 1.0, "critical"),
        (NEVER, 0.001, 0.0, 1.0, "warning"),
        (NEVER, 0.4, 0.0, 1.0, "critical"),
        (ABSENT, 0.0, 3.0, 1.0, "critical"),
        (ABSENT, 0.0, 3.0, 0.04, "warning"),
        (ABSENT, 0.0, 3.0, 0.004, "warning"),
        (CANARY, 0.60, 0.78, 0.01, "critical"),
        (MATCH, None, 0.78, 1.0, "critical"),
        (MATCH, 0.7, None, 1.0, "critical"),
    ],
)
def test_the_rule_s_severity_is_the_ceiling(
    rule: Rule, value: float | None, expected: float | None, share: float, wanted: str
) -> None:
    assert severity(rule, value, expected, share=share, in_unit=True) == wanted


@given(
    st.sampled_from(DEFAULT_RULES),
    st.floats(0.01, 1),
    st.tuples(st.floats(0, 1), st.floats(0, 1)),
    st.tuples(st.floats(0, 1), st.floats(0, 1)),
    st.booleans(),
)
def test_a_larger_change_and_more_traffic_never_make_it_quieter(
    rule: Rule, expected: float, changes: tuple[float, float], shares: tuple[float, float], in_unit: bool
) -> None:
    def rank(change: float, share: float) -> int:
        return severity_rank(severity(rule, expected + change, expected, share=share, in_unit=in_unit))

    assert rank(min(changes), min(shares)) <= rank(max(changes), max(shares)) <= severity_rank(rule.severity)


def test_the_louder_of_two_is_by_rank() -> None:
    assert louder("info", "warning") == louder("warning", "info") == "warning"
    assert louder("critical", "warning") == "critical"


def test_traffic_fades_as_an_exponential() -> None:
    traffic = Traffic()
    for minute in range(60):
        traffic.take(minute * 60_000, 7)
    direct = math.fsum(7 * math.exp(-(59 - minute) * 60_000 / MEMORY_MS) for minute in range(60))
    assert traffic.at(59 * 60_000) == pytest.approx(direct)
    assert traffic.at(59 * 60_000 + MEMORY_MS) == pytest.approx(direct / math.e)


def test_a_small_drop_is_a_warning_and_a_large_one_is_critical() -> None:
    def told(match: float) -> set[str]:
        shop = Shop(rate=100, minutes=45, seed=4, story=changed_at(1500, match=match), surfaces=("search",))
        return {x.data.severity for x in follow(shop).fired("match_drop")}

    assert told(0.735) == {"warning"}
    assert told(0.6) == {"critical"}


def test_what_few_people_meet_is_quieter() -> None:
    class Uneven(Shop):
        """Nearly all traffic is on one surface."""

        def records(self) -> Iterator[Rollup | RollupControl]:
            for record in super().records():
                busy = isinstance(record, Rollup) and record.series.surface == "search"
                yield msgspec.structs.replace(record, searches=record.searches * 50) if busy else record

    shop = Uneven(rate=40, minutes=31, seed=4, story=changed_at(1500, zero_results=0.3), surfaces=("ads", "search"))
    fired = {x.data.series.surface: x.data.severity for x in follow(shop).fired("zero_results_rise")}
    assert fired["ads"] == "warning"
