"""Which rule names each of the simulated shop's faults, and within what time: the one table of it.

Time is event time, from the first event of the fault to the latest event that had been read when the alert fired.
"""

from typing import Final, NamedTuple

from streams.shop.faults import FaultName
from streams.shop.truth import MATCHER, RANKER


class Stated(NamedTuple):
    """What is said of one fault."""

    rule: str
    delay_s: int
    cause: str | None = None
    """The model whose new version must be suspected; None: the fault comes from no deployment."""


STATED_AT_RATE: Final = 10.0
"""Searches a second over all surfaces at which the table holds: what has fewer takes longer."""
STATED: Final = {
    FaultName.BAD_RANKER: Stated("match_drop", 120, RANKER),
    FaultName.BAD_MATCHER: Stated("proxy_lift_drop", 420, MATCHER),
    FaultName.LATENCY: Stated("latency_p95_rise", 120),
    FaultName.ZERO_RESULTS: Stated("zero_results_rise", 120),
    FaultName.TRAFFIC_DROP: Stated("search_rate_drop", 180),
    # One click in ten still comes: `click_tracking_lost` is for when none does.
    FaultName.CLICK_TRACKING_LOST: Stated("ctr_drop", 240),
    FaultName.CATEGORY_GONE: Stated("exposure_shift", 240),
    FaultName.NEW_LANGUAGE: Stated("unknown_tokens_rise", 120),
    FaultName.MISSING_TITLES: Stated("missing_titles_rise", 120),
}
