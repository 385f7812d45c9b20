"""How far a level that rests on scored searches can move because some searches got no scores.

The remaining ones are no sample: at worst just those went unscored that held the level up. Where a share u did, the
mean p of a share or a score in [0, 1] falls by at most u (1 − p) / (1 − u), and rises by at most u p / (1 − u).
"""

from typing import Final

from detectors.watches import AnyWatch

UNSCORED_RATE: Final = "unscored_rate"
OF_SCORED_SEARCHES: Final = frozenset({"match_at_10", "unknown_token_rate", "query_ood_rate"})
"""Levels in [0, 1] of the searches that were scored."""


def may_explain(watch: AnyWatch, other: AnyWatch) -> bool:
    """Whether the condition of `other` may explain that of `watch` by its size; True where that is not known."""
    if other.signal != UNSCORED_RATE or watch.signal not in OF_SCORED_SEARCHES:
        return True
    unscored, value, level = other.value, watch.value, watch.expected
    if unscored is None or value is None or unscored >= 1:
        return True
    change = level - value if watch.rule.direction == "down" else value - level
    return change <= largest_change(unscored, level, watch.rule.direction)


def largest_change(unscored: float, level: float, direction: str) -> float:
    """Give by how much the level of the remaining searches can lie below or above that of all.

    >>> round(largest_change(0.5, 0.78, "down"), 2), round(largest_change(0.07, 0.78, "down"), 3)
    (0.22, 0.017)
    """
    return unscored / (1 - unscored) * (1 - level if direction == "down" else level)
