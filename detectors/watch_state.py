"""What a watch remembers of its series: the level, cohorts to date a change with, and the change while there is one."""

from collections.abc import Callable
from typing import Final

import msgspec

from detectors.baseline import Baseline
from detectors.change_point import Cohort, earliest_changed, first_changed
from detectors.observation import Observation
from detectors.shift_cusum import ShiftCusum

RECENT: Final = 120
"""Cohorts kept to date a change and to show its level."""
RECOVERY_POINTS: Final = 6
"""Points, and cohorts, that say at least whether a change is gone."""


class WatchState(msgspec.Struct):
    """Everything a watch remembers, as plain numbers (the detector's own state aside)."""

    baseline: Baseline = msgspec.field(default_factory=Baseline)
    pool: Observation | None = None
    pool_start_ms: int = 0
    quarantine: list[Observation] = []
    recent: list[Cohort] = []
    after: list[Observation] = []
    """Pooled points since the change was found."""
    changed: bool = False
    started_at_ms: int = 0
    earliest_ms: int | None = None
    """The change surely did not begin earlier."""
    changed_level: float = 0.0
    point_ms: int = 10_000
    """How long the latest pooled point took to fill."""
    latest_ms: int = -1
    """Start of the latest cohort taken."""
    point_end_ms: int = -1
    """End of the latest point of the CUSUM."""
    thin: bool = False
    """Too little comes for the CUSUM to say anything."""
    memory_points: float = 360.0
    """How many of the CUSUM's points the baseline remembers."""
    lately: float = 0.0
    """The highest of what came lately, by the level: what `Season.usual` were if all of it were usual."""
    cusum: ShiftCusum = msgspec.field(default_factory=ShiftCusum)

    def remember(self, start_ms: int, x: Observation) -> None:
        """Keep a cohort among the recent ones."""
        self.latest_ms = start_ms
        self.recent.append(
            Cohort(
                start_ms,
                x.numerator_total,
                x.denominator_total,
                x.shown_total,
                x.shown_weight_total,
                x.n_total,
                x.variance_total,
                1.0 if x.season is None else x.season.usual,
            )
        )
        del self.recent[:-RECENT]

    def pooled(
        self, start_ms: int, end_ms: int, x: Observation, is_enough: Callable[[Observation], bool], longest_ms: int
    ) -> Observation | None:
        """Add a cohort to the pool, and take the pool out once it is a point.

        Args:
            start_ms: of the cohort.
            end_ms: of the cohort.
            x: what was observed in it.
            is_enough: whether a pool is a point.
            longest_ms: a pool that takes longer is too thin to watch, and is dropped.
        """
        if self.pool is None:
            self.pool, self.pool_start_ms = x, start_ms
        else:
            self.pool = self.pool.plus(x)
        point = None
        if is_enough(self.pool):
            point, self.pool = self.pool, None
            self.point_ms = end_ms - self.pool_start_ms
        elif end_ms - self.pool_start_ms > longest_ms:
            self.pool = None
        return point

    def begin_change(self, points: int, late_ms: int) -> None:
        """Date the change that has been found, and say what level it led to.

        Args:
            points: so many of those in quarantine are of the new level.
            late_ms: how late cohorts may show what has changed.
        """
        ago = min(points, len(self.quarantine))
        pooled = self.quarantine[-ago]
        for point in self.quarantine[-ago + 1 :] if ago > 1 else []:
            pooled = pooled.plus(point)
        self.changed = True
        self.changed_level = pooled.ratio
        self.after = self.quarantine[-ago:][-RECOVERY_POINTS:]
        level, variance = self.baseline.level, self.baseline.unit_variance(pooled)
        self.started_at_ms = first_changed(self.recent, level, pooled.ratio, variance)
        since = self.changed_cohorts()
        weight = sum(cohort.denominator for cohort in since)
        if weight:  # evidence began to gather by chance before the change: what came since the first date tells better
            self.changed_level = sum(cohort.numerator for cohort in since) / weight
            self.started_at_ms = first_changed(self.recent, level, self.changed_level, variance)
        earliest_ms = earliest_changed(self.recent, level, self.changed_level, variance)
        self.earliest_ms = None if earliest_ms is None else earliest_ms - late_ms
        self.quarantine = []

    def follow_change(self, point: Observation) -> None:
        """Keep what has come since the change was found."""
        self.after = [*self.after, point][-RECOVERY_POINTS:]

    def end_change(self) -> None:
        """Go on with the baseline as it is."""
        # What was looked at up to now belongs to this episode: the next one must not be dated into it.
        self.changed, self.after, self.quarantine, self.pool, self.recent = False, [], [], None, []

    @property
    def usual_now(self) -> float:
        """How much is usual at the time of the latest cohort: values that people see are so many times the level."""
        return self.recent[-1].usual if self.recent else 1.0

    @property
    def usual_since(self) -> float:
        """The same over the cohorts since the change."""
        cohorts = self.changed_cohorts()
        weight = sum(cohort.shown_weight for cohort in cohorts)
        return sum(cohort.shown_weight * cohort.usual for cohort in cohorts) / weight if weight else self.usual_now

    def changed_cohorts(self) -> list[Cohort]:
        """Give the recent cohorts since the change."""
        return [cohort for cohort in self.recent if cohort.start_ms >= self.started_at_ms]
