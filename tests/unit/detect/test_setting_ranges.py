import pytest

from detectors.rule_settings import rules_of
from schemas.errors import BadSettings
from schemas.settings import Rule


@pytest.mark.parametrize(
    ("rule", "path", "message"),
    [
        (
            Rule(name="a", signal="match_at_10", detector="cusum", settings={"min_effect": -0.03}),
            "min_effect",
            "from 0",
        ),
        (
            Rule(name="a", signal="match_at_10", detector="cusum", settings={"min_effect": 5, "relative": 1}),
            "min_effect",
            "below 1",
        ),
        (Rule(name="a", signal="match_at_10", detector="cusum", settings={"relative": -3}), "relative", "must be 1"),
        (Rule(name="a", signal="match_at_10", detector="adwin", settings={"delta": 0}), "delta", "above 0"),
        (Rule(name="a", signal="search_rate", detector="absence", settings={"expected": -4}), "expected", "above 0"),
        (Rule(name="a", signal="latency_p9*", detector="threshold", settings={"limit": -500}), "limit", "below 0"),
        (Rule(name="a", signal="zero_result_rate", detector="threshold", settings={"limit": 50}), "limit", "0 to 1"),
    ],
)
def test_a_number_that_no_series_could_fit_is_refused(rule: Rule, path: str, message: str) -> None:
    with pytest.raises(BadSettings) as raised:
        rules_of([rule])
    [error] = raised.value.errors
    assert error.path == f"rules[0].settings.{path}"
    assert message in error.message


def test_what_is_absent_is_never_too_much() -> None:
    with pytest.raises(BadSettings) as raised:
        rules_of([Rule(name="a", signal="search_rate", detector="absence", direction="up")])
    assert [x.path for x in raised.value.errors] == ["rules[0].direction"]


@pytest.mark.parametrize(
    "rule",
    [
        Rule(
            name="a", signal="search_rate", detector="cusum", settings={"min_effect": 2, "relative": 1}, direction="up"
        ),
        Rule(name="a", signal="match_at_10", detector="cusum", settings={"min_effect": 0}),
        Rule(name="a", signal="ctr_proxy_lift", detector="threshold", settings={"limit": -0.1}, horizon_s=60),
        Rule(name="a", signal="consumer_lag_s", detector="threshold", settings={"limit": 300}, direction="up"),
    ],
)
def test_what_some_series_could_fit_is_taken(rule: Rule) -> None:
    assert rules_of([rule])
