"""All that detect remembers of one series: what it was like, its trail, and the rules at work on it."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from detectors.canary_watch import CanaryWatch
from detectors.cohort_scatter import CohortScatter
from detectors.cohort_view import Beside, CohortView
from detectors.day_shape import DayShape
from detectors.excuses import Excuses
from detectors.exposure_pool import ExposurePool
from detectors.lifecycle import Step
from detectors.match_model_change import begin_with_model, scoring_model
from detectors.observation import Observation
from detectors.reference import Reference
from detectors.rules import Rule
from detectors.season import Season
from detectors.series_rules import REFERENCE_SIGNALS, SeriesRules
from detectors.signal_reference import SignalReference
from detectors.traffic import Traffic
from detectors.trail import Trail
from detectors.vector_watch import VectorWatch
from detectors.watched import Decision, Watched
from detectors.watching import Verdict
from schemas.rollup import LABEL_FREE, Rollup
from schemas.scores import Series


class SeriesWatch:
    """One series at work.

    Args:
        series: which.
        rules: all rules, in order of evaluation; those whose scope does not fit the series are left out.
        accept_s: after how long a lasting change is the new level.
        excuses: what may explain a condition from outside of the series.
    """

    def __init__(self, series: Series, rules: Sequence[Rule], accept_s: int, excuses: Excuses | None = None) -> None:
        self.series = series
        self.first_ms: int | None = None
        """Start of the first cohort with searches."""
        self.last_ms = 0
        """Start of the latest cohort with searches."""
        self.dormant = False
        """Nothing came for so long that nothing is expected any more."""
        self.reference = Reference()
        self.learned = SignalReference()
        self.scatter = CohortScatter()
        self.trails: dict[int, Trail] = {}
        self.traffic: dict[int, Traffic] = {}
        """By horizon."""
        self.rules = SeriesRules(series, rules, accept_s, excuses)
        self._match_model = ""
        self._days = {horizon_s: DayShape() for horizon_s in self.rules.day_horizons}
        self._exposure = ExposurePool(self.rules.smallest_pool("exposure_js"))

    @property
    def watched(self) -> list[Watched]:
        """Its rules, each on one signal, in order of evaluation."""
        return self.rules.watched

    @property
    def match_model(self) -> str:
        """Name of the match model that scores it; empty where none has yet."""
        return self._match_model.partition("/")[0]

    def see(self, rollup: Rollup, beside: Beside | None = None) -> list[Decision]:
        """Take a completed cohort (zeros where there were no searches) and decide on every rule of its horizon.

        Args:
            rollup: of the series.
            beside: where the series is a canary, the live version.
        """
        horizon_s, end_ms = rollup.horizon_s, rollup.cohort_start_ms + rollup.bucket_s * 1000
        if beside is not None:
            self.rules.begin_canary(horizon_s)
        if rollup.searches:
            self._remember(rollup)
        changed: list[Decision] = []
        if horizon_s == LABEL_FREE:
            changed = self._change_match_model(rollup, end_ms)
            self.reference.learn(rollup)
            self._exposure.take(rollup, self.reference)
        if not self.rules.fires_at(horizon_s):
            self.learned.learn(rollup)
        season = self._season(rollup)
        view = CohortView(rollup, self.reference, self.learned, self._exposure.point, beside, season)
        decisions = changed + self.rules.see(view, [decision.watched.key for decision in changed])
        # At this horizon alone, which is always there: in whatever order horizons are decided, it is the same cohort.
        return [*self.rules.end_left(end_ms), *decisions] if horizon_s == LABEL_FREE else decisions

    def see_silence(self, start_ms: int, rollup: Rollup) -> list[Decision]:
        """Take a cohort of total silence: only the absence of searches is judged."""
        end_ms = start_ms + rollup.bucket_s * 1000
        decisions = self.rules.end_left(end_ms)
        view = CohortView(rollup, self.reference, self.learned, season=self._season(rollup))
        for watched in self.watched:
            if watched.watch.rule.detector == "absence" and watched.watch.signal == "search_rate":
                watched.look(view)
                decisions += self.rules.decide(watched, end_ms)
        return decisions

    def see_observations(self, start_ms: int, end_ms: int, observed: Mapping[str, Observation]) -> list[Decision]:
        """Take what was observed in a stretch of event time, by signal, and decide on every rule."""
        decisions = self.rules.end_left(end_ms)
        for watched in self.watched:
            watch, x = watched.watch, observed.get(watched.watch.signal)
            if x is not None and not isinstance(watch, VectorWatch | CanaryWatch):
                watched.verdict = watch.update(start_ms, end_ms, x)
            decisions += self.rules.decide(watched, end_ms)
        return decisions

    def settle(self, decision: Decision) -> None:
        """Take the consequences of a decision, after its alert has been made from the watch."""
        watched, step = decision
        if step in {Step.FIRED, Step.REPEATED}:
            return
        watched.episode = None
        watched.verdict = Verdict(False, False)
        if step is not Step.ACCEPTED:
            watched.watch.conclude()
            return
        watched.watch.accept()
        horizon_s = watched.watch.rule.horizon_s
        if not self.rules.fires_at(horizon_s):
            self.learned.forget(horizon_s)
            self.rules.begin_compared_anew(horizon_s)
        if watched.watch.signal in REFERENCE_SIGNALS:
            self.reference = Reference()
            self.rules.restart_referenced()
        if watched.watch.rule.detector == "absence":
            self.dormant = True

    def renew_references(self, horizon_s: int, deployed_ms: int) -> None:
        """Let a horizon's references that began before `deployed_ms` begin anew; while its alerts fire they stay."""
        if not self.rules.fires_at(horizon_s):
            self.learned.forget_before(horizon_s, deployed_ms)
            self.rules.begin_compared_anew(horizon_s)

    def _remember(self, rollup: Rollup) -> None:
        start_ms, horizon_s = rollup.cohort_start_ms, rollup.horizon_s
        self.first_ms = start_ms if self.first_ms is None else self.first_ms
        self.last_ms, self.dormant = max(self.last_ms, start_ms), False
        self.traffic.setdefault(horizon_s, Traffic()).take(start_ms, rollup.searches)
        frozen, segments = self.rules.fires_at(horizon_s), horizon_s in self.rules.horizons
        self.trails.setdefault(horizon_s, Trail()).take(rollup, frozen=frozen, segments=segments)

    def _season(self, rollup: Rollup) -> Season | None:
        """Learn how the series follows the day, and give what is usual at a cohort's time."""
        day = self._days.get(rollup.horizon_s)
        if day is None:
            return None
        start_ms, end_ms = rollup.cohort_start_ms, rollup.cohort_start_ms + rollup.bucket_s * 1000
        return day.take(start_ms, end_ms, rollup.searches, doubtful=self.rules.fires_at(rollup.horizon_s))

    def _change_match_model(self, rollup: Rollup, end_ms: int) -> list[Decision]:
        before, scoring = self._match_model, scoring_model(rollup)
        self._match_model = scoring or before
        if not before or self._match_model == before:
            return []
        self.learned.forget_scores()
        return begin_with_model(self.watched, end_ms)

    def state(self) -> dict[str, Any]:
        """Give everything as plain numbers and names."""
        return {
            "series": msgspec.to_builtins(self.series),
            "first_ms": self.first_ms,
            "last_ms": self.last_ms,
            "dormant": self.dormant,
            "match_model": self._match_model,
            "reference": msgspec.to_builtins(self.reference),
            "learned": msgspec.to_builtins(self.learned),
            "scatter": self.scatter.state(),
            "exposure": self._exposure.state(),
            "days": {horizon_s: day.state() for horizon_s, day in self._days.items()},
            "traffic": {horizon_s: msgspec.to_builtins(traffic) for horizon_s, traffic in self.traffic.items()},
            "trails": {horizon_s: msgspec.to_builtins(trail) for horizon_s, trail in self.trails.items()},
            **self.rules.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up where another one gave its `state`."""
        self.first_ms, self.last_ms, self.dormant = state["first_ms"], state["last_ms"], state["dormant"]
        self._match_model = state["match_model"]
        self.reference = msgspec.convert(state["reference"], Reference)
        # A state from before there were these references has none: they are learned from here on.
        self.learned = msgspec.convert(state.get("learned", {}), SignalReference, strict=False)
        self.scatter.restore(state.get("scatter", {}))  # likewise
        self._exposure.restore(state["exposure"])
        self.trails = {
            int(horizon_s): msgspec.convert(x, Trail, strict=False) for horizon_s, x in state["trails"].items()
        }
        traffic = state.get("traffic", {})  # a state from before it was looked at has none
        self.traffic = {int(horizon_s): msgspec.convert(x, Traffic, strict=False) for horizon_s, x in traffic.items()}
        days = {int(horizon_s): x for horizon_s, x in state.get("days", {}).items()}  # likewise
        for horizon_s, day in self._days.items():
            if horizon_s in days:
                day.restore(days[horizon_s])
        self.rules.restore(state)
