import pytest

from detectors.observation import all_watchable
from detectors.rule_settings import rules_of
from detectors.rules import DEFAULT_RULES
from detectors.signal_catalogue import NEED_CLICKS
from schemas.errors import BadSettings
from schemas.settings import Rule


def test_without_rules_the_default_ones_hold() -> None:
    assert rules_of(None) == DEFAULT_RULES
    assert rules_of([]) == ()


def test_a_rule_for_both_directions_becomes_two() -> None:
    rules = rules_of([Rule(name="ctr_shift", signal="ctr", detector="adwin", horizon_s=60, settings={"memory_s": 90})])
    assert [(x.name, x.direction) for x in rules] == [("ctr_shift_up", "up"), ("ctr_shift_down", "down")]
    assert [(x.memory_s, x.settings) for x in rules] == [(90, {}), (90, {})]


def test_every_error_is_told_at_once_with_its_path() -> None:
    wrong = [
        Rule(name="a", signal="ctr", detector="oracle"),
        Rule(name="b", signal="ctx*", detector="threshold"),
        Rule(name="b", signal="match_at_10", detector="absence", settings={"expected": 3, "limit": 1}),
    ]
    with pytest.raises(BadSettings) as raised:
        rules_of(wrong)
    assert [x.path for x in raised.value.errors] == [
        "rules[0].detector",
        "rules[1].settings",
        "rules[1].signal",
        "rules[2].settings.limit",
        "rules[2].signal",
        "rules[2].name",
    ]


def errors_of(*rules: Rule) -> list[tuple[str, str]]:
    with pytest.raises(BadSettings) as raised:
        rules_of(rules)
    return [(x.path, x.message) for x in raised.value.errors]


@pytest.mark.parametrize("swapped", [False, True])
def test_a_rule_for_both_directions_takes_two_names(swapped: bool) -> None:
    both = Rule(name="ctr", signal="ctr", detector="adwin", horizon_s=60)
    other = Rule(name="ctr_up", signal="ctr", detector="adwin", horizon_s=60, direction="up")
    rules = (other, both) if swapped else (both, other)
    [(path, message)] = errors_of(*rules)
    assert path == "rules[1].name"
    assert "rules[1] and rules[0] both become a rule 'ctr_up'" in message


@pytest.mark.parametrize(
    "signal", ["ctr", "click_rate", "ctr_proxy_accuracy", "ctr_proxy_lift", "shown_order_accuracy"]
)
def test_what_needs_clicks_is_refused_at_the_horizon_without(signal: str) -> None:
    assert rules_of([Rule(name="a", signal=signal, detector="adwin", horizon_s=60)])
    [(path, message)] = errors_of(Rule(name="a", signal=signal, detector="adwin"))
    assert path == "rules[0].horizon_s"
    assert signal in message
    assert "fold.horizons_s" in message


@pytest.mark.parametrize("signal", ["match_at_10", "latency_p95", "exposure_js", "search_rate", "zero_result_rate"])
def test_what_needs_no_clicks_is_refused_at_any_other_horizon(signal: str) -> None:
    assert rules_of([Rule(name="a", signal=signal, detector="adwin")])
    [(path, message)] = errors_of(Rule(name="a", signal=signal, detector="adwin", horizon_s=60))
    assert path == "rules[0].horizon_s"
    assert signal in message
    assert "take 0" in message


@pytest.mark.parametrize("horizon_s", [0, 60])
def test_a_pattern_that_fits_signals_of_both_kinds_is_refused_at_every_horizon(horizon_s: int) -> None:
    [(path, message)] = errors_of(Rule(name="a", signal="*_rate", detector="adwin", horizon_s=horizon_s))
    assert path == "rules[0].horizon_s"
    assert "a rule of its own" in message


def test_the_default_rules_look_at_the_horizons_of_their_signals() -> None:
    for rule in DEFAULT_RULES:
        for signal in all_watchable():
            assert not rule.watches(signal) or (signal in NEED_CLICKS) == bool(rule.horizon_s)


def test_an_inhibiting_rule_comes_before_those_that_it_explains() -> None:
    names = [rule.name for rule in DEFAULT_RULES]
    assert len(set(names)) == len(names)
    for i, rule in enumerate(DEFAULT_RULES):
        assert set(rule.inhibited_by) <= set(names[:i])
