"""Seasonal band: is this usual for the hour of the week?"""

import math
from typing import Any, Final

import msgspec

from detectors.drift import Change, Direction

HOUR_MS: Final = 3_600_000
HOURS: Final = 168
"""Hours of a week: each has a level of its own, and in between it is interpolated."""
MEMORY_WEEKS: Final = 6.0
"""Earlier weeks fade: a season that changes over the year is followed."""
LEAST_RESIDUALS: Final = 100
"""Whole hours held against an earlier week before the first verdict."""
LEAST_WEEKS: Final = 2
"""Weeks that an hour must have been learned before it has a band."""
RESIDUAL_MEMORY: Final = 672.0
"""Hours over which the usual distance from the level is remembered."""
ODD: Final = 3.0
"""An hour further off than so many usual distances counts as so far: one odd day does not widen the band for weeks."""
BACK: Final = 0.5
"""A signal is back inside when it has come so far from the level that this part of the width is left."""
HOUR_COVERED_MS: Final = HOUR_MS // 2
"""Event time between an hour's first and last point from which on it says what is usual."""
MEMORY_STEPS: Final = 500.0
"""Points over which the scatter from point to point is remembered."""


class Season(msgspec.Struct):
    """What the detector remembers."""

    totals: list[float] = msgspec.field(default_factory=lambda: [0.0] * HOURS)
    weights: list[float] = msgspec.field(default_factory=lambda: [0.0] * HOURS)
    """Numerators and denominators by hour of the week, decayed."""
    weeks: list[int] = msgspec.field(default_factory=lambda: [0] * HOURS)
    """How often the hour was learned."""
    hour: int = -1
    """The present hour, since 1970; what has been seen of it:"""
    first_ms: int = 0
    latest_ms: int = -1
    x: float = 0.0
    n: float = 0.0
    odd: bool = False
    """Some of it lay outside the band."""
    before: tuple[float, float] | None = None
    """The latest point."""
    steps: float = 0.0
    step_squares: float = 0.0
    residuals: float = 0.0
    residual_squares: float = 0.0
    expected: float = 0.0
    deviation: float | None = None
    """The band at the latest point."""
    run: int = 0
    """Points outside the band, up to the latest."""
    run_x: float = 0.0
    run_n: float = 0.0
    run_expected: float = 0.0
    """What was usual for them, each times its denominator."""


class SeasonalBandDetector:
    """Says so when a ratio lies outside the band that is usual for its hour of the week (UTC).

    An hour's level is that of the same hour of earlier weeks. How wide the band is follows from how far whole hours
    were from their level (weather, campaigns, holidays), from the point's own chance as points scatter from one to
    the next, from the level's error, and from how far the hour and its neighbour are apart. Once outside, a signal is
    back when it is within half the band. Hours in which it alarms are not learned, and neither are those of which
    little was seen. Hours seen less than twice, and their neighbours, have no band.

    River's HoltWinters and SNARIMAX want evenly spaced numbers without gaps from the first season on, and cannot be
    written down and built again from little; 168 levels can.

    Args:
        direction: which side of the band is looked at.
        width: half the band's width in standard deviations.
        relative: distances are shares of the level, as for volumes; else they are in the ratio's own unit.

    >>> detector = SeasonalBandDetector("down", width=5.0, relative=True)
    >>> for index in range(24 * 28 * 6):
    ...     hour = index / 6
    ...     searches = 1000 + 500 * math.sin(hour * math.pi / 12) + index * 37 % 41 - 20
    ...     detector.update(searches / 2 if hour >= 600.5 else searches, 600.0, time_ms=index * 600_000)
    ...     if detector.drift_detected:
    ...         print(index, hour, detector.change.updates_ago)
    ...         break
    3603 600.5 1

    References:
        Winters (1960), Forecasting sales by exponentially weighted moving averages; von Neumann (1941), Distribution
        of the ratio of the mean square successive difference to the variance.
    """

    def __init__(self, direction: Direction, width: float = 5.0, *, relative: bool = False) -> None:
        if not 0 < width < math.inf:
            raise ValueError(f"width {width} must be above 0")
        self._direction: Direction = direction
        self._sign = 1.0 if direction == "up" else -1.0
        self._width = width
        self._relative = relative
        self._s = Season()

    def update(self, x: float, n: float = 1.0, time_ms: int = 0, variance: float = 0.0) -> None:
        """Take the next point: x over n at an event time; one that is no number, or over nothing, is ignored.

        So is what is dated before the latest one, unless by more than a day: then the clock was set back.

        Args:
            x: numerator.
            n: denominator.
            time_ms: where in the week it belongs.
            variance: sampling variance of x; 0 where it is not known.
        """
        if not (math.isfinite(x) and 0 < n < math.inf and 0 <= variance < math.inf):
            return
        s = self._s
        hour = time_ms // HOUR_MS
        if time_ms < s.latest_ms:
            if s.latest_ms - time_ms <= 24 * HOUR_MS:
                return
            self._begin_hour(hour, time_ms)
        elif hour != s.hour:
            self._close_hour()
            self._begin_hour(hour, time_ms)
        s.latest_ms = time_ms
        self._learn_scatter(x, n)
        s.expected, s.deviation = self._band(time_ms, n, variance)
        s.x, s.n = s.x + x, s.n + n
        width = self._width * (BACK if s.run else 1.0)
        if s.deviation is None or self._sign * (x / n - s.expected) <= width * s.deviation:
            s.run, s.run_x, s.run_n, s.run_expected = 0, 0.0, 0.0, 0.0
        else:
            s.run, s.odd = s.run + 1, True
            s.run_x, s.run_n, s.run_expected = s.run_x + x, s.run_n + n, s.run_expected + n * s.expected

    @property
    def drift_detected(self) -> bool:
        """Whether the latest point lies outside the band."""
        return self._s.run > 0

    @property
    def estimate(self) -> float:
        """What is usual at the time of the latest point; 0 before that is known."""
        return self._s.expected

    @property
    def limit(self) -> float | None:
        """The edge of the band at the latest point; None where there is no band yet."""
        s = self._s
        return None if s.deviation is None else s.expected + self._sign * self._width * s.deviation

    @property
    def change(self) -> Change | None:
        """The points outside the band, while `drift_detected`."""
        s = self._s
        return Change(self._direction, s.run, s.run_expected / s.run_n, s.run_x / s.run_n) if s.run else None

    def accept(self) -> None:
        """Take the level of the points outside the band as new: the shape of the week stays, all of it moves."""
        s = self._s
        if not s.run:
            return
        factor, added = 1.0, (s.run_x - s.run_expected) / s.run_n
        if self._relative and s.run_expected > 0 < s.run_x:
            factor, added = s.run_x / s.run_expected, 0.0
        s.totals = [x * factor + n * added for x, n in zip(s.totals, s.weights, strict=True)]
        s.run, s.run_x, s.run_n, s.run_expected = 0, 0.0, 0.0, 0.0

    def reset(self) -> None:
        """Forget everything but the settings."""
        self._s = Season()

    def state(self) -> dict[str, Any]:
        """Give the week, the present hour, the scatter, and the verdict."""
        state: dict[str, Any] = msgspec.to_builtins(self._s)
        return state

    def restore(self, state: dict[str, Any]) -> None:
        """Take up where another detector with the same settings gave its `state`."""
        self._s = msgspec.convert(state, Season)

    def _begin_hour(self, hour: int, time_ms: int) -> None:
        s = self._s
        s.hour, s.first_ms, s.x, s.n, s.odd = hour, time_ms, 0.0, 0.0, False

    def _close_hour(self) -> None:
        """Hold the hour against its level, then learn it."""
        s = self._s
        if not s.n or s.odd or s.latest_ms - s.first_ms < HOUR_COVERED_MS:
            return
        i = s.hour % HOURS
        if s.weeks[i]:
            self._learn_residual(s.x / s.n, s.totals[i] / s.weights[i], s.weeks[i])
        keep = 1 - 1 / MEMORY_WEEKS if s.weeks[i] >= MEMORY_WEEKS else 1.0
        s.totals[i] = s.totals[i] * keep + s.x
        s.weights[i] = s.weights[i] * keep + s.n
        s.weeks[i] += 1

    def _learn_residual(self, x: float, level: float, weeks: int) -> None:
        s, scale = self._s, self._scale(level)
        if not scale:
            return
        # The level of few weeks has an error of its own: with it the distance is larger than usual.
        square = ((x - level) / scale) ** 2 / (1 + 1 / min(weeks, MEMORY_WEEKS))
        if s.residuals >= LEAST_RESIDUALS and s.residual_squares:
            square = min(square, ODD**2 * s.residual_squares / s.residuals)
        keep = 1 - 1 / RESIDUAL_MEMORY if s.residuals >= RESIDUAL_MEMORY else 1.0
        s.residuals = s.residuals * keep + 1
        s.residual_squares = s.residual_squares * keep + square

    def _learn_scatter(self, x: float, n: float) -> None:
        """Learn what chance makes of one unit of n from the step to the point before, whatever the trend."""
        s = self._s
        if s.before is not None and not s.run:
            x_before, n_before = s.before
            # Volumes scatter more where they are larger, as counts do.
            level = abs(x / n + x_before / n_before) / 2 if self._relative else 1.0
            step = (x / n - x_before / n_before) ** 2 / (1 / n + 1 / n_before) / (level or 1.0)
            if s.steps >= LEAST_RESIDUALS and s.step_squares:
                step = min(step, ODD**2 * s.step_squares / s.steps)
            keep = 1 - 1 / MEMORY_STEPS if s.steps >= MEMORY_STEPS else 1.0
            s.steps = s.steps * keep + 1
            s.step_squares = s.step_squares * keep + step
        s.before = (x, n)

    def _band(self, time_ms: int, n: float, variance: float) -> tuple[float, float | None]:
        """Give the level at a time, between the middles of two hours, and the deviation around it."""
        s = self._s
        place = time_ms / HOUR_MS - 0.5
        left, share = math.floor(place) % HOURS, place - math.floor(place)
        right = (left + 1) % HOURS
        weeks = min(s.weeks[left], s.weeks[right], MEMORY_WEEKS)
        if weeks < 1:
            return 0.0, None
        before, after = s.totals[left] / s.weights[left], s.totals[right] / s.weights[right]
        level = (1 - share) * before + share * after
        if weeks < LEAST_WEEKS or s.residuals < LEAST_RESIDUALS:
            return level, None
        usual = s.residual_squares / s.residuals * self._scale(level) ** 2 * (1 + 1 / weeks)
        chance = max(variance / n**2, s.step_squares / s.steps / n * self._scale(level))
        # Nothing was seen to scatter, as in a share that was always zero: then as much as a count would.
        if usual + chance <= 0:
            chance = max(abs(level), 0.5 / n) / n
        # Where two hours differ much nobody knows how it goes from one to the other: it may be a step, as at midnight.
        between = share * (1 - share) * (after - before)
        return level, math.sqrt(usual + chance + between * between)

    def _scale(self, level: float) -> float:
        return abs(level) if self._relative else 1.0
