"""A watch of a signal's level: one rule on one series. It compares cohorts with what the series was like before.

What all of them do alike is here: cohorts are remembered, a change is dated, its level shown, and looked at until it
is gone. Each kind, in a file of its own, says what a cohort means to it:

    absence_watch ── counts: how many events were due in this silence?
    shift_watch ──── counts as they are, means pooled until min_n ─► evidence in nats ─► CUSUM
    drift_watch ──── pooled until min_n ─► z = (x − level)/deviation ─► adwin, page_hinkley
    limit_watch ──── pooled until min_n ─► beyond a limit that somebody has set?

New points wait before they enter the baseline, so a change is not learned while it is being found; from detection
until the end of the episode the baseline is frozen.
"""

import math
from abc import ABC, abstractmethod
from typing import Any, Final

import msgspec

from detectors.drift import Detector
from detectors.observation import Observation
from detectors.recovery import level_lately, nearly_back
from detectors.rules import Rule
from detectors.watch_state import WatchState
from detectors.watching import OTHER_UNIT, Verdict, Words

LEARN_POINTS: Final = 20
"""Points before the first verdict: the baseline's own error is then below a quarter of a deviation."""
QUARANTINE: Final = 12
"""Pooled points that wait before they enter the baseline: longer than any change of interest takes to be found."""
POOL_S: Final = 1800
"""A pool that takes longer than this to fill is too thin to watch, and is dropped."""
VOLUME: Final = "search_rate"
VOLUME_POOL_S: Final = 300
"""The same for the volume of searches: a baseline of longer points could not follow the time of day."""
LEAST_MEMORY: Final = 12
"""Points (the CUSUM: `min_n`) that a baseline remembers at least, whatever time they took."""
ALONE_S: Final = 30 * 24 * 3600
"""The promise of a watch that nobody gave a share of one."""

BREACHED: Final = Verdict(True, False)
CALM: Final = Verdict(False, False)


class Watch(ABC):
    """One rule on one (signal, series).

    Args:
        rule: what to look for.
        signal: the signal's name, one that the rule's pattern fits.
    """

    _detector: Detector

    def __init__(self, rule: Rule, signal: str) -> None:
        self.rule = rule
        self.signal = signal
        self.false_alarm_every_s = float(rule.false_alarm_every_s or ALONE_S)
        """How often chance alone may alarm this watch; whoever has several gives each its share."""
        self._sign = 1.0 if rule.direction == "up" else -1.0
        self.restart()

    @abstractmethod
    def _new_detector(self) -> Detector:
        """Build the detector, without anything seen."""

    @abstractmethod
    def _take(self, start_ms: int, end_ms: int, x: Observation) -> None:
        """Take a cohort that is later than the one before."""

    def restart(self) -> None:
        """Forget everything: the series begins anew."""
        self._detector = self._new_detector()
        self._state = WatchState()

    def update(self, start_ms: int, end_ms: int, x: Observation) -> Verdict:
        """Take a cohort and say whether the rule's condition holds now.

        A cohort not later than the one before is ignored.
        """
        if start_ms > self._state.latest_ms:
            self._state.remember(start_ms, x)
            self._take(start_ms, end_ms, x)
        return self.verdict()

    def verdict(self) -> Verdict:
        """Say again what the latest cohort led to."""
        return BREACHED if self._state.changed and not self._has_recovered() else CALM

    def conclude(self) -> None:
        """The episode is over, or its pending condition came to nothing: watch on with the baseline as it is."""
        self._state.end_change()
        self._detector.reset()

    def accept(self) -> None:
        """The change is the new level: learn it from the beginning."""
        self.restart()

    @property
    def words(self) -> Words:
        """What the alert's sentence says besides: nothing."""
        return Words()

    @property
    def contributions(self) -> list[tuple[str, float]]:
        """Nothing: it is about one signal."""
        return []

    @property
    def started_at_ms(self) -> int:
        """Estimated time of the change, while there is one."""
        return self._state.started_at_ms

    @property
    def earliest_start_ms(self) -> int | None:
        """When the change began at the earliest; None where that is not known."""
        return self._state.earliest_ms

    @property
    def expected(self) -> float:
        """The level before the change, in the signal's unit."""
        s = self._state
        return s.baseline.level * s.usual_since if self.signal == VOLUME else s.baseline.shown_level

    @property
    def value(self) -> float | None:
        """The level since the change, in the signal's unit."""
        total = weight = 0.0
        for cohort in self._state.changed_cohorts():
            total += cohort.shown
            weight += cohort.shown_weight
        return total / weight if weight else None

    @property
    def n(self) -> int:
        """Units that the level since the change rests on."""
        return sum(cohort.n for cohort in self._state.changed_cohorts())

    @property
    def standard_error(self) -> float | None:
        """Standard error of the level since the change; None where the shown value is not what is compared."""
        cohorts, baseline = self._state.changed_cohorts(), self._state.baseline
        weight = sum(cohort.denominator for cohort in cohorts)
        if not self._shows_what_it_compares() or not weight:
            return None
        sampling = sum(cohort.variance for cohort in cohorts) / weight**2
        return math.sqrt(max(sampling, baseline.scatter_per_unit / weight)) * self._state.usual_since

    @property
    def threshold(self) -> float | None:
        """The level at which a change begins to count as evidence; None where it is not in the signal's unit."""
        s = self._state
        if not self._shows_what_it_compares():
            return None
        return (s.baseline.level + self._sign * self._effect(s.after[0] if s.after else None) / 2) * s.usual_now

    @property
    def resolves_at(self) -> float | None:
        """The value that the signal must pass on its way back, while it is away; None where it is in another unit."""
        s = self._state
        if not s.after or not self._shows_what_it_compares():
            return None
        return (s.baseline.level + self._sign * self._nearly_back(max(level_lately(s)[1], 1e-18))) * s.usual_now

    def state(self) -> dict[str, Any]:
        """Give everything that `restore` needs, as plain numbers."""
        return {
            "watch": msgspec.to_builtins(self._state),
            "detector": self._detector.state(),
            "false_alarm_every_s": self.false_alarm_every_s,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up where another watch of the same rule gave its `state`."""
        self._state = msgspec.convert(state["watch"], WatchState)
        self._detector.restore(state["detector"])
        self.false_alarm_every_s = state.get("false_alarm_every_s", self.false_alarm_every_s)

    @property
    def _memory(self) -> float:
        """How many points the baseline remembers."""
        return max(LEAST_MEMORY, self.rule.memory_s * 1000 / self._state.point_ms)

    @property
    def _longest_pool_ms(self) -> int:
        return 1000 * (VOLUME_POOL_S if self.signal == VOLUME else POOL_S)

    def _pooled(self, start_ms: int, end_ms: int, x: Observation) -> Observation | None:
        """Pool cohorts until the rule has enough of them; give the point that this one completes."""
        return self._state.pooled(start_ms, end_ms, x, self._is_enough, self._longest_pool_ms)

    def _pooled_to_judge(self, start_ms: int, end_ms: int, x: Observation) -> Observation | None:
        """Pool cohorts; give a point that says whether there is a change, None also while one is followed."""
        point = self._pooled(start_ms, end_ms, x)
        if point is None or point.denominator_total <= 0:
            return None
        if self._state.changed:
            self._state.follow_change(point)
            return None
        return point

    def _is_enough(self, pool: Observation) -> bool:
        baseline = self._state.baseline
        if self.signal == VOLUME and baseline.points >= 1:
            # A rate must not be pooled until enough events came, or fast cohorts would be heard more often.
            return baseline.level * pool.denominator_total >= self.rule.min_n
        return pool.n_total >= self.rule.min_n

    def _effect(self, point: Observation | None) -> float:
        effect = self.rule.settings.get("min_effect", 0.0)
        level = self._state.baseline.level
        if self.rule.settings.get("relative"):
            return effect * abs(level)
        if point is not None and point.root_n:
            return math.sqrt(level * level + point.root_n * effect) - level
        return effect

    def _begin_change(self, points: int) -> None:
        # Exposure is pooled before it is compared, so it shows a change late by as long as that takes.
        self._state.begin_change(points, self._state.point_ms if self.signal == "exposure_js" else 0)

    def _has_recovered(self) -> bool:
        s = self._state
        if not s.after:
            return False
        ratio, weight = level_lately(s)
        return weight > 0 and (ratio - s.baseline.level) * self._sign < self._nearly_back(weight)

    def _nearly_back(self, weight: float) -> float:
        return nearly_back(self._state, self._sign, self._effect(self._state.after[-1]), weight)

    def _shows_what_it_compares(self) -> bool:
        return self.signal not in OTHER_UNIT
