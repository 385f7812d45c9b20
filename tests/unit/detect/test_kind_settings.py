"""What rules with burn rates, seasonal bands, several signals and canaries must and must not say."""

import tomllib
from itertools import takewhile
from pathlib import Path
from typing import Any

import msgspec
import pytest

from detectors.rule_settings import rules_of
from schemas.errors import BadSettings
from schemas.settings import Rule

BURN = {"objective": 0.99, "burn": 14.4, "long_s": 3600.0}
GOOD: dict[str, dict[str, Any]] = {
    "burn_rate": {"signal": "zero_result_rate", "settings": BURN, "direction": "up"},
    "seasonal_band": {"signal": "search_rate", "settings": {"deviations": 6.0}},
    "multivariate": {"signal": "anomaly_score", "signals": ("match_at_10", "latency_p9*")},
    "canary": {"signal": "match_at_10", "settings": {"alpha": 0.01}, "direction": "down"},
}


def rule(detector: str, **changes: object) -> Rule:
    return Rule(name="a", detector=detector, **{**GOOD[detector], **changes})


@pytest.mark.parametrize("detector", sorted(GOOD))
def test_a_good_rule_is_taken(detector: str) -> None:
    rules = rules_of([rule(detector)])
    assert {x.detector for x in rules} == {detector}
    assert len(rules) == (2 if detector == "seasonal_band" else 1)


def test_a_canary_is_always_a_single_version_and_odd_is_always_more() -> None:
    assert rules_of([rule("canary")])[0].scope == "per_version"
    [together] = rules_of([rule("multivariate")])
    assert (together.direction, together.signals) == ("up", ("match_at_10", "latency_p9*"))


@pytest.mark.parametrize(
    ("wrong", "path", "says"),
    [
        (rule("burn_rate", settings={"burn": 2.0}), "settings", "objective, long_s"),
        (rule("burn_rate", settings={**BURN, "burn": 200.0}), "settings", "cannot be passed"),
        (rule("burn_rate", settings={**BURN, "short_s": 1.0}), "settings", "24 times short_s"),
        (rule("burn_rate", direction="both"), "direction", "'up' where"),
        (rule("burn_rate", signal="match_at_10"), "signal", "share of events"),
        (rule("burn_rate", signal="slow_share"), "settings", "slower_than_ms"),
        (rule("burn_rate", settings={**BURN, "slower_than_ms": 9.0}), "settings.slower_than_ms", "slow_share"),
        (rule("seasonal_band", signal="latency_p95"), "signal", "slow_share"),
        (rule("seasonal_band", settings={"deviations": 0.0}), "settings.deviations", "above 0"),
        (rule("multivariate", signal="ctr"), "signal", "anomaly_score"),
        (rule("multivariate", signals=("match_at_10",)), "signals", "two signals"),
        (rule("multivariate", signals=("match_at_10", "latency_p95", "ctx")), "signals[2]", "'ctx'"),
        (rule("multivariate", signals=("ctr", "match_at_10")), "horizon_s", "ctr"),
        (rule("canary", signal="search_rate"), "signal", "search_rate"),
        (rule("canary", settings={"alpha": 1.0}), "settings.alpha", "probability"),
        (rule("canary", settings={"margin": -0.1}), "settings.margin", "below 1"),
        (rule("canary", direction="both"), "direction", "worse"),
        (rule("canary", signals=("ctr",)), "signals", "multivariate"),
        (rule("canary", signal="slow_share"), "signal", "burn_rate or seasonal_band"),
    ],
)
def test_a_wrong_rule_is_refused_with_the_path_and_the_cure(wrong: Rule, path: str, says: str) -> None:
    with pytest.raises(BadSettings) as raised:
        rules_of([wrong])
    errors = {x.path: x.message for x in raised.value.errors}
    assert f"rules[0].{path}" in errors
    assert says in errors[f"rules[0].{path}"]


def test_each_example_of_the_settings_file_is_a_good_rule() -> None:
    text = (Path(__file__).parents[3] / "deploy" / "settings.example.toml").read_text(encoding="utf-8")
    _, *blocks = text.split("# [[rules]]\n")
    rules = []
    for block in blocks:
        # A block ends with the first line that is empty, its comment sign aside.
        lines = takewhile(lambda line: line.strip("# "), block.splitlines())
        table = tomllib.loads("\n".join(line.removeprefix("# ") for line in lines))
        rules += rules_of([msgspec.convert(table, Rule, strict=False)])
    assert {x.detector for x in rules} >= {*GOOD, "threshold"}
