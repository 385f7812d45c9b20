"""The absence watch: events that are missing for longer than chance leaves them away."""

import math

from detectors.absence import AbsenceDetector
from detectors.observation import Observation
from detectors.watch import LEARN_POINTS, Watch
from detectors.watching import Verdict


class AbsenceWatch(Watch):
    """Counts the events that were due since the last one, by the level of the counts before."""

    _detector: AbsenceDetector

    def verdict(self) -> Verdict:
        """Say again what the latest cohort led to; a silence that has hardly begun is suspicious."""
        silent = self._detector.silent
        return Verdict(self._state.changed and silent, silent)

    def conclude(self) -> None:
        """The episode is over, or its pending condition came to nothing: a silence that goes on is still the same."""
        self._state.end_change()

    @property
    def threshold(self) -> float | None:
        """None: what counts is how long there was nothing."""
        return None

    @property
    def resolves_at(self) -> float | None:
        """Any event ends it."""
        return 0.0

    def _new_detector(self) -> AbsenceDetector:
        return AbsenceDetector(self.rule.settings.get("expected", math.inf))

    def _take(self, start_ms: int, end_ms: int, x: Observation) -> None:
        s = self._state
        detector = self._detector
        s.point_ms = end_ms - start_ms
        dispersion = self._dispersion(x)
        detector.expected = self._silence_expected(x, dispersion)
        if s.baseline.points >= LEARN_POINTS:  # a series that has hardly begun cannot be missed
            if not (x.numerator_total or detector.silent or s.changed):
                s.started_at_ms = start_ms
            detector.update(x.numerator_total, self._due(x) / dispersion)
            s.changed = s.changed or (detector.silent and detector.drift_detected)
        s.quarantine = [s.quarantine[0].plus(x) if s.quarantine else x]
        if x.numerator_total:
            # A silence that was chance belongs to the baseline: it is one point with the event that ended it. One
            # that was a change does not.
            s.baseline.learn(x if s.changed else s.quarantine[0], self._memory)
            s.quarantine = []

    @property
    def _memory(self) -> float:
        # However long cohorts are: a memory of fewer would never have learned enough.
        return max(super()._memory, 2 * LEARN_POINTS)

    def _dispersion(self, x: Observation) -> float:
        """Give by how much events come in bursts: silence then says less, as if fewer had been due."""
        baseline = self._state.baseline
        if baseline.points < 2 or baseline.level <= 0:
            return 1.0
        return max(1.0, baseline.unit_variance(x) / baseline.level)

    def _due(self, x: Observation) -> float:
        """Give how many events are due in a cohort: as many as came lately, or where that is less, as at this time."""
        baseline, season = self._state.baseline, x.season
        if season is None:
            return baseline.level * x.denominator_total
        return min(baseline.shown_level, baseline.level * season.least) * x.shown_weight_total

    def _silence_expected(self, x: Observation, dispersion: float) -> float:
        """Give how many events must have been due, so that chance is silent so long as rarely as promised.

        Each event begins a silence, which is longer than e events take with probability exp(−e); with a level that is
        known from m events only, (1 + e/m)^−m.
        """
        given = self.rule.settings.get("expected")
        if given is not None:
            return given
        baseline = self._state.baseline
        known = max(1.0, baseline.numerator / dispersion)
        weight = x.denominator_total
        if x.season is not None and baseline.shown_weight:  # as many silences begin as lately, whatever is due now
            weight = x.shown_weight_total * baseline.denominator / baseline.shown_weight
        per_s = baseline.event_level * (weight / dispersion) / max(1.0, self._state.point_ms / 1000)
        return known * math.expm1(math.log(max(math.e, per_s * self.false_alarm_every_s)) / known)
