"""How loud an alert is: its rule's severity, or less where the change is small or few people meet it.

The rule's severity is the ceiling. One step down for a change that is not large, one for a series with less than a
twentieth of the application's searches, one more for less than one in two hundred, unless all of it is gone; never
below `info`. So a larger change and more traffic never make it quieter.
"""

from typing import Final

from detectors.rules import Rule
from schemas.alerts import SEVERITIES

LARGE_EFFECTS: Final = 2.0
"""A change is large if it is so many times the smallest that is worth an alert …"""
LARGE_RELATIVE: Final = 0.2
"""… or such a part of the level."""
LARGE_OF_NONE: Final = 0.1
"""Of what should never happen (a limit of 0), so large a share is."""
FEW: Final = 0.05
VERY_FEW: Final = 0.005


def severity(rule: Rule, value: float | None, expected: float | None, *, share: float, in_unit: bool) -> str:
    """Give the severity of an alert.

    Args:
        rule: its rule.
        value: what people are shown; None where it is not known, which is no reason to be quiet.
        expected: likewise.
        share: the series' part of its application's searches.
        in_unit: the rule's smallest effect is in the unit of `value`.
    """
    if rule.detector == "canary":
        share = 1.0  # small on purpose, and soon everybody's
    few = (share < FEW) + (share < VERY_FEW)
    if rule.detector == "absence":
        few = min(few, 1)  # all of a surface is gone: small as it is, somebody must see to it
    steps = (not is_large(rule, value, expected, in_unit=in_unit)) + few
    return SEVERITIES[max(0, severity_rank(rule.severity) - steps)] if steps else rule.severity


def louder(one: str, other: str) -> str:
    """Give the higher of two severities."""
    return max(one, other, key=severity_rank)


def severity_rank(name: str) -> int:
    """Give the place of a severity in order; an unknown one is the highest."""
    return SEVERITIES.index(name) if name in SEVERITIES else len(SEVERITIES) - 1


def is_large(rule: Rule, value: float | None, expected: float | None, *, in_unit: bool) -> bool:
    """Whether a change is large; arguments as for `severity`."""
    if rule.detector == "absence" or value is None:
        return True
    if rule.detector == "threshold":
        # Whoever sets a limit says himself what is bad.
        return rule.settings["limit"] != 0 or abs(value) >= LARGE_OF_NONE
    effect = rule.settings.get("min_effect", 0.0)
    if expected is None or not effect:
        return True
    change = abs(value - expected)
    if change >= LARGE_RELATIVE * abs(expected):
        return True
    if rule.settings.get("relative"):
        effect *= abs(expected)
    return in_unit and change >= LARGE_EFFECTS * effect
