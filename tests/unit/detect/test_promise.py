"""The promise that is made for all rules together, and what each watch has of it."""

from collections.abc import Mapping

import pytest

from detectors.detect_fold import DetectFold
from detectors.detect_fold_settings import DetectFoldSettings
from detectors.promise import promises, share_promise
from detectors.rules import DEFAULT_RULES, Rule
from detectors.watch import Watch
from detectors.watches import make_level_watch
from schemas.durations import duration_s, in_words, setting_duration
from tests.unit.detect.following import follow
from tests.unit.detect.shop_rollups import Shop, changed_at

MONTH_S = 30 * 86_400.0


def watch(
    name: str, detector: str = "cusum", settings: Mapping[str, float] | None = None, own: int | None = None
) -> Watch:
    rule = Rule(
        name=name, signal="search_rate", detector=detector, settings=dict(settings or {}), false_alarm_every_s=own
    )  # type: ignore[arg-type]
    return make_level_watch(rule, "search_rate")


def test_shares_add_up_to_the_promise() -> None:
    watches = [watch("a"), watch("a"), watch("b"), watch("c", "absence"), watch("d", "threshold", {"limit": 1.0})]
    share_promise(MONTH_S, watches)
    rates = [1 / x.false_alarm_every_s for x in watches if promises(x.rule)]
    assert sum(rates) == pytest.approx(1 / MONTH_S)
    assert watches[0].false_alarm_every_s == watches[2].false_alarm_every_s == pytest.approx(3.05 * MONTH_S)


def test_a_rule_with_a_promise_of_its_own_shares_it_among_its_series_alone() -> None:
    watches = [watch("a", own=86_400), watch("a", own=86_400), watch("b")]
    share_promise(MONTH_S, watches)
    assert [x.false_alarm_every_s for x in watches] == pytest.approx([172_800.0, 172_800.0, MONTH_S])


def test_an_alert_says_the_promise_of_its_own_watch() -> None:
    followed = follow(Shop(rate=20, minutes=31, seed=5, story=changed_at(1503.0, match=0.6)))
    data = followed.fired("match_drop")[0].data
    assert data.false_alarm_every is not None
    shares = sum(x.scope == "all_versions" and x.detector == "cusum" for x in DEFAULT_RULES)
    shares += 0.05 * sum(x.scope == "all_versions" and x.detector == "absence" for x in DEFAULT_RULES)
    assert duration_s(data.false_alarm_every) / 86_400 == pytest.approx(30 * 4 * shares, rel=0.01)
    assert f"by chance once in {in_words(data.false_alarm_every)}" in data.summary


def test_a_rarer_promise_makes_higher_thresholds() -> None:
    found = []
    for every_s in (3600, 30 * 86_400):
        fold = DetectFold(DetectFoldSettings(false_alarm_every_s=every_s))
        for offset, record in enumerate(Shop(rate=20, minutes=20, seed=3, surfaces=("search",)).records()):
            fold.apply(record, offset)
        parts = [part["part"] for name, part in fold.state().items() if name.startswith("series:")]
        thresholds = {x["rule"]["name"]: x["watch"]["watch"]["cusum"]["threshold"] for x in parts[0]["watched"]}
        found.append(thresholds["match_drop"])
    assert found[0] + 3 < found[1]


@pytest.mark.parametrize(("seconds", "text"), [(5400, "90m"), (21_600, "6h"), (2_592_000, "30d"), (1e9, "11574d")])
def test_durations_are_written_as_settings_have_them(seconds: float, text: str) -> None:
    assert setting_duration(seconds) == text
    assert duration_s(text) == pytest.approx(seconds, rel=0.01)


@pytest.mark.parametrize("text", ["", "0d", "1.5d", "30", "d", "30 d", "1y"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="whole number and a unit"):
        duration_s(text)
