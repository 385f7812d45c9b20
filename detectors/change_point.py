"""When a change began, to the cohort."""

import math
from collections.abc import Sequence
from typing import Final

import msgspec

SLACK: Final = 2.0
"""Log-likelihood by which a later start may be worse than the best one and still be taken."""

SURELY: Final = math.log(100)
"""Log-likelihood by which a start must be worse than the best one to be ruled out."""


class Cohort(msgspec.Struct, frozen=True, array_like=True):
    """One cohort's ratio, and the value people are shown."""

    start_ms: int
    numerator: float
    denominator: float
    shown: float
    shown_weight: float
    n: int = 0
    variance: float = 0.0
    """Sampling variance of the numerator, 0 where the cohort alone does not tell."""
    usual: float = 1.0
    """How much is usual at this time of day, `Season.usual`."""


def first_changed(cohorts: Sequence[Cohort], before: float, after: float, unit_variance: float) -> int:
    """Give the start of the first cohort that has the new level, by maximum likelihood with both levels known.

    Of starts that are about as likely the latest is taken: a start that is dated too early by chance would lie
    before the deployment that caused it, and exonerate it.

    Args:
        cohorts: in order of time, at least one; the last one has the new level.
        before: level before the change.
        after: level since.
        unit_variance: variance of the ratio over one unit of denominator.

    >>> quiet, changed = [Cohort(t, 8, 10, 8, 10) for t in range(5)], [Cohort(t, 6, 10, 6, 10) for t in range(5, 8)]
    >>> first_changed(quiet + changed, 0.8, 0.6, 0.05)
    5

    References:
        Hinkley (1970), Inference about the change-point in a sequence of random variables.
    """
    gains = _gains(cohorts, before, after, unit_variance)
    best = max((gain for gain, _ in gains), default=-math.inf)
    return next(start for gain, start in gains if gain >= best - min(SLACK, abs(best) / 2))


def earliest_changed(cohorts: Sequence[Cohort], before: float, after: float, unit_variance: float) -> int | None:
    """Give the earliest start of a cohort at which the change can have begun; arguments as in `first_changed`.

    An earlier one would be a hundred times less likely than the best. None where that cannot be said of the oldest
    cohort: then it may have begun before all of them.

    >>> quiet, changed = [Cohort(t, 8, 10, 8, 10) for t in range(5)], [Cohort(t, 6, 10, 6, 10) for t in range(5, 8)]
    >>> earliest_changed(quiet + changed, 0.8, 0.6, 0.05), earliest_changed(quiet + changed, 0.8, 0.6, 0.5)
    (4, None)
    """
    gains = _gains(cohorts, before, after, unit_variance)
    best = max((gain for gain, _ in gains), default=-math.inf)
    if not gains or gains[-1][0] >= best - SURELY:
        return None
    return min(start for gain, start in gains if gain >= best - SURELY)


def _gains(cohorts: Sequence[Cohort], before: float, after: float, unit_variance: float) -> list[tuple[float, int]]:
    """Give the log-likelihood of each start over that of no change, the latest cohort first."""
    gain, gains = 0.0, []
    for cohort in reversed(cohorts):
        if cohort.denominator and unit_variance > 0:
            x = cohort.numerator / cohort.denominator
            gain += cohort.denominator * ((x - before) ** 2 - (x - after) ** 2) / (2 * unit_variance)
        gains.append((gain, cohort.start_ms))
    return gains
