"""What one run of the shop is made of."""

import math
from typing import Final, Literal

import msgspec

from streams.shop.faults import Fault, PlannedFault, plan_faults

DEFAULT_START_MS: Final = 1_767_607_200_000
"""2026-01-05T10:00:00Z, a Monday: the start of a recording where none is given, so that it is the same every day."""

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
