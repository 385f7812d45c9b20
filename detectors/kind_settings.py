"""What rules with the detectors `burn_rate`, `seasonal_band`, `multivariate` and `canary` must and must not say."""

from collections.abc import Iterator
from typing import Final

from detectors.burn_watch import burn_detector
from detectors.canary_watch import EVENTS, MEANS
from detectors.observation import COMPARED_SIGNALS, PIPELINE_SIGNALS
from detectors.rules import ANOMALY_SCORE, Rule
from detectors.slow_share import SLOW_SHARE
from detectors.watches import signals_of, signals_together
from detectors.watching import OTHER_UNIT
from schemas.errors import SettingError
from schemas.settings import Rule as RuleSettings

TAKES_LIMIT: Final = frozenset({"burn_rate", "seasonal_band"})
"""Detectors that can watch `slow_share`."""
SHARES: Final = (EVENTS - OTHER_UNIT) | PIPELINE_SIGNALS | {"ctr_proxy_accuracy", "shown_order_accuracy"}
"""Signals that an objective can be about: bad (or good) events of all."""


def kind_errors(path: str, given: RuleSettings) -> Iterator[SettingError]:
    """Give what is wrong with a rule for its detector, beyond settings that are missing or unknown."""
    rule = Rule(name=given.name, signal=given.signal, signals=given.signals)
    yield from _special_signals(path, given)
    signals = set(signals_of(rule))
    if given.detector == "burn_rate":
        yield from _must_be(path, signals, SHARES, "an objective is about a share of events")
        yield from _burn_errors(path, given)
    elif given.detector == "seasonal_band":
        wrong = signals & (OTHER_UNIT | COMPARED_SIGNALS)
        if wrong:
            cure = f"take {SLOW_SHARE} for latency" if any("latency" in x for x in wrong) else "take another detector"
            yield SettingError(f"{path}.signal", f"{', '.join(sorted(wrong))}: has no level of its own; {cure}")
        yield from _above_zero(path, given, "deviations", "point_s")
    elif given.detector == "multivariate":
        yield from _together_errors(path, given, rule)
    elif given.detector == "canary":
        yield from _must_be(path, signals, EVENTS | MEANS, "a canary is compared by shares and means")
        yield from _below_one(path, given)


def _special_signals(path: str, given: RuleSettings) -> Iterator[SettingError]:
    if (given.signal == ANOMALY_SCORE) != (given.detector == "multivariate"):
        yield SettingError(
            f"{path}.signal", f"{ANOMALY_SCORE!r} is the signal of detector 'multivariate', and its only one"
        )
    if given.signals and given.detector != "multivariate":
        yield SettingError(f"{path}.signals", "only detector 'multivariate' looks at several; write `signal`")
    limit = given.settings.get("slower_than_ms")
    if given.signal == SLOW_SHARE and given.detector not in TAKES_LIMIT:
        yield SettingError(f"{path}.signal", f"{SLOW_SHARE} is watched by {' or '.join(sorted(TAKES_LIMIT))} alone")
    elif given.signal == SLOW_SHARE and (limit is None or not limit > 0):
        yield SettingError(f"{path}.settings", f"{SLOW_SHARE} needs slower_than_ms, a number of milliseconds above 0")
    elif limit is not None and given.signal != SLOW_SHARE:
        yield SettingError(f"{path}.settings.slower_than_ms", f"is about the signal {SLOW_SHARE}")


def _burn_errors(path: str, given: RuleSettings) -> Iterator[SettingError]:
    if given.direction == "both":
        yield SettingError(
            f"{path}.direction", "take 'up' where the signal is the share of bad events, 'down' where of good ones"
        )
    if {"objective", "burn", "long_s"} <= set(given.settings):
        try:
            burn_detector(given.settings)
        except ValueError as error:
            yield SettingError(f"{path}.settings", str(error))


def _together_errors(path: str, given: RuleSettings, rule: Rule) -> Iterator[SettingError]:
    for i, pattern in enumerate(given.signals):
        alone = Rule(name=given.name, signal=ANOMALY_SCORE, signals=(pattern,))
        if not signals_together(alone):
            yield SettingError(f"{path}.signals[{i}]", f"{pattern!r} fits no signal that can be looked at with others")
    if len(signals_together(rule)) < 2:
        yield SettingError(f"{path}.signals", "multivariate looks at two signals at least; name them, or patterns")


def _must_be(path: str, signals: set[str], allowed: frozenset[str], why: str) -> Iterator[SettingError]:
    wrong = sorted(signals - allowed)
    if wrong:
        yield SettingError(f"{path}.signal", f"{', '.join(wrong)}: {why}; choose of {', '.join(sorted(allowed))}")


def _above_zero(path: str, given: RuleSettings, *names: str) -> Iterator[SettingError]:
    for name in names:
        if not given.settings.get(name, 1.0) > 0:
            yield SettingError(f"{path}.settings.{name}", "must be above 0")


def _below_one(path: str, given: RuleSettings) -> Iterator[SettingError]:
    if not 0 < given.settings.get("alpha", 0.5) < 1:
        yield SettingError(f"{path}.settings.alpha", "is a probability: between 0 and 1")
    if not 0 <= given.settings.get("margin", 0.0) < 1:
        yield SettingError(f"{path}.settings.margin", "is a share of live's value: from 0, below 1")
    if given.direction == "both":
        yield SettingError(f"{path}.direction", "say which way the canary would be worse: 'up' or 'down'")
