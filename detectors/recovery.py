"""Whether a change is gone: the level lately, and how near to the level before it counts as back."""

import math
from typing import Final

from detectors.watch_state import RECOVERY_POINTS, WatchState

RECOVERY_MOST: Final = 60
"""Cohorts that say whether a change is gone, however unsure they are."""


def level_lately(s: WatchState) -> tuple[float, float]:
    """Give the ratio over as many cohorts as tell whether the shift is there or gone, and their weight."""
    shift = s.changed_level - s.baseline.level
    wanted = 16 * s.baseline.long_run_variance(s.after[-1])[0] / max(shift * shift, 1e-18)
    numerator = weight = 0.0
    for i, cohort in enumerate(reversed(s.recent)):
        if cohort.start_ms < s.started_at_ms or i >= RECOVERY_MOST or (i >= RECOVERY_POINTS and weight >= wanted):
            break
        numerator += cohort.numerator
        weight += cohort.denominator
    return (numerator / weight if weight else 0.0), weight


def nearly_back(s: WatchState, sign: float, effect: float, weight: float) -> float:
    """Give how far from the level before the signal may still be to count as back.

    Args:
        s: what the watch remembers; at least one point has come since the change was found.
        sign: 1 where the rule looks for a rise, −1 for a fall.
        effect: the smallest change worth an alert.
        weight: what the level lately rests on.
    """
    shift = (s.changed_level - s.baseline.level) * sign
    deviation = math.sqrt(s.baseline.unit_variance(s.after[-1]) * (1 / weight + 1 / s.baseline.denominator))
    # Half the way back is not back, where what is left would be worth an alert and is no chance.
    return min(shift / 2, max(effect / 2, 3 * deviation))
