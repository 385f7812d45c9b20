"""A watch: one rule on one series. It pools cohorts, compares them with the series' own past and asks a detector.

    cohorts ─► pool until min_n ─► z = (x − level)/deviation ─► detector ─► changed ─► … ─► recovered

The detector sees only standardised numbers from which the smallest change worth an alert has been taken off, so one
setting of it serves every signal at every traffic. New points wait in quarantine before they enter the baseline, so a
change is not learned while it is being found; from detection until the end of the episode the baseline is frozen.
"""

import math
from typing import Any, Final

import msgspec

from detectors.absence import AbsenceDetector
from detectors.adwin import AdwinDetector
from detectors.baseline import Baseline
from detectors.change_point import Cohort, earliest_changed, first_changed
from detectors.drift import Detector
from detectors.observation import Observation
from detectors.page_hinkley import PageHinkleyDetector
from detectors.rules import Rule
from detectors.threshold import ThresholdDetector
from detectors.watching import OTHER_UNIT, Verdict, Words

LEARN_POINTS: Final = 20
"""Pooled points before the first verdict: the baseline's own error is then below a quarter of a deviation."""
QUARANTINE: Final = 12
"""Pooled points that wait before they enter the baseline: longer than any change of interest takes to be found."""
RECENT: Final = 120
"""Cohorts kept to date a change and to show its level."""
POOL_S: Final = 1800
"""A pool that takes longer than this to fill is too thin to watch, and is dropped."""
VOLUME: Final = "search_rate"
VOLUME_POOL_S: Final = 300
"""The same for the volume of searches: a baseline of longer points could not follow the time of day."""
LEAST_MEMORY: Final = 12
"""Points that a baseline remembers at least, whatever time they took."""
RECOVERY_POINTS: Final = 6
"""Pooled points whose mean says whether a change is gone."""
PAGE_HINKLEY_DELTA: Final = 1.0
PAGE_HINKLEY_THRESHOLD: Final = 9.0
"""False alarms of the default rules with these are measured in tests/unit/detect/test_false_alarms.py."""
ADWIN_DELTA: Final = 1e-6


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


class Watch:
    """One rule on one (signal, series).

    Args:
        rule: what to look for.
        signal: the signal's name, one that the rule's pattern fits.
    """

    def __init__(self, rule: Rule, signal: str) -> None:
        self.rule = rule
        self.signal = signal
        self._sign = 1.0 if rule.direction == "up" else -1.0
        self.restart()

    def restart(self) -> None:
        """Forget everything: the series begins anew."""
        self._detector = _detector(self.rule)
        self._state = WatchState()

    def update(self, start_ms: int, end_ms: int, x: Observation) -> Verdict:
        """Take a cohort and say whether the rule's condition holds now.

        A cohort not later than the one before is ignored.
        """
        s = self._state
        if start_ms <= s.latest_ms:
            return self.verdict()
        s.latest_ms = start_ms
        s.recent.append(
            Cohort(
                start_ms,
                x.numerator_total,
                x.denominator_total,
                x.shown_total,
                x.shown_weight_total,
                x.n_total,
                x.variance_total,
            )
        )
        del s.recent[:-RECENT]
        if self.rule.detector == "absence":
            self._take_count(start_ms, x)
            return self.verdict()
        if s.pool is None:
            s.pool, s.pool_start_ms = x, start_ms
        else:
            s.pool = s.pool.plus(x)
        if self._is_enough(s.pool):
            point, s.pool = s.pool, None
            s.point_ms = end_ms - s.pool_start_ms
            if point.denominator_total > 0:
                self._take_point(point)
        elif end_ms - s.pool_start_ms > (VOLUME_POOL_S if self.signal == VOLUME else POOL_S) * 1000:
            s.pool = None
        return self.verdict()

    def verdict(self) -> Verdict:
        """Say again what the latest cohort led to."""
        s = self._state
        if isinstance(self._detector, AbsenceDetector):
            return Verdict(s.changed and self._detector.silent, self._detector.silent)
        return Verdict(s.changed and not self._has_recovered(), False)

    def conclude(self) -> None:
        """The episode is over, or its pending condition came to nothing: watch on with the baseline as it is."""
        s = self._state
        # What was looked at up to now belongs to this episode: the next one must not be dated into it.
        s.changed, s.after, s.quarantine, s.pool, s.recent = False, [], [], None, []
        if self.rule.detector != "absence":
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
        return self._state.baseline.shown_level

    @property
    def value(self) -> float | None:
        """The level since the change, in the signal's unit."""
        total = weight = 0.0
        for cohort in self._changed_cohorts():
            total += cohort.shown
            weight += cohort.shown_weight
        return total / weight if weight else None

    @property
    def n(self) -> int:
        """Units that the level since the change rests on."""
        return sum(cohort.n for cohort in self._changed_cohorts())

    @property
    def standard_error(self) -> float | None:
        """Standard error of the level since the change; None where the shown value is not what is compared."""
        cohorts, baseline = self._changed_cohorts(), self._state.baseline
        weight = sum(cohort.denominator for cohort in cohorts)
        if not self._shows_what_it_compares() or not weight:
            return None
        sampling = sum(cohort.variance for cohort in cohorts) / weight**2
        return math.sqrt(max(sampling, baseline.scatter_per_unit / weight))

    @property
    def threshold(self) -> float | None:
        """The level at which a change begins to count as evidence; None where it is not in the signal's unit."""
        s = self._state
        if self.rule.detector == "threshold":
            return self.rule.settings["limit"]
        if not self._shows_what_it_compares() or self.rule.detector == "absence":
            return None
        return s.baseline.level + self._sign * self._effect(s.after[0] if s.after else None) / 2

    @property
    def resolves_at(self) -> float | None:
        """The value that the signal must pass on its way back, while it is away; None where it is in another unit."""
        s = self._state
        if self.rule.detector == "threshold":
            return self.rule.settings["limit"]
        if self.rule.detector == "absence":
            return 0.0
        if not s.after or not self._shows_what_it_compares():
            return None
        return s.baseline.level + self._sign * self._nearly_back()

    def state(self) -> dict[str, Any]:
        """Give everything that `restore` needs, as plain numbers."""
        return {"watch": msgspec.to_builtins(self._state), "detector": self._detector.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up where another watch of the same rule gave its `state`."""
        self._state = msgspec.convert(state["watch"], WatchState)
        self._detector.restore(state["detector"])

    @property
    def _memory(self) -> float:
        """How many points the baseline remembers."""
        return max(LEAST_MEMORY, self.rule.memory_s * 1000 / self._state.point_ms)

    def _is_enough(self, pool: Observation) -> bool:
        baseline = self._state.baseline
        if self.signal == VOLUME and baseline.points >= 1:
            # A rate must not be pooled until enough events came, or fast cohorts would be heard more often.
            return baseline.level * pool.denominator_total >= self.rule.min_n
        return pool.n_total >= self.rule.min_n

    def _take_count(self, start_ms: int, x: Observation) -> None:
        s = self._state
        detector = self._detector
        assert isinstance(detector, AbsenceDetector)  # noqa: S101  (built so by _detector)
        dispersion = 1.0
        if s.baseline.points >= 2 and s.baseline.level > 0:
            # Events in bursts: silence says less, as if fewer had been due.
            dispersion = max(1.0, s.baseline.unit_variance(x) / s.baseline.level)
        if s.baseline.points >= LEARN_POINTS:  # a series that has hardly begun cannot be missed
            if not (x.numerator_total or detector.silent or s.changed):
                s.started_at_ms = start_ms
            detector.update(x.numerator_total, s.baseline.level * x.denominator_total / dispersion)
            s.changed = s.changed or (detector.silent and detector.drift_detected)
        s.quarantine = [s.quarantine[0].plus(x) if s.quarantine else x]
        if x.numerator_total:
            # A silence that was chance belongs to the baseline: it is one point with the event that ended it. One
            # that was a change does not.
            s.baseline.learn(x if s.changed else s.quarantine[0], self._memory)
            s.quarantine = []

    def _take_point(self, point: Observation) -> None:
        s = self._state
        if s.changed:
            s.after = [*s.after, point][-RECOVERY_POINTS:]
            return
        if self.rule.detector == "threshold":
            self._hold_against_limit(point)
            return
        if s.baseline.points < LEARN_POINTS:
            s.baseline.learn(point, self._memory)
            return
        self._detector.update(self._surprise(point))
        s.quarantine.append(point)
        if self._detector.drift_detected:
            self._begin_change()
        elif len(s.quarantine) > QUARANTINE:
            s.baseline.learn(s.quarantine.pop(0), self._memory)

    def _hold_against_limit(self, point: Observation) -> None:
        """Compare the value that people are shown: it is what they set the limit for."""
        s = self._state
        self._detector.update(point.shown)
        s.quarantine = [*s.quarantine, point][-QUARANTINE:]
        if self._detector.drift_detected:
            self._begin_change()
        else:
            s.baseline.learn(point, self._memory)

    def _surprise(self, point: Observation) -> float:
        """How many deviations a point lies from the level, less what is too small a change to matter.

        Half the smallest effect is taken off towards zero, as the reference value of a CUSUM for a shift of that
        size (Page 1954); the detector's delta of one deviation is part of it. What is left is clipped, so that no
        single point can be all the evidence.
        """
        deviation = self._state.baseline.deviation(point)
        z = (point.ratio - self._state.baseline.level) / deviation
        off = max(0.0, self._effect(point) / 2 / deviation - PAGE_HINKLEY_DELTA)
        most = PAGE_HINKLEY_DELTA + PAGE_HINKLEY_THRESHOLD / 2
        return math.copysign(min(most, max(0.0, abs(z) - off)), z)

    def _effect(self, point: Observation | None) -> float:
        effect = self.rule.settings.get("min_effect", 0.0)
        level = self._state.baseline.level
        if self.rule.settings.get("relative"):
            return effect * abs(level)
        if point is not None and point.root_n:
            return math.sqrt(level * level + point.root_n * effect) - level
        return effect

    def _begin_change(self) -> None:
        s = self._state
        change = self._detector.change
        ago = min(change.updates_ago if change else 1, len(s.quarantine))
        pooled = s.quarantine[-ago]
        for point in s.quarantine[-ago + 1 :] if ago > 1 else []:
            pooled = pooled.plus(point)
        s.changed = True
        s.changed_level = pooled.ratio
        s.after = s.quarantine[-ago:][-RECOVERY_POINTS:]
        levels = s.baseline.level, pooled.ratio, s.baseline.unit_variance(pooled)
        s.started_at_ms = first_changed(s.recent, *levels)
        # Exposure is pooled before it is compared, so it shows a change late by as long as that takes.
        late_ms = s.point_ms if self.signal == "exposure_js" else 0
        s.earliest_ms = earliest_changed(s.recent, *levels) - late_ms
        s.quarantine = []

    def _has_recovered(self) -> bool:
        s = self._state
        if not s.after:
            return False
        if self.rule.detector == "threshold":
            beyond = (s.after[-1].shown - self.rule.settings["limit"]) * self._sign
            return beyond <= 0
        return (self._pooled_after().ratio - s.baseline.level) * self._sign < self._nearly_back()

    def _pooled_after(self) -> Observation:
        first, *others = self._state.after
        for point in others:
            first = first.plus(point)
        return first

    def _nearly_back(self) -> float:
        """How far from the level before the signal may still be to count as back."""
        s, pooled = self._state, self._pooled_after()
        shift = (s.changed_level - s.baseline.level) * self._sign
        # Half the way back is not back, where what is left would be worth an alert and is no chance.
        left = max(self._effect(pooled) / 2, 3 * s.baseline.deviation(pooled))
        return min(shift / 2, left)

    def _changed_cohorts(self) -> list[Cohort]:
        return [cohort for cohort in self._state.recent if cohort.start_ms >= self._state.started_at_ms]

    def _shows_what_it_compares(self) -> bool:
        return self.signal not in OTHER_UNIT


def _detector(rule: Rule) -> Detector:
    settings = rule.settings
    if rule.detector == "absence":
        return AbsenceDetector(settings["expected"])
    if rule.detector == "threshold":
        return ThresholdDetector(rule.direction, settings["limit"])
    if rule.detector == "adwin":
        return AdwinDetector(rule.direction, settings.get("delta", ADWIN_DELTA))
    return PageHinkleyDetector(
        rule.direction,
        settings.get("delta", PAGE_HINKLEY_DELTA),
        settings.get("threshold", PAGE_HINKLEY_THRESHOLD),
    )
