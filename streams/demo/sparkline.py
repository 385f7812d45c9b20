"""A course of numbers in one line of text."""

from collections.abc import Sequence
from typing import Final

_BARS: Final = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], width: int, slots: int) -> str:
    """Draw values as bars from zero to their largest.

    Args:
        values: the course so far.
        width: characters at most.
        slots: how many values the whole course will have, so that its end is where the line ends.

    Examples:
        >>> sparkline([4, 4, 4, 2], width=8, slots=8)
        '███▄'
    """
    if not values or width < 1:
        return ""
    width = min(width, slots)
    highest = max(values)
    groups: list[list[float]] = [[] for _ in range(width)]
    for place, value in enumerate(values[:slots]):
        groups[place * width // slots].append(value)
    means = [sum(group) / len(group) for group in groups if group]
    return "".join(_BARS[_height(mean, highest)] for mean in means)


def _height(value: float, highest: float) -> int:
    if highest <= 0:
        return 0
    return max(0, min(len(_BARS) - 1, round(value / highest * len(_BARS)) - 1))
