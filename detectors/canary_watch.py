"""A canary rule on one series: a version that serves beside the live one."""

import math
from typing import Any, Final

import msgspec

from detectors.event_split import EventSplitTest
from detectors.mean_gap import MeanGapTest, Sample
from detectors.observation import Observation, observe
from detectors.reference import Reference
from detectors.rules import Rule
from detectors.shown_signals import LATENCY_QUANTILES
from detectors.sketch import quantile
from detectors.watching import OTHER_UNIT, Finding, FindingWatch, Verdict, Words
from schemas.rollup import Rollup, Sketch

ALPHA: Final = 0.001
"""Probability that a rule alarms over a whole canary that is no worse than live."""
MARGIN: Final = 0.05
EVENTS: Final = frozenset(
    {
        "ctr",
        "latency_p50",
        "latency_p95",
        "latency_p99",
        "missing_field_rate",
        "slow_share",
        "unknown_token_rate",
        "unscored_rate",
        "zero_result_rate",
    }
)
"""Signals that are events among trials."""
MEANS: Final = frozenset({"ctr_proxy_accuracy", "match_at_10", "shown_order_accuracy"})
"""Signals that are means of numbers."""


class CanaryState(msgspec.Struct):
    """What the watch remembers besides its test."""

    canary: Observation | None = None
    live: Observation | None = None
    """Everything since the canary began."""
    pool: Observation | None = None
    live_pool: Observation | None = None
    """What waits until there is enough for a block."""
    live_version: str = ""
    latencies: tuple[Sketch, Sketch] | None = None
    """Of the canary and of live, of all cohorts: quantiles of cohorts of few searches would be those of the fastest."""
    ended: bool = False
    finding: Finding = msgspec.field(default_factory=Finding)


class CanaryWatch(FindingWatch):
    """Compares each block of cohorts of the canary with the same cohorts of live, until one of them is sure.

    What it has found stays found until the canary ends: more evidence can come, the version cannot change.

    Args:
        rule: its settings are `alpha` and `margin`, by what share of live's value the canary may be worse.
        signal: one of `EVENTS` or `MEANS`.
    """

    def __init__(self, rule: Rule, signal: str) -> None:
        super().__init__(rule, signal)
        self._margin = rule.settings.get("margin", MARGIN)
        alpha = rule.settings.get("alpha", ALPHA)
        self._events: EventSplitTest | None = None
        self._means: MeanGapTest | None = None
        if signal in EVENTS:
            self._events = EventSplitTest(rule.direction, self._margin, alpha)
        else:
            self._means = MeanGapTest(rule.direction, self._margin, alpha)
        self._found = False
        self._s = CanaryState()

    def look(self, canary: Rollup, live: Rollup, reference: Reference, live_version: str) -> Verdict:
        """Take a cohort of both and say whether the canary has been found to be worse.

        Args:
            canary: the cohort of the canary.
            live: the same cohort of the live version.
            reference: of the live version.
            live_version: its name.
        """
        x, beside = observe(self.signal, canary, reference), observe(self.signal, live, reference)
        if x is None or beside is None:
            return self.verdict()
        if self.signal in LATENCY_QUANTILES:
            self._s.latencies = self._s.latencies or (Sketch(), Sketch())
            for total, rollup in zip(self._s.latencies, (canary, live), strict=True):
                _add(total, rollup.latency_ms)
        return self.compare(canary.cohort_start_ms, x, beside, live_version)

    def compare(self, start_ms: int, canary: Observation, live: Observation, live_version: str) -> Verdict:
        """Take what a cohort says of both."""
        s = self._s
        if s.finding.started_at_ms == 0:
            s.finding.started_at_ms = start_ms
        s.live_version = live_version
        s.pool = canary if s.pool is None else s.pool.plus(canary)
        s.live_pool = live if s.live_pool is None else s.live_pool.plus(live)
        if s.pool.n_total < max(1, self.rule.min_n):
            return self.verdict()
        s.canary = s.pool if s.canary is None else s.canary.plus(s.pool)
        s.live = s.live_pool if s.live is None else s.live.plus(s.live_pool)
        if self._events is not None:
            self._take_events(self._events, s.pool, s.live_pool)
        if self._means is not None:
            self._means.update(_sample(s.pool), _sample(s.live_pool))
            self._found = self._found or self._means.drift_detected
        s.pool = s.live_pool = None
        if self._found:
            self._find(s.canary, s.live)
        return self.verdict()

    def verdict(self) -> Verdict:
        """Say again what the latest cohort led to."""
        return Verdict(self._found and not self._s.ended, False)

    def end(self) -> None:
        """The version is no canary any more."""
        self._s.ended = True

    def conclude(self) -> None:
        """The episode is over: there is no other before the canary begins again."""

    def accept(self) -> None:
        """The canary still runs, whatever was said of it: test it anew."""
        self.restart()

    def restart(self) -> None:
        """Forget everything: the canary begins anew."""
        for test in (self._events, self._means):
            if test is not None:
                test.reset()
        self._found, self._s = False, CanaryState()
        self._finding = self._s.finding

    @property
    def words(self) -> Words:
        """Say which version it is, and that its value is compared with live's."""
        version = self._s.live_version
        ended = "has ended" if self._s.ended else ""
        return Words(than=f" (version {version}, live beside it)" if version else "", who="canary", ended=ended)

    def state(self) -> dict[str, Any]:
        """Give everything that `restore` needs, as plain numbers."""
        test = self._events or self._means
        assert test is not None  # noqa: S101  (one of the two is built)
        return {"test": test.state(), "found": self._found, "watch": msgspec.to_builtins(self._s)}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up where another watch of the same rule gave its `state`."""
        for test in (self._events, self._means):
            if test is not None:
                test.restore(state["test"])
        self._found = state["found"]
        self._s = msgspec.convert(state["watch"], CanaryState)
        self._finding = self._s.finding

    def _take_events(self, test: EventSplitTest, canary: Observation, live: Observation) -> None:
        s = self._s
        assert s.canary is not None  # noqa: S101  (set by the caller)
        assert s.live is not None  # noqa: S101
        both = s.canary.plus(s.live)
        # The events of one page depend on each other: what pages tell of their variance, over that of events alone.
        alone = both.ratio * (1 - both.ratio) * both.denominator_total
        dispersion = both.variance_total / alone if alone > 0 else 1.0
        test.update(
            canary.numerator_total, canary.denominator_total, live.numerator_total, live.denominator_total, dispersion
        )
        self._found = self._found or test.drift_detected

    def _find(self, canary: Observation, live: Observation) -> None:
        finding = self._s.finding
        finding.value, finding.expected, finding.n = canary.shown, live.shown, canary.n_total
        if self._s.latencies is not None:
            q, (ours, lives) = LATENCY_QUANTILES[self.signal], self._s.latencies
            finding.value, finding.expected = quantile(ours, q), quantile(lives, q) or 0.0
        if self.signal not in OTHER_UNIT:
            worse = self._margin if self.rule.direction == "up" else -self._margin
            finding.threshold = finding.expected * (1 + worse)
            variance = canary.variance_total
            finding.standard_error = math.sqrt(variance) / canary.denominator_total if variance else None
        self._finding = finding


def _add(total: Sketch, part: Sketch) -> None:
    """Add to a sketch in place: copies of all bins for each cohort took longer than the test."""
    total.count, total.total, total.zeros = total.count + part.count, total.total + part.total, total.zeros + part.zeros
    for index, count in part.bins.items():
        total.bins[index] = total.bins.get(index, 0) + count


def _sample(x: Observation) -> Sample:
    return Sample(x.numerator_total, x.denominator_total, x.variance_total)
