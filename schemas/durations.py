"""Lengths of time as people write them: a whole number and a unit."""

import re
from collections.abc import Mapping
from typing import Final

_UNITS: Final[Mapping[str, int]] = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
DURATION_PATTERN: Final = r"^[1-9][0-9]{0,8}[mhdw]\Z"
_YEAR_S: Final = 365.25 * 86_400


def duration_s(text: str) -> int:
    """Read a length of time.

    Raises:
        ValueError: it is not a whole number and a unit.

    >>> duration_s("30d")
    2592000
    """
    if not re.match(DURATION_PATTERN, text):
        raise ValueError(f"{text!r} is no length of time: write a whole number and a unit, as 90m, 12h, 30d or 8w")
    return int(text[:-1]) * _UNITS[text[-1]]


def setting_duration(seconds: float) -> str:
    """Write a length of time as settings have it, in the largest unit that is not too coarse.

    >>> [setting_duration(x) for x in (5400, 6 * 3600, 30 * 86400)]
    ['90m', '6h', '30d']
    """
    for unit in ("d", "h"):
        number = seconds / _UNITS[unit]
        if number >= 100 or (number >= 1 and number == round(number)):
            return f"{number:.0f}{unit}"
    return f"{max(1, round(seconds / 60))}m"


def format_duration(seconds: float) -> str:
    """Write a length of time for people, to about two digits.

    >>> [format_duration(x) for x in (5400, 6 * 3600, 30 * 86400, 1300 * 86400)]
    ['90 minutes', '6 hours', '30 days', '3.6 years']
    """
    for unit, length in (("years", _YEAR_S), ("days", 86_400.0), ("hours", 3600.0)):
        if seconds >= 2 * length:
            number = seconds / length
            return f"{number:.1f} {unit}" if number < 10 and round(number, 1) % 1 else f"{number:.0f} {unit}"
    return f"{seconds / 60:.0f} minutes"


def in_words(duration: str) -> str:
    """Write a duration of the settings for people, as `format_duration` does."""
    return format_duration(duration_s(duration))
