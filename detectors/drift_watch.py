"""The drift watch: standardised surprises, pooled until they are enough, shown to a detector of drift."""

import math
from typing import Final

from detectors.adwin import AdwinDetector
from detectors.drift import Detector, updates_since
from detectors.observation import Observation
from detectors.page_hinkley import PageHinkleyDetector
from detectors.watch import LEARN_POINTS, QUARANTINE, Watch

PAGE_HINKLEY_DELTA: Final = 1.0
PAGE_HINKLEY_THRESHOLD: Final = 9.0
ADWIN_DELTA: Final = 1e-6


class DriftWatch(Watch):
    """Asks ADWIN or Page–Hinkley about numbers that have no unit.

    The smallest change worth an alert has been taken off them, so that both look for the same.
    """

    def _new_detector(self) -> Detector:
        settings, direction = self.rule.settings, self.rule.direction
        if self.rule.detector == "adwin":
            return AdwinDetector(direction, settings.get("delta", ADWIN_DELTA))
        return PageHinkleyDetector(
            direction,
            settings.get("delta", PAGE_HINKLEY_DELTA),
            settings.get("threshold", PAGE_HINKLEY_THRESHOLD),
        )

    def _take(self, start_ms: int, end_ms: int, x: Observation) -> None:
        s = self._state
        point = self._pooled_to_judge(start_ms, end_ms, x)
        if point is None:
            return
        if s.baseline.points < LEARN_POINTS:
            s.baseline.learn(point, self._memory)
            return
        self._detector.update(self._surprise(point))
        s.quarantine.append(point)
        if self._detector.drift_detected:
            self._begin_change(updates_since(self._detector))
        elif len(s.quarantine) > QUARANTINE:
            s.baseline.learn(s.quarantine.pop(0), self._memory)

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
