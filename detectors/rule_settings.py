"""Reading the rules of the settings file: each must name a detector and signals that exist, with settings it has."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, cast, get_args

from detectors.drift import Direction
from detectors.observation import all_watchable
from detectors.rules import DEFAULT_RULES, Kind, Rule
from schemas.errors import BadSettings, SettingError
from schemas.settings import Rule as RuleSettings

_OWN_PAST: Final = frozenset({"min_effect", "relative", "memory_s"})
SETTINGS_OF: Final[Mapping[str, frozenset[str]]] = {
    "page_hinkley": _OWN_PAST | {"delta", "threshold"},
    "adwin": _OWN_PAST | {"delta"},
    "threshold": frozenset({"limit"}),
    "absence": frozenset({"expected", "memory_s"}),
}
"""Which settings a detector takes."""
REQUIRED: Final[Mapping[str, str]] = {"threshold": "limit", "absence": "expected"}
COUNTED: Final = ("click_rate", "search_rate")
"""Signals whose absence means something."""


def rules_of(settings: Sequence[RuleSettings] | None) -> tuple[Rule, ...]:
    """Give the rules that the settings ask for; the default rules where they ask for none.

    A rule for both directions becomes two, whose names end in `_up` and `_down`: each alert has one direction.

    Raises:
        BadSettings: every error of every rule at once.
    """
    if settings is None:
        return DEFAULT_RULES
    errors = [error for i, rule in enumerate(settings) for error in _errors(f"rules[{i}]", rule)]
    errors += _repeated_names(settings)
    if errors:
        raise BadSettings(errors)
    return tuple(rule for given in settings for rule in _rules(given))


def _rules(given: RuleSettings) -> Iterator[Rule]:
    directions: Iterable[Direction] = ("up", "down") if given.direction == "both" else (given.direction,)
    if given.detector == "absence":
        directions = ("down",)
    for direction in directions:
        yield Rule(
            name=f"{given.name}_{direction}" if len(tuple(directions)) > 1 else given.name,
            signal=given.signal,
            scope=given.scope,
            detector=cast(Kind, given.detector),
            settings={name: value for name, value in given.settings.items() if name != "memory_s"},
            horizon_s=given.horizon_s,
            direction=direction,
            for_s=given.for_s,
            resolve_s=given.resolve_s,
            severity=given.severity,
            min_n=given.min_n,
            memory_s=int(given.settings.get("memory_s", 3600)),
            runbook=given.runbook,
        )


def _errors(path: str, rule: RuleSettings) -> Iterator[SettingError]:
    if rule.detector not in get_args(Kind):
        yield SettingError(f"{path}.detector", f"no detector is called {rule.detector!r}; {_one_of(get_args(Kind))}")
        return
    known = SETTINGS_OF[rule.detector]
    for name in sorted(set(rule.settings) - known):
        yield SettingError(f"{path}.settings.{name}", f"{rule.detector} has no such setting; {_one_of(sorted(known))}")
    required = REQUIRED.get(rule.detector)
    if required is not None and required not in rule.settings:
        yield SettingError(f"{path}.settings", f"{rule.detector} needs {required}")
    if rule.settings.get("memory_s", 60) < 60:
        yield SettingError(f"{path}.settings.memory_s", "a baseline remembers at least 60 seconds")
    matcher = Rule(name=rule.name, signal=rule.signal)
    signals = [signal for signal in all_watchable() if matcher.watches(signal)]
    if not signals:
        yield SettingError(f"{path}.signal", f"{rule.signal!r} fits no signal; {_one_of(all_watchable())}")
    if rule.detector == "absence" and not set(signals) <= set(COUNTED):
        yield SettingError(f"{path}.signal", f"only events can be absent; {_one_of(COUNTED)}")


def _repeated_names(rules: Sequence[RuleSettings]) -> Iterator[SettingError]:
    seen: dict[str, int] = {}
    for i, rule in enumerate(rules):
        if rule.name in seen:
            yield SettingError(f"rules[{i}].name", f"{rule.name!r} is also the name of rules[{seen[rule.name]}]")
        seen.setdefault(rule.name, i)


def _one_of(names: Iterable[str]) -> str:
    return f"choose one of {', '.join(names)}"
