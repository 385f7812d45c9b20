import pytest

from detectors.rule_settings import rules_of
from detectors.rules import DEFAULT_RULES
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


def test_an_inhibiting_rule_comes_before_those_that_it_explains() -> None:
    names = [rule.name for rule in DEFAULT_RULES]
    assert len(set(names)) == len(names)
    for i, rule in enumerate(DEFAULT_RULES):
        assert set(rule.inhibited_by) <= set(names[:i])
