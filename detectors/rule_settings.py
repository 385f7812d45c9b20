"""Reading the rules of the settings file: each must name a detector and signals that exist, with settings it has."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, cast, get_args

from detectors.drift import Direction
from detectors.kind_settings import kind_errors
from detectors.observation import all_watchable
from detectors.promise import PROMISING
from detectors.rules import DEFAULT_RULES, Kind, Rule
from detectors.setting_ranges import range_errors
from detectors.signal_catalogue import NEED_CLICKS
from detectors.watches import signals_of, signals_together
from schemas.durations import duration_s
from schemas.errors import BadSettings, SettingError
from schemas.rollup import LABEL_FREE
from schemas.settings import Rule as RuleSettings

_OWN_PAST: Final = frozenset({"min_effect", "relative", "memory_s"})
SETTINGS_OF: Final[Mapping[str, frozenset[str]]] = {
    "cusum": _OWN_PAST,
    "page_hinkley": _OWN_PAST | {"delta", "threshold"},
    "adwin": _OWN_PAST | {"delta"},
    "threshold": frozenset({"limit"}),
    "absence": frozenset({"expected", "memory_s"}),
    "burn_rate": frozenset({"objective", "burn", "long_s", "short_s", "slower_than_ms"}),
    "seasonal_band": frozenset({"deviations", "point_s", "relative", "slower_than_ms"}),
    "multivariate": frozenset({"threshold", "memory_s"}),
    "canary": frozenset({"alpha", "margin"}),
}
"""Which settings a detector takes."""
REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {
    "threshold": ("limit",),
    "burn_rate": ("objective", "burn", "long_s"),
}
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
    for name, direction in _names(given):
        yield Rule(
            name=name,
            signal=given.signal,
            signals=given.signals,
            scope="per_version" if given.detector == "canary" else given.scope,
            detector=cast(Kind, given.detector),
            settings={name: value for name, value in given.settings.items() if name != "memory_s"},
            horizon_s=given.horizon_s,
            direction=direction,
            for_s=given.for_s,
            resolve_s=given.resolve_s,
            renotify_s=given.renotify_s,
            severity=given.severity,
            min_n=given.min_n,
            memory_s=int(given.settings.get("memory_s", 3600)),
            runbook=given.runbook,
            false_alarm_every_s=None if given.false_alarm_every is None else duration_s(given.false_alarm_every),
        )


def _names(given: RuleSettings) -> list[tuple[str, Direction]]:
    """Give what the rules that it becomes are called, each with its direction."""
    if given.detector == "absence":
        return [(given.name, "down")]
    if given.detector == "multivariate":
        return [(given.name, "up")]
    if given.direction == "both":
        return [(f"{given.name}_up", "up"), (f"{given.name}_down", "down")]
    return [(given.name, given.direction)]


def _errors(path: str, rule: RuleSettings) -> Iterator[SettingError]:
    if rule.detector not in get_args(Kind):
        yield SettingError(f"{path}.detector", f"no detector is called {rule.detector!r}; {_one_of(get_args(Kind))}")
        return
    known = SETTINGS_OF[rule.detector]
    for name in sorted(set(rule.settings) - known):
        yield SettingError(f"{path}.settings.{name}", f"{rule.detector} has no such setting; {_one_of(sorted(known))}")
    if rule.false_alarm_every is not None and rule.detector not in PROMISING:
        message = f"{rule.detector} goes by its own settings; only {' and '.join(sorted(PROMISING))} keep a promise"
        yield SettingError(f"{path}.false_alarm_every", message)
    missing = [name for name in REQUIRED.get(rule.detector, ()) if name not in rule.settings]
    if missing:
        yield SettingError(f"{path}.settings", f"{rule.detector} needs {', '.join(missing)}")
    if rule.settings.get("memory_s", 60) < 60:
        yield SettingError(f"{path}.settings.memory_s", "a baseline remembers at least 60 seconds")
    matcher = Rule(name=rule.name, signal=rule.signal, signals=rule.signals)
    signals = signals_of(matcher)
    yield from kind_errors(path, rule)
    yield from range_errors(path, rule, signals)
    if not signals:
        yield SettingError(f"{path}.signal", f"{rule.signal!r} fits no signal; {_one_of(all_watchable())}")
    yield from _wrong_horizon(path, rule, signals_together(matcher) if rule.detector == "multivariate" else signals)
    if rule.detector == "absence" and not set(signals) <= set(COUNTED):
        yield SettingError(f"{path}.signal", f"only events can be absent; {_one_of(COUNTED)}")


def _wrong_horizon(path: str, rule: RuleSettings, signals: Sequence[str]) -> Iterator[SettingError]:
    clicked = [signal for signal in signals if signal in NEED_CLICKS]
    shown = [signal for signal in signals if signal not in NEED_CLICKS]
    if clicked and rule.horizon_s == LABEL_FREE:
        cure = "take one of fold.horizons_s" + (", and a rule of its own for the others" if shown else "")
        yield SettingError(f"{path}.horizon_s", f"{', '.join(clicked)}: no clicks are known at horizon 0; {cure}")
    if shown and rule.horizon_s != LABEL_FREE:
        cure = "take 0" + (", and a rule of its own for the others" if clicked else "")
        yield SettingError(f"{path}.horizon_s", f"{', '.join(shown)}: needs no clicks, so it is at horizon 0; {cure}")


def _repeated_names(rules: Sequence[RuleSettings]) -> Iterator[SettingError]:
    given: dict[str, int] = {}
    made: dict[str, int] = {}
    for i, rule in enumerate(rules):
        if rule.name in given:
            yield SettingError(f"rules[{i}].name", f"{rule.name!r} is also the name of rules[{given[rule.name]}]")
        else:
            # A rule for both directions becomes two: their names must be free as well.
            for name in [name for name, _ in _names(rule) if name in made]:
                message = f"rules[{i}] and rules[{made[name]}] both become a rule {name!r}; rename one of them"
                yield SettingError(f"rules[{i}].name", message)
        given.setdefault(rule.name, i)
        for name, _ in _names(rule):
            made.setdefault(name, i)


def _one_of(names: Iterable[str]) -> str:
    return f"choose one of {', '.join(names)}"
