"""A rule in words, and what it costs in false alarms: what `matchwatch rules check` says."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from detectors.alert_text import shown
from detectors.observation import PIPELINE_SIGNALS
from detectors.promise import SHARES, promises
from detectors.rules import Rule
from detectors.watches import signals_of, signals_together

SCOPES: Final[Mapping[str, str]] = {
    "all_versions": "on each surface",
    "per_version": "on each version",
    "any": "on each surface and version",
}
WAYS: Final[Mapping[str, str]] = {"up": "rises", "down": "falls"}
SIDES: Final[Mapping[str, str]] = {"up": "above", "down": "below"}


class RuleCost(msgspec.Struct, frozen=True):
    """What a rule looks for, and how often chance alone may alarm it."""

    rule: str
    words: str
    signals: tuple[str, ...]
    every_s: float | None
    """Expected time between its false alarms, on all series together; None: it promises nothing."""
    every_on_one_s: float | None
    """The same for one signal of one series."""
    share: float
    """Its part of what is promised for all rules together; 0 where it has a promise of its own, or none."""


def rule_costs(rules: Iterable[Rule], every_s: float, series: int) -> list[RuleCost]:
    """Say of each rule what it costs.

    Args:
        rules: all of them.
        every_s: the promise for all rules that have none of their own.
        series: how many series each rule watches.
    """
    rules = tuple(rules)
    together = sum(_weight(rule) for rule in rules if rule.false_alarm_every_s is None)
    costs = []
    for rule in rules:
        signals = signals_together(rule) if rule.detector == "multivariate" else tuple(signals_of(rule))
        every_on_one = None
        share = 0.0
        if promises(rule):
            own = rule.false_alarm_every_s
            share = _weight(rule) / together if own is None else 0.0
            every = own if own is not None else every_s / share
            every_on_one = every * series * len(signals)
        costs.append(
            RuleCost(
                rule.name,
                rule_words(rule, signals),
                signals,
                None if every_on_one is None else every_on_one / series / len(signals),
                every_on_one,
                share,
            )
        )
    return costs


def _weight(rule: Rule) -> float:
    return SHARES[rule.detector] * len(signals_of(rule)) if promises(rule) else 0.0


def rule_words(rule: Rule, signals: Sequence[str]) -> str:
    """Say in a sentence what a rule looks for."""
    what = (" and " if rule.detector == "multivariate" else " or ").join(signals)
    when = f" {rule.horizon_s} s after the search" if rule.horizon_s else ""
    held = f" for {rule.for_s} s" if rule.for_s else ""
    where = "in the pipeline" if set(signals) <= PIPELINE_SIGNALS else SCOPES[rule.scope]
    return f"{rule.severity} when {_condition(rule, what)}{when}{held}, {where}"


def _condition(rule: Rule, what: str) -> str:
    settings, way = rule.settings, WAYS[rule.direction]
    match rule.detector:
        case "threshold":
            said = f"{what} is {SIDES[rule.direction]} {shown(rule.signal, settings['limit'])}"
        case "absence":
            due = f"{settings['expected']:g}" if "expected" in settings else "more than chance hides"
            said = f"nothing comes of {what} where {due} were due"
        case "burn_rate":
            said = f"{what} uses its objective of {settings['objective']:g} up {settings['burn']:g} times too fast"
        case "seasonal_band":
            said = f"{what} {way} out of the band of its hour of the week"
        case "multivariate":
            said = f"{what} are odd together"
        case "canary":
            said = f"{what} of a canary {way} against live beside it"
        case _ if rule.signal.startswith("latency"):
            said = f"the share of searches slower than {what} was {way} lastingly{_effect(rule)}"
        case _:
            said = f"{what} {way} lastingly{_effect(rule)} against its own past"
    return said


def _effect(rule: Rule) -> str:
    effect = rule.settings.get("min_effect")
    if not effect:
        return ""
    return f" by about {100 * effect:g} % or more" if rule.settings.get("relative") else f" by about {effect:g} or more"
