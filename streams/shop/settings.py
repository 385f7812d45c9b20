"""What one run of the shop is made of."""

import math
from typing import Final, Literal

import msgspec

from schemas.timestamps import END_MS, FIRST_MS, format_timestamp
from streams.shop.faults import Fault, PlannedFault, plan_faults

DEFAULT_START_MS: Final = 1_767_607_200_000
"""2026-01-05T10:00:00Z, a Monday: the start of a recording where none is given, so that it is the same every day."""

FASTEST_RATE: Final = 100_000.0
"""Searches a second. All chance of ten seconds is drawn at once, so memory grows with it."""
BEFORE_MS: Final = 3 * 24 * 3600 * 1000
"""How long before its start a run has its first event: the deployment of the ranker that was there."""
AFTER_MS: Final = 3600 * 1000
"""How long after its end a run has its last event at most: a late purchase after the last click on the last search."""

ClickModel = Literal["position", "cascade"]


class SimulationSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One run of the shop: equal settings give equal bytes.

    Raises:
        ValueError: a setting is out of its range; the message says which.
    """

    rate: float
    """Searches a second at the mean hour of a day."""
    minutes: float
    seed: int = 1
    start_ms: int = DEFAULT_START_MS
    faults: tuple[Fault, ...] = ()
    application: str = "shop-web"
    click_model: ClickModel = "position"
    items: int = 4000
    queries: int = 2400

    def __post_init__(self) -> None:
        for name, value in (("rate", self.rate), ("minutes", self.minutes)):
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} is {value}; it must be a number above 0")
        if self.rate > FASTEST_RATE:
            raise ValueError(f"rate is {self.rate:g}; it must be at most {FASTEST_RATE:,.0f} searches a second")
        first_ms, last_ms = FIRST_MS + BEFORE_MS, END_MS - AFTER_MS
        if self.start_ms < first_ms:
            raise ValueError(
                f"the start must be {format_timestamp(first_ms)} or later: the first deployment is three days "
                "older, and no event may be older than 2000"
            )
        if self.start_ms + self.minutes * 60_000 > last_ms:
            raise ValueError(
                f"the end must be {format_timestamp(last_ms)} or before: the last purchases come later, and no "
                "event may be later than 2089; start earlier or ask for fewer minutes"
            )
        if self.seed < 0:
            raise ValueError(f"seed is {self.seed}; it must be 0 or more")
        for count, least in (("items", 500), ("queries", 50)):
            if getattr(self, count) < least:
                raise ValueError(f"{count} is {getattr(self, count)}; it must be at least {least}")
        plan_faults(self.faults, self.minutes, self.seed)

    @property
    def end_ms(self) -> int:
        """When the last search may come; clicks on it may come up to 20 minutes later."""
        return self.start_ms + round(self.minutes * 60_000)

    def planned_faults(self) -> tuple[PlannedFault, ...]:
        """The faults with their minutes, in order of time."""
        return plan_faults(self.faults, self.minutes, self.seed)
