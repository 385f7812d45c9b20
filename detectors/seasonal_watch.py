"""A seasonal-band rule on one series."""

import math
from typing import Any, Final

import msgspec

from detectors.observation import Observation
from detectors.rules import Rule
from detectors.seasonal_band import SeasonalBandDetector
from detectors.watching import Finding, FindingWatch, Verdict

POINT_S: Final = 300
"""Cohorts are pooled over so much event time at least: what lasts shorter is for faster detectors."""
WIDTH: Final = 5.0
"""Deviations. Of points that scatter normally one in four million lies beyond on either side; real ones have more."""
VOLUMES: Final = frozenset({"click_rate", "purchase_rate", "search_rate"})


class SeasonalState(msgspec.Struct):
    """What the watch remembers besides its detector."""

    pool: Observation | None = None
    pool_start_ms: int = 0
    outside: Observation | None = None
    """Points since the signal left its band."""
    finding: Finding = msgspec.field(default_factory=Finding)


class SeasonalWatch(FindingWatch):
    """Pools cohorts into points and compares them with the same hour of earlier weeks.

    Args:
        rule: its settings are `deviations`, `point_s`, and `relative`: 1 where distances are shares of the level.
        signal: one whose rules compare the value that is shown.
    """

    def __init__(self, rule: Rule, signal: str) -> None:
        super().__init__(rule, signal)
        relative = bool(rule.settings.get("relative", float(signal in VOLUMES)))
        width = rule.settings.get("deviations", WIDTH)
        self._detector = SeasonalBandDetector(rule.direction, width, relative=relative)
        self._point_ms = rule.settings.get("point_s", POINT_S) * 1000
        self._s = SeasonalState()

    def update(self, start_ms: int, end_ms: int, x: Observation) -> Verdict:
        """Take a cohort and say whether the signal is outside its band now."""
        s = self._s
        # A gap in the log parts what is pooled: its two sides belong to other hours.
        if s.pool is None or not 0 <= start_ms - s.pool_start_ms < 2 * self._point_ms:
            s.pool, s.pool_start_ms = x, start_ms
        else:
            s.pool = s.pool.plus(x)
        if end_ms - s.pool_start_ms >= self._point_ms:
            # Too thin a point is dropped; the next one begins later.
            if s.pool.n_total >= self.rule.min_n and s.pool.denominator_total > 0:
                self._take_point(s.pool_start_ms, (s.pool_start_ms + end_ms) // 2, s.pool)
            s.pool = None
        return self.verdict()

    def verdict(self) -> Verdict:
        """Say again what the latest point led to."""
        return Verdict(self._detector.drift_detected, False)

    def conclude(self) -> None:
        """The episode is over; the week stays as it is known."""
        self._s.finding, self._s.outside = Finding(), None
        self._finding = self._s.finding

    def accept(self) -> None:
        """The level since the change is the new one; the shape of the week stays."""
        self._detector.accept()
        self.conclude()

    def restart(self) -> None:
        """Forget everything: the series begins anew."""
        self._detector.reset()
        self._s = SeasonalState()
        self._finding = self._s.finding

    def state(self) -> dict[str, Any]:
        """Give everything that `restore` needs, as plain numbers."""
        return {"detector": self._detector.state(), "watch": msgspec.to_builtins(self._s)}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up where another watch of the same rule gave its `state`."""
        self._detector.restore(state["detector"])
        self._s = msgspec.convert(state["watch"], SeasonalState)
        self._finding = self._s.finding

    def _take_point(self, start_ms: int, middle_ms: int, point: Observation) -> None:
        s = self._s
        # Counts have the variance of their level where the cohort alone tells none; the detector learns more of it.
        self._detector.update(point.numerator_total, point.denominator_total, middle_ms, point.variance_total)
        if not self._detector.drift_detected:
            s.outside = None
            return
        started_ms = start_ms if s.outside is None else s.finding.started_at_ms
        s.outside = point if s.outside is None else s.outside.plus(point)
        # What a cohort alone does not tell has no error of its own.
        variance = s.outside.variance_total
        error = math.sqrt(variance) / s.outside.denominator_total if variance else None
        change = self._detector.change
        expected = self._detector.estimate if change is None else change.before
        s.finding = self._finding = Finding(
            started_ms, s.outside.shown, expected, self._detector.limit, s.outside.n_total, error
        )
