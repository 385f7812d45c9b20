"""A burn-rate rule on one series."""

import math
from typing import Any, Final

import msgspec

from detectors.burn_rate import BurnRateDetector
from detectors.observation import Observation
from detectors.rules import Rule
from detectors.watching import Finding, FindingWatch, Verdict

SHORT_PART: Final = 12
"""The short window is a twelfth of the long one where it is not given, as the workbook has it."""


class BurnWatch(FindingWatch):
    """Counts bad events against an objective; where the rule's direction is `down`, the signal's share is the good.

    Args:
        rule: its settings are `objective`, `burn`, `long_s`, and `short_s`, a twelfth of `long_s` if not given.
        signal: a share of events.
    """

    def __init__(self, rule: Rule, signal: str) -> None:
        super().__init__(rule, signal)
        self._detector = burn_detector(rule.settings)
        self._breached = False

    def update(self, start_ms: int, end_ms: int, x: Observation) -> Verdict:  # noqa: ARG002 - all of its kind take it
        """Take a cohort and say whether both windows burn now."""
        bad = x.numerator_total if self.rule.direction == "up" else x.denominator_total - x.numerator_total
        self._detector.update(bad, x.denominator_total, start_ms)
        was, self._breached = self._breached, self._detector.drift_detected and self._detector.events >= self.rule.min_n
        if self._breached:
            self._find(self._finding.started_at_ms if was else self._detector.started_ms)
        return self.verdict()

    def verdict(self) -> Verdict:
        """Say again what the latest cohort led to."""
        return Verdict(self._breached, False)

    def conclude(self) -> None:
        """The episode is over; windows go on as they are."""
        self._breached, self._finding = False, Finding()

    def accept(self) -> None:
        """An objective does not move: count anew."""
        self.restart()

    def restart(self) -> None:
        """Forget everything: the series begins anew."""
        self._detector.reset()
        self._breached, self._finding = False, Finding()

    def state(self) -> dict[str, Any]:
        """Give everything that `restore` needs, as plain numbers."""
        return {
            "detector": self._detector.state(),
            "breached": self._breached,
            "finding": msgspec.to_builtins(self._finding),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up where another watch of the same rule gave its `state`."""
        self._detector.restore(state["detector"])
        self._breached = state["breached"]
        self._finding = msgspec.convert(state["finding"], Finding)

    def _find(self, started_ms: int) -> None:
        bad, total, _ = self._detector.since(started_ms)
        if not total:
            return
        share, allowed, limit = bad / total, 1 - self.rule.settings["objective"], self._detector.limit
        if self.rule.direction == "down":
            share, allowed, limit = 1 - share, 1 - allowed, 1 - limit
        error = math.sqrt(share * (1 - share) / total)
        self._finding = Finding(started_ms, share, allowed, limit, int(total), error)


def burn_detector(settings: dict[str, float]) -> BurnRateDetector:
    """Build the detector that a rule's settings describe.

    Raises:
        ValueError: they do not go together.
    """
    long_s = settings["long_s"]
    short_s = settings.get("short_s", long_s / SHORT_PART)
    return BurnRateDetector(settings["objective"], settings["burn"], long_s, short_s)
