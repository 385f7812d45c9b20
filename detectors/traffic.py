"""How much of its application's traffic a series has: searches of about the last hour, at one horizon."""

import math
from typing import Final

import msgspec

MEMORY_MS: Final = 3_600_000


class Traffic(msgspec.Struct):
    """Searches of one series, fading."""

    searches: float = 0.0
    latest_ms: int = 0

    def take(self, start_ms: int, searches: int) -> None:
        """Add a cohort; one that is out of order counts as if it were the latest."""
        self.searches = self.at(start_ms) + searches
        self.latest_ms = max(self.latest_ms, start_ms)

    def at(self, time_ms: int) -> float:
        """Give what is left of them at a time."""
        return self.searches * math.exp(min(0, self.latest_ms - time_ms) / MEMORY_MS)
