"""Share of searches slower than a limit in milliseconds: what an objective for latency is about."""

import math
from typing import Final

from detectors.observation import Observation
from detectors.reference import exceedances
from detectors.sketch import GAMMA
from schemas.rollup import Rollup

SLOW_SHARE: Final = "slow_share"
"""Its name as a signal: only rules with a limit of their own, `slower_than_ms`, can watch it."""


def slow_share(rollup: Rollup, slower_than_ms: float) -> Observation | None:
    """Count the searches above a limit, which is rounded up by at most 2 % to where a bin of the sketch ends.

    The count is exact, so it is binomial at any n, and cohorts add up. None without latencies.
    """
    n = rollup.latency_ms.count
    if not n:
        return None
    slow = exceedances(rollup.latency_ms, math.ceil(math.log(slower_than_ms) / math.log(GAMMA) - 1e-9))
    return Observation(
        numerator_total=slow,
        denominator_total=n,
        n_total=n,
        variance_total=slow * (n - slow) / n,
        shown_total=slow,
        shown_weight_total=n,
        counts=True,
    )
