"""CUSUMs for a small and a large shift side by side: nearly as fast as one that knows how large the shift is.

A CUSUM made for a shift d finds one of size s with 1 − (1 − d/s)² of the evidence that there is: one made for the
smallest change worth an alert is slow for large ones, and one made for large ones never finds the smallest.
"""

import math
from typing import Final

import msgspec

from detectors.excursions import Excursions, Rate

SIZES: Final = (1.0, 2.25)
"""What the shifts looked for are, in smallest changes worth an alert: from 0.8 to 2.5 of these at most a tenth of the
evidence is lost."""
MOST: Final = 0.7
"""Share of the threshold that one update may add: no single one is all the evidence."""
RETHINK_UPDATES: Final = 60
"""The threshold is thought over when evidence is zero and so many updates have passed, or a new peak has come."""
REFRESH_UPDATES: Final = 8
"""What an event says is worked out anew after so many updates: levels move slowly, and logarithms cost."""


class ShiftCusum(msgspec.Struct):
    """Evidence of a lasting shift, and the threshold for it; all numbers plain.

    Evidence counts less where it rests on as much weight as the level that it is held against: the level's own error
    is then as large as the run's.
    """

    evidence: list[float] = msgspec.field(default_factory=lambda: [0.0] * len(SIZES))
    weights: list[float] = msgspec.field(default_factory=lambda: [0.0] * len(SIZES))
    """What each one's run rests on."""
    runs: list[int] = msgspec.field(default_factory=lambda: [0] * len(SIZES))
    """Updates since each one's evidence was zero."""
    per_event: list[float] = []
    per_weight: list[float] = []
    """Evidence, for each of the sizes, of each event and of each unit of weight: together those of a point."""
    refresh: int = 0
    """Updates until they are worked out anew."""
    peak: float = 0.0
    """Highest of the present excursion."""
    threshold: float = math.inf
    rethink: int = 0
    """Updates until the threshold is thought over."""
    excursions: Excursions = msgspec.field(default_factory=Excursions)

    @property
    def is_quiet(self) -> bool:
        """Whether evidence is zero, so that the threshold may move."""
        return self.peak == 0.0

    def rethink_threshold(self, every_ms: float, rate: Rate, belief: float) -> None:
        """Set the threshold that keeps a promise."""
        self.threshold = self.excursions.threshold(every_ms, rate, belief, self.threshold)
        self.rethink = RETHINK_UPDATES

    def expect(self, per_event: list[float], per_weight: list[float]) -> None:
        """Set what a point says."""
        self.per_event, self.per_weight, self.refresh = per_event, per_weight, REFRESH_UPDATES

    def update(self, events: float, weight: float, level_weight: float) -> bool:
        """Take the next point.

        Args:
            events: numerator of the point.
            weight: its denominator.
            level_weight: what the level rests on, in the same unit.

        Returns:
            Whether that completes the evidence of a shift.
        """
        highest, most = 0.0, MOST * self.threshold
        evidence, weights, runs = self.evidence, self.weights, self.runs
        for i, per_event in enumerate(self.per_event):
            one = events * per_event + weight * self.per_weight[i]
            total = evidence[i] + (min(most, one))
            if total > 0:
                evidence[i] = total
                weights[i] += weight
                runs[i] += 1
                total /= 1 + weights[i] / level_weight
                highest = max(highest, total)
            elif runs[i]:
                evidence[i], weights[i], runs[i] = 0.0, 0.0, 0
        self.refresh -= 1
        self.rethink -= 1
        if highest > self.peak:
            self.peak = highest
        elif highest == 0.0 and self.peak:
            if self.excursions.end(self.peak):
                self.rethink = 0
            self.peak = 0.0
        return highest >= self.threshold

    @property
    def run(self) -> int:
        """Updates since the shift began, as the more certain of the two sees it."""
        return max(zip(self.evidence, self.runs, strict=True))[1]

    @property
    def longest_run(self) -> int:
        """Updates since there was last no evidence of any of the shifts."""
        return max(self.runs)

    def alarmed(self) -> None:
        """Begin anew after an alarm."""
        self.excursions.alarm()
        self.clear()
        self.rethink = 0

    def clear(self) -> None:
        """Begin anew with the evidence."""
        self.evidence, self.weights, self.runs = [0.0] * len(SIZES), [0.0] * len(SIZES), [0] * len(SIZES)
        self.peak = 0.0
