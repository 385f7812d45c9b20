"""The rules at work on one series: which of them are, and what becomes of each after a cohort."""

from collections.abc import Sequence
from typing import Any, Final

from detectors.canary_watch import CanaryWatch
from detectors.cohort_view import CohortView
from detectors.excuses import Excuses
from detectors.inhibition import is_explained, let_go_of_explained
from detectors.lifecycle import Life, Phase, Step
from detectors.observation import COMPARED_SIGNALS, PIPELINE_SIGNALS
from detectors.rules import Rule
from detectors.watched import Decision, Left, Watched
from detectors.watches import follows_day, make_watch, signals_of
from detectors.watching import Verdict
from schemas.scores import PIPELINE, Series

REFERENCE_SIGNALS: Final = frozenset({"exposure_js", "latency_p50", "latency_p95", "latency_p99"})


class SeriesRules:
    """The watches of a series, and the lives of their alerts.

    Args:
        series: which.
        rules: all rules, in order of evaluation; those whose scope does not fit the series are left out.
        accept_s: after how long a lasting change is the new level.
        excuses: what may explain a condition from outside of the series.
    """

    def __init__(self, series: Series, rules: Sequence[Rule], accept_s: int, excuses: Excuses | None = None) -> None:
        self._series = series
        self._accept_s = accept_s
        self._excuses = excuses
        scope = "all_versions" if series == series.all_versions() else "per_version"
        self.watched = [
            Watched(make_watch(rule, signal), Life())
            for rule in rules
            if rule.scope in {scope, "any"} and rule.detector != "canary"
            for signal in signals_of(rule)
            if (signal in PIPELINE_SIGNALS) == (series == PIPELINE)
        ]
        self.horizons = frozenset(x.watch.rule.horizon_s for x in self.watched)
        """At which any rule looks, but for a canary's."""
        self.day_horizons = sorted(
            {w.rule.horizon_s for w in (x.watch for x in self.watched) if follows_day(w.rule, w.signal)}
        )
        """At which any rule compares with what is usual at its time of day."""
        self._left: list[Left] = []
        self._canary_rules = [rule for rule in rules if rule.detector == "canary" and scope == "per_version"]
        self.canary_horizons: set[int] = set()
        """Horizons at which the version is a canary, as far as they are decided."""

    @property
    def firing(self) -> bool:
        """Whether any alert fires, or is still to be ended."""
        return bool(self._left) or any(x.fires for x in self.watched)

    def fires_at(self, horizon_s: int) -> bool:
        """Whether any alert of a horizon fires.

        How far one horizon is decided ahead of another depends on how the log is read: what is learned must not.
        """
        return any(x.fires for x in self.watched if x.watch.rule.horizon_s == horizon_s)

    def smallest_pool(self, signal: str) -> int:
        """Give the fewest units that a rule on a signal wants to see at once."""
        return min((x.watch.rule.min_n for x in self.watched if x.watch.signal == signal), default=0)

    def see(self, view: CohortView, ended: Sequence[tuple[str, str]]) -> list[Decision]:
        """Decide on every rule of a cohort's horizon, but on those (rule, signal) that have ended in this cohort."""
        rollup = view.rollup
        end_ms = rollup.cohort_start_ms + rollup.bucket_s * 1000
        decisions = []
        for watched in self.watched:
            if watched.watch.rule.horizon_s != rollup.horizon_s or watched.key in ended:
                continue
            watched.look(view)
            decisions += self.decide(watched, end_ms)
        return decisions

    def decide(self, watched: Watched, end_ms: int) -> list[Decision]:
        """Give what becomes of an alert at the end of a cohort, after its watch's verdict."""
        rule, life = watched.watch.rule, watched.life
        step = life.accept(end_ms, self._accept_s)
        if step is None:
            step = life.decide(
                end_ms,
                breached=watched.verdict.breached,
                inhibited=is_explained(watched.watch, self.watched) or self._is_excused(watched, end_ms),
                for_s=rule.for_s,
                resolve_s=rule.resolve_s,
                renotify_s=rule.renotify_s,
            )
        # A limit that is still broken after a day is no new level: what it explained goes on.
        if step is Step.RESOLVED or (step is Step.ACCEPTED and rule.detector != "threshold"):
            let_go_of_explained(rule, self.watched)
        return [] if step is None else [Decision(watched, step)]

    def end_left(self, end_ms: int) -> list[Decision]:
        """Give the ends of the alerts that a predecessor left."""
        left, self._left = self._left, []
        return [x.end(end_ms) for x in left]

    def begin_canary(self, horizon_s: int) -> None:
        """The version is a canary: compare it with live at a horizon, if that is not done yet."""
        if horizon_s not in self.canary_horizons:
            self.canary_horizons.add(horizon_s)
            self.watched += [
                Watched(make_watch(rule, signal), Life())
                for rule in self._canary_rules
                if rule.horizon_s == horizon_s
                for signal in signals_of(rule)
            ]

    def end_canary(self, horizon_s: int, end_ms: int) -> list[Decision]:
        """The version is no canary any more: give the ends of what fires for that, and compare no further."""
        self.canary_horizons.discard(horizon_s)
        staying, decisions = [], []
        for watched in self.watched:
            watch = watched.watch
            if not isinstance(watch, CanaryWatch) or watch.rule.horizon_s != horizon_s:
                staying.append(watched)
            elif watched.fires:
                watch.end()
                decisions.append(Decision(watched, watched.life.end(end_ms, Step.RESOLVED)))
        self.watched = staying
        return decisions

    def begin_compared_anew(self, horizon_s: int) -> None:
        """Forget the levels of what is compared with what was learned at a horizon: that is learned anew."""
        for watched in self.watched:
            if watched.watch.signal in COMPARED_SIGNALS and watched.watch.rule.horizon_s == horizon_s:
                watched.begin_anew()

    def restart_referenced(self) -> None:
        """Forget the levels of what is compared with the reference, while it does not fire: that is learned anew."""
        for watched in self.watched:
            if watched.watch.signal in REFERENCE_SIGNALS and not watched.fires:
                watched.watch.restart()
                watched.verdict = Verdict(False, False)

    def state(self) -> dict[str, Any]:
        """Give everything as plain numbers and names."""
        return {
            "canary_horizons": sorted(self.canary_horizons),
            "watched": [x.state() for x in self.watched],
            "left": [x.state() for x in self._left],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up where others gave their `state`; rules that look at other things since begin anew.

        What such a rule's alerts said ends with the first cohort that is decided.
        """
        # A state from before there were canaries has none.
        for horizon_s in state.get("canary_horizons", []):
            self.begin_canary(horizon_s)
        saved = {(x["rule"]["name"], x["signal"]): x for x in state["watched"]}
        for watched in self.watched:
            if watched.key in saved and watched.fits(saved[watched.key]):
                watched.restore(saved.pop(watched.key))
        # A state from before it was ended has none.
        left = [*state.get("left", []), *saved.values()]
        self._left = [Left.of(x) for x in left if x["life"]["phase"] == Phase.FIRING]

    def _is_excused(self, watched: Watched, end_ms: int) -> bool:
        if self._excuses is None or not watched.verdict.breached or watched.fires:
            return False
        return self._excuses.explain(watched.watch, self._series, end_ms)
