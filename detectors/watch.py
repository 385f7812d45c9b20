"""A watch: one rule on one series. It compares cohorts with the series' own past and asks a detector.

    cohorts ─► counts: as they are; means: pooled until min_n ─► evidence in nats ─► CUSUM ─► changed ─► … ─► recovered
                                └─► adwin, page_hinkley: pooled until min_n ─► z = (x − level)/deviation ─┘

The CUSUM's threshold keeps the promise of how often chance alone may alarm; it moves only while there is no evidence.
The other detectors see standardised numbers from which the smallest change worth an alert has been taken off. New
points wait before they enter the baseline, so a change is not learned while it is being found; from detection until the
end of the episode the baseline is frozen.
"""

import math
from typing import Any, Final

import msgspec

from detectors.absence import AbsenceDetector
from detectors.adwin import AdwinDetector
from detectors.baseline import Baseline
from detectors.change_point import Cohort, earliest_changed, first_changed
from detectors.drift import Detector
from detectors.excursions import BELIEF, theory
from detectors.level_shift import Expectation
from detectors.observation import Observation
from detectors.page_hinkley import PageHinkleyDetector
from detectors.rules import Rule
from detectors.shift_cusum import ShiftCusum
from detectors.threshold import ThresholdDetector
from detectors.watching import OTHER_UNIT, Verdict, Words

LEARN_POINTS: Final = 20
"""Points before the first verdict: the baseline's own error is then below a quarter of a deviation."""
LEARN_POOLS: Final = 5
"""What they hold at least, in `min_n` of the rule."""
QUARANTINE: Final = 12
"""Pooled points that wait before they enter the baseline: longer than any change of interest takes to be found."""
WAITING: Final = 30
"""The same for points of the CUSUM."""
RECENT: Final = 120
"""Cohorts kept to date a change and to show its level."""
POOL_S: Final = 1800
"""A pool that takes longer than this to fill is too thin to watch, and is dropped."""
VOLUME: Final = "search_rate"
VOLUME_POOL_S: Final = 300
"""The same for the volume of searches: a baseline of longer points could not follow the time of day."""
LEAST_MEMORY: Final = 12
"""Points (the CUSUM: `min_n`) that a baseline remembers at least, whatever time they took."""
MEMORY_IN_DELAYS: Final = 12
"""A level is remembered for so many times what the smallest change takes to be found: it must not move with it."""
DELAY_NATS: Final = 10.0
LONGEST_MEMORY_S: Final = 6 * 3600
RECOVERY_POINTS: Final = 6
"""Cohorts that say at least whether a change is gone."""
RECOVERY_MOST: Final = 60
"""Cohorts that say it however unsure they are."""
PAGE_HINKLEY_DELTA: Final = 1.0
PAGE_HINKLEY_THRESHOLD: Final = 9.0
ADWIN_DELTA: Final = 1e-6
ALONE_S: Final = 30 * 24 * 3600
"""The promise of a watch that nobody gave a share of one."""


BREACHED: Final = Verdict(True, False)
CALM: Final = Verdict(False, False)


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
    cusum: ShiftCusum = msgspec.field(default_factory=ShiftCusum)


class Watch:
    """One rule on one (signal, series).

    Args:
        rule: what to look for.
        signal: the signal's name, one that the rule's pattern fits.
    """

    def __init__(self, rule: Rule, signal: str) -> None:
        self.rule = rule
        self.signal = signal
        self.false_alarm_every_s = float(rule.false_alarm_every_s or ALONE_S)
        """How often chance alone may alarm this watch; whoever has several gives each its share."""
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
        if self.rule.detector == "cusum" and x.counts:
            if x.denominator_total > 0:
                self._take_shift_point(end_ms, x)
            return self.verdict()
        if s.pool is None:
            s.pool, s.pool_start_ms = x, start_ms
        else:
            s.pool = s.pool.plus(x)
        if self._is_enough(s.pool):
            point, s.pool = s.pool, None
            s.point_ms = end_ms - s.pool_start_ms
            if point.denominator_total > 0 and self.rule.detector == "cusum":
                self._take_shift_point(end_ms, point)
            elif point.denominator_total > 0:
                self._take_point(point)
        elif end_ms - s.pool_start_ms > (VOLUME_POOL_S if self.signal == VOLUME else POOL_S) * 1000:
            s.pool = None
        return self.verdict()

    def verdict(self) -> Verdict:
        """Say again what the latest cohort led to."""
        s = self._state
        if isinstance(self._detector, AbsenceDetector):
            return Verdict(s.changed and self._detector.silent, self._detector.silent)
        return BREACHED if s.changed and not self._has_recovered() else CALM

    def conclude(self) -> None:
        """The episode is over, or its pending condition came to nothing: watch on with the baseline as it is."""
        s = self._state
        # What was looked at up to now belongs to this episode: the next one must not be dated into it.
        s.changed, s.after, s.quarantine, s.pool, s.recent = False, [], [], None, []
        s.cusum.clear()
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
        return s.baseline.level + self._sign * self._nearly_back(max(self._latest()[1], 1e-18))

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
        detector.expected = self._silence_expected(x)
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

    def _silence_expected(self, x: Observation) -> float:
        """Give how many events must have been due, so that chance is silent so long as rarely as promised.

        Each event begins a silence, which is longer than e events take with probability exp(−e); with a level that is
        known from m events only, (1 + e/m)^−m.
        """
        given = self.rule.settings.get("expected")
        if given is not None:
            return given
        baseline = self._state.baseline
        dispersion = max(1.0, baseline.unit_variance(x) / baseline.level) if baseline.level > 0 else 1.0
        known = max(1.0, baseline.numerator / dispersion)
        per_s = baseline.event_level * (x.denominator_total / dispersion) / max(1.0, self._state.point_ms / 1000)
        return known * math.expm1(math.log(max(math.e, per_s * self.false_alarm_every_s)) / known)

    def _take_shift_point(self, end_ms: int, point: Observation) -> None:
        s = self._state
        baseline, cusum = s.baseline, s.cusum
        interval_ms = min(end_ms - s.point_end_ms if s.point_end_ms >= 0 else s.point_ms, POOL_S * 1000)
        s.point_end_ms = end_ms
        if s.changed:
            s.after = [*s.after, point][-RECOVERY_POINTS:]
            return
        if baseline.points < LEARN_POINTS or baseline.n < LEARN_POOLS * self.rule.min_n:
            baseline.learn(point, LEAST_MEMORY * LEARN_POINTS, interval_ms)
            return
        s.quarantine.append(point)
        if cusum.refresh <= 0:
            self._refresh(point)
        if not s.thin:
            cusum.excursions.watch(interval_ms, 1000 * self.false_alarm_every_s)
            if cusum.update(point.numerator_total, point.denominator_total, baseline.denominator):
                self._begin_change(cusum.run)
                cusum.alarmed()
                return
        if len(s.quarantine) > WAITING:
            baseline.learn(s.quarantine.pop(0), s.memory_points, interval_ms)

    def _refresh(self, point: Observation) -> None:
        """Work out what points say from here on, and while there is no evidence the threshold for it."""
        s = self._state
        baseline, cusum = s.baseline, s.cusum
        variance, freedom = baseline.long_run_variance(point)
        expectation = self._expectation(point, variance)
        cusum.expect(*expectation.evidence(counts=point.counts))
        s.thin = self._is_thin()
        if s.thin:
            cusum.clear()
            cusum.refresh = 0  # no update counts it down: the next point looks again whether enough comes
        if cusum.rethink > 0 or not cusum.is_quiet:
            return
        steps = expectation.steps(baseline.denominator / baseline.points, counts=point.counts)
        s.memory_points = self._shift_memory(steps[0])
        if "threshold" in self.rule.settings:
            cusum.threshold = self.rule.settings["threshold"]
            return
        belief = min(BELIEF, freedom / 2)
        cusum.rethink_threshold(1000 * self.false_alarm_every_s, theory(steps, baseline.interval_ms), belief)

    def _expectation(self, point: Observation, variance: float) -> Expectation:
        baseline = self._state.baseline
        effect = self._effect(point)
        if effect <= 0:  # any change is worth an alert: look for what is found soon
            effect = 0.5 * math.sqrt(variance * baseline.points / baseline.denominator)
        level = baseline.event_level if point.counts else baseline.level
        return Expectation(level, variance, effect, self._sign)

    def _shift_memory(self, step: float) -> float:
        """Give how many points the baseline remembers, where the smallest change moves one by `step` deviations."""
        baseline = self._state.baseline
        points_per_s = 1000 / max(1.0, baseline.interval_ms)
        least = LEAST_MEMORY * self.rule.min_n * baseline.points / baseline.n
        memory = max(self.rule.memory_s * points_per_s, least, LEARN_POINTS)
        if self.signal != VOLUME:  # which must follow the time of day, and is found soon
            delays = MEMORY_IN_DELAYS * 2 * DELAY_NATS / (step * step)
            memory = max(memory, min(delays, LONGEST_MEMORY_S * points_per_s))
        return memory

    def _is_thin(self) -> bool:
        """Whether `min_n` takes too long to come."""
        baseline = self._state.baseline
        longest_ms = 1000 * (VOLUME_POOL_S if self.signal == VOLUME else POOL_S)
        return baseline.n / baseline.points * longest_ms < self.rule.min_n * baseline.interval_ms

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
            self._begin_change(self._changed_points())
        elif len(s.quarantine) > QUARANTINE:
            s.baseline.learn(s.quarantine.pop(0), self._memory)

    def _hold_against_limit(self, point: Observation) -> None:
        """Compare the value that people are shown: it is what they set the limit for."""
        s = self._state
        self._detector.update(point.shown)
        s.quarantine = [*s.quarantine, point][-QUARANTINE:]
        if self._detector.drift_detected:
            self._begin_change(self._changed_points())
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

    def _changed_points(self) -> int:
        return self._detector.change.updates_ago if self._detector.change else 1

    def _begin_change(self, points: int) -> None:
        s = self._state
        ago = min(points, len(s.quarantine))
        pooled = s.quarantine[-ago]
        for point in s.quarantine[-ago + 1 :] if ago > 1 else []:
            pooled = pooled.plus(point)
        s.changed = True
        s.changed_level = pooled.ratio
        s.after = s.quarantine[-ago:][-RECOVERY_POINTS:]
        level, variance = s.baseline.level, s.baseline.unit_variance(pooled)
        s.started_at_ms = first_changed(s.recent, level, pooled.ratio, variance)
        since = self._changed_cohorts()
        weight = sum(cohort.denominator for cohort in since)
        if weight:  # evidence began to gather by chance before the change: what came since the first date tells better
            s.changed_level = sum(cohort.numerator for cohort in since) / weight
            s.started_at_ms = first_changed(s.recent, level, s.changed_level, variance)
        # Exposure is pooled before it is compared, so it shows a change late by as long as that takes.
        late_ms = s.point_ms if self.signal == "exposure_js" else 0
        earliest_ms = earliest_changed(s.recent, level, s.changed_level, variance)
        s.earliest_ms = None if earliest_ms is None else earliest_ms - late_ms
        s.quarantine = []

    def _has_recovered(self) -> bool:
        s = self._state
        if not s.after:
            return False
        if self.rule.detector == "threshold":
            beyond = (s.after[-1].shown - self.rule.settings["limit"]) * self._sign
            return beyond <= 0
        ratio, weight = self._latest()
        return weight > 0 and (ratio - s.baseline.level) * self._sign < self._nearly_back(weight)

    def _nearly_back(self, weight: float) -> float:
        """How far from the level before the signal may still be to count as back, seen over so much weight."""
        s, point = self._state, self._state.after[-1]
        shift = (s.changed_level - s.baseline.level) * self._sign
        deviation = math.sqrt(s.baseline.unit_variance(point) * (1 / weight + 1 / s.baseline.denominator))
        # Half the way back is not back, where what is left would be worth an alert and is no chance.
        return min(shift / 2, max(self._effect(point) / 2, 3 * deviation))

    def _latest(self) -> tuple[float, float]:
        """Give the ratio over as many cohorts as tell whether the shift is there or gone, and their weight."""
        s = self._state
        shift = s.changed_level - s.baseline.level
        wanted = 16 * s.baseline.long_run_variance(s.after[-1])[0] / max(shift * shift, 1e-18)
        numerator = weight = 0.0
        for i, cohort in enumerate(reversed(s.recent)):
            if cohort.start_ms < s.started_at_ms or i >= RECOVERY_MOST or (i >= RECOVERY_POINTS and weight >= wanted):
                break
            numerator += cohort.numerator
            weight += cohort.denominator
        return (numerator / weight if weight else 0.0), weight

    def _changed_cohorts(self) -> list[Cohort]:
        return [cohort for cohort in self._state.recent if cohort.start_ms >= self._state.started_at_ms]

    def _shows_what_it_compares(self) -> bool:
        return self.signal not in OTHER_UNIT


def _detector(rule: Rule) -> Detector:
    settings = rule.settings
    if rule.detector == "absence":
        return AbsenceDetector(settings.get("expected", math.inf))
    if rule.detector == "threshold":
        return ThresholdDetector(rule.direction, settings["limit"])
    if rule.detector == "adwin":
        return AdwinDetector(rule.direction, settings.get("delta", ADWIN_DELTA))
    return PageHinkleyDetector(
        rule.direction,
        settings.get("delta", PAGE_HINKLEY_DELTA),
        settings.get("threshold", PAGE_HINKLEY_THRESHOLD),
    )
