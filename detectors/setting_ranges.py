"""What the numbers in a rule's settings can mean: those that no series could ever fit are refused."""

from collections.abc import Iterator, Sequence

from detectors.kind_settings import SHARES
from detectors.observation import CONSUMER_LAG
from schemas.errors import SettingError
from schemas.settings import Rule as RuleSettings

SIGNED = frozenset({"ctr_proxy_lift"})
"""Signals whose values may be below zero."""


def range_errors(path: str, rule: RuleSettings, signals: Sequence[str]) -> Iterator[SettingError]:
    """Give the settings of a rule that are out of range.

    Args:
        path: of the rule, for messages.
        rule: as it was given.
        signals: that its pattern fits.
    """
    settings = rule.settings
    for name in sorted({"delta", "expected", "threshold"} & set(settings)):
        if not settings[name] > 0:
            yield SettingError(f"{path}.settings.{name}", f"{settings[name]:g} is wrong; it must be above 0")
    if "limit" in settings:
        yield from _limit_errors(f"{path}.settings.limit", settings["limit"], signals)
    relative = settings.get("relative", 0.0)
    if relative not in {0.0, 1.0}:
        cure = "it must be 1 (the change is a share of the level) or 0 (it is in the signal's unit)"
        yield SettingError(f"{path}.settings.relative", f"{relative:g} is wrong; {cure}")
    effect = settings.get("min_effect", 0.0)
    if effect < 0:
        message = f"{effect:g} is wrong; it must be from 0: `direction` says which way"
        yield SettingError(f"{path}.settings.min_effect", message)
    elif relative == 1.0 and rule.direction != "up" and effect >= 1:
        message = f"{effect:g} is wrong; nothing falls by more than all of it: it must be below 1"
        yield SettingError(f"{path}.settings.min_effect", message)
    if rule.detector == "absence" and rule.direction == "up":
        yield SettingError(
            f"{path}.direction", "'up' is wrong; what is absent is too few: take 'down', or leave it out"
        )


def _limit_errors(path: str, limit: float, signals: Sequence[str]) -> Iterator[SettingError]:
    shares = sorted(set(signals) & (SHARES - {CONSUMER_LAG}))
    if limit < 0 and not set(signals) & SIGNED:
        yield SettingError(path, f"{limit:g} is wrong; no value is below 0")
    elif limit > 1 and shares:
        yield SettingError(path, f"{limit:g} is wrong; {', '.join(shares)}: a share, from 0 to 1")
