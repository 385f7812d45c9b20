"""The limit watch: values beyond a limit that somebody has set, whatever they were before."""

from detectors.drift import Detector, updates_since
from detectors.observation import Observation
from detectors.threshold import ThresholdDetector
from detectors.watch import QUARANTINE, Watch


class LimitWatch(Watch):
    """Compares the value that people are shown: it is what they set the limit for."""

    @property
    def threshold(self) -> float | None:
        """The limit."""
        return self.rule.settings["limit"]

    @property
    def resolves_at(self) -> float | None:
        """The limit again."""
        return self.rule.settings["limit"]

    def _new_detector(self) -> Detector:
        return ThresholdDetector(self.rule.direction, self.rule.settings["limit"])

    def _take(self, start_ms: int, end_ms: int, x: Observation) -> None:
        s = self._state
        point = self._pooled_to_judge(start_ms, end_ms, x)
        if point is None:
            return
        self._detector.update(point.shown)
        s.quarantine = [*s.quarantine, point][-QUARANTINE:]
        if self._detector.drift_detected:
            self._begin_change(updates_since(self._detector))
        else:
            s.baseline.learn(point, self._memory)

    def _has_recovered(self) -> bool:
        after = self._state.after
        return bool(after) and (after[-1].shown - self.rule.settings["limit"]) * self._sign <= 0
