"""The current signals of every surface, and their course, as the live view shows them."""

from collections.abc import Iterable
from typing import Final

from schemas.signals import SignalPoint

SHOWN: Final = ("search_rate", "ctr", "match_at_10", "ctr_proxy_accuracy", "latency_p95")
SURFACES: Final = ("search", "recommendation", "ads", "support")
_MINUTE_MS: Final = 60_000


class Board:
    """Adds signal points up to minutes: a cohort of a quiet surface holds too little to look at.

    Args:
        application: whose signals are kept; those of all versions together.
        start_ms: of the first minute.
        label_horizon_s: horizon of the signals that need clicks.
    """

    def __init__(self, application: str, start_ms: int, label_horizon_s: int) -> None:
        self._application = application
        self._start_ms = start_ms
        self._horizons = {0, label_horizon_s}
        self._sums: dict[tuple[str, str], dict[int, list[float]]] = {}

    def take(self, points: Iterable[SignalPoint]) -> None:
        """Take the points of one series and cohort."""
        for point in points:
            series = point.series
            if (
                series.application != self._application
                or series != series.all_versions()
                or point.signal not in SHOWN
                or point.horizon_s not in self._horizons
                or point.value is None
            ):
                continue
            minute = (point.cohort_start_ms - self._start_ms) // _MINUTE_MS
            sums = self._sums.setdefault((series.surface, point.signal), {}).setdefault(minute, [0.0, 0.0])
            sums[0] += point.numerator
            sums[1] += point.denominator

    def course(self, surface: str, signal: str) -> list[float]:
        """Give the values of all minutes so far, the present one included."""
        minutes = sorted(self._sums.get((surface, signal), {}).items())
        return [numerator / denominator for _, (numerator, denominator) in minutes if denominator]

    def now(self, surface: str, signal: str) -> float | None:
        """Give the value of the latest minute; None before the first."""
        course = self.course(surface, signal)
        return course[-1] if course else None
