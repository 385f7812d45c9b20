"""The shift watch: evidence that a level has moved for good, summed up by CUSUMs.

The threshold keeps the promise of how often chance alone may alarm; it moves only while there is no evidence.
"""

import math
from typing import Final

import msgspec

from detectors.drift import Detector
from detectors.excursions import BELIEF, theory
from detectors.level_shift import Expectation
from detectors.observation import Observation
from detectors.page_hinkley import PageHinkleyDetector
from detectors.season import highest_lately
from detectors.watch import LEARN_POINTS, LEAST_MEMORY, POOL_S, VOLUME, Watch

LEARN_POOLS: Final = 5
"""What the points before the first verdict hold at least, in `min_n` of the rule."""
WAITING: Final = 30
"""Points that wait before they enter the baseline, at least."""
HELD: Final = 120
"""Points that wait at most: while there is evidence, what has come since it began may be the change."""
KNOWN_BLOCKS: Final = 8
"""Stretches of 64 points from which it is known how the level wanders. Before that nothing is held back: a level that
wanders must be followed, as nothing else tells it from a shift."""
MEMORY_IN_DELAYS: Final = 12
"""A level is remembered for so many times what the smallest change takes to be found: it must not move with it."""
DELAY_NATS: Final = 10.0
LONGEST_MEMORY_S: Final = 6 * 3600


class ShiftWatch(Watch):
    """Takes counts as they come and means pooled, each with what it says for a shift of the level."""

    def conclude(self) -> None:
        """The episode is over, or its pending condition came to nothing: watch on with the baseline as it is."""
        super().conclude()
        self._state.cusum.clear()

    def _new_detector(self) -> Detector:
        # Never asked: the evidence is in the watch's state, whose format has a place for a detector besides.
        return PageHinkleyDetector(self.rule.direction)

    def _take(self, start_ms: int, end_ms: int, x: Observation) -> None:
        point = x if x.counts else self._pooled(start_ms, end_ms, x)
        if point is not None and point.denominator_total > 0:
            self._take_point(end_ms, point)

    def _take_point(self, end_ms: int, point: Observation) -> None:
        s = self._state
        baseline, cusum = s.baseline, s.cusum
        interval_ms = min(end_ms - s.point_end_ms if s.point_end_ms >= 0 else s.point_ms, POOL_S * 1000)
        s.point_end_ms = end_ms
        if s.changed:
            s.follow_change(point)
            return
        if baseline.points < LEARN_POINTS or baseline.n < LEARN_POOLS * self.rule.min_n:
            baseline.learn(point, LEAST_MEMORY * LEARN_POINTS, interval_ms)
            return
        s.quarantine.append(point)
        if cusum.refresh <= 0:
            self._refresh(point)
        if not s.thin:
            cusum.excursions.watch(interval_ms, 1000 * self.false_alarm_every_s)
            if cusum.update(point.numerator_total, self._weight(point), baseline.denominator):
                self._begin_change(cusum.run)
                cusum.alarmed()
                return
        for _ in range(min(2, len(s.quarantine) - self._waiting())):  # two make up for what was held back
            baseline.learn(self._learnable(s.quarantine.pop(0)), s.memory_points, interval_ms)

    def _learnable(self, point: Observation) -> Observation:
        """Give a point as the level learns it: a morning that came early is no higher level to fall from."""
        season, level = point.season, self._state.baseline.level
        if season is None or season.is_sure or self._sign > 0:
            return point
        weight = season.weight_learned(point.numerator_total, point.denominator_total, level)
        return msgspec.structs.replace(point, denominator_total=weight)

    def _weight(self, point: Observation) -> float:
        """Give what a point's events are held against: what is usual at its time of day explains changes, no more.

        It demands none: where a morning brings less than others did, that is held against what came lately.
        """
        season = point.season
        if season is None:
            return point.denominator_total
        lately = self._state.lately * point.shown_weight_total
        if self._sign > 0:
            return max(point.denominator_total * season.high, lately)
        return min(point.denominator_total * season.low, lately)

    def _waiting(self) -> int:
        """Give how many points wait before they are learned."""
        knows_wander = self._state.baseline.longer.lengths[-1].blocks >= KNOWN_BLOCKS
        if (
            self.signal == VOLUME or not knows_wander
        ):  # volume must follow the time of day, see `day_around.WAIT_COHORTS`
            return WAITING
        return max(WAITING, min(HELD, self._state.cusum.longest_run))

    def _refresh(self, point: Observation) -> None:
        """Work out what points say from here on, and while there is no evidence the threshold for it."""
        s = self._state
        baseline, cusum = s.baseline, s.cusum
        if point.season is not None:
            highest = highest_lately(s.recent) if self._sign < 0 else 0.0
            s.lately = max(baseline.shown_level, highest) / max(baseline.level, 1e-9)
        variance, freedom = baseline.long_run_variance(point)
        expectation = self._expectation(point, variance)
        cusum.expect(*expectation.evidence(counts=point.counts))
        s.thin = self._is_thin()
        if s.thin:
            cusum.clear()
            cusum.refresh = 0  # no update counts it down: the next point looks again whether enough comes
            cusum.rethink -= 1  # nor this: what is remembered is thought over in a night as well
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
        return baseline.n / baseline.points * self._longest_pool_ms < self.rule.min_n * baseline.interval_ms
