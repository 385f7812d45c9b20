"""All that detect remembers of one series: its reference, its watches, their alerts' lives, and the trail."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from detectors.canary_watch import CanaryWatch
from detectors.cohort_scatter import CohortScatter
from detectors.excuses import Excuses
from detectors.exposure_pool import ExposurePool
from detectors.left_watch import LeftWatch
from detectors.lifecycle import Life, Phase, Step
from detectors.missing_scores import may_explain
from detectors.observation import COMPARED_SIGNALS, PIPELINE_SIGNALS, Observation, observe
from detectors.reference import Reference
from detectors.rules import Rule
from detectors.signal_reference import SignalReference
from detectors.slow_share import SLOW_SHARE, slow_share
from detectors.traffic import Traffic
from detectors.trail import Trail
from detectors.vector_watch import VectorWatch
from detectors.watches import AnyWatch, make_watch, signals_of
from detectors.watching import Verdict
from schemas.alerts import AlertData
from schemas.rollup import LABEL_FREE, Rollup
from schemas.scores import PIPELINE, Series

MATCH_MODEL_SIGNALS: Final = frozenset({"match_at_10", "query_ood_rate"})
"""Their level belongs to the match model that scored. `ctr_proxy_*` is not among them: it judges the match model, so
it must see a new one that is worse."""
REFERENCE_SIGNALS: Final = frozenset({"exposure_js", "latency_p50", "latency_p95", "latency_p99"})


class Watched(msgspec.Struct):
    """One rule on one signal of the series."""

    watch: AnyWatch
    life: Life
    episode: AlertData | None = None
    """What was published when it fired, as long as it fires."""
    verdict: Verdict = Verdict(False, False)

    @property
    def key(self) -> tuple[str, str]:
        """Rule and signal."""
        return self.watch.rule.name, self.watch.signal


class Decision(NamedTuple):
    """A step in the life of one of the series' alerts."""

    watched: Watched
    step: Step


class Beside(NamedTuple):
    """The live version that serves beside a canary."""

    version: str
    rollup: Rollup | None
    """What it did in the same cohort."""
    reference: Reference
    """What its latency was like: the canary's is compared with that."""


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
        self._excuses = excuses
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
        self._accept_s = accept_s
        self._match_model = ""
        scope = "all_versions" if series == series.all_versions() else "per_version"
        self.watched = [
            Watched(make_watch(rule, signal), Life())
            for rule in rules
            if rule.scope in {scope, "any"} and rule.detector != "canary"
            for signal in signals_of(rule)
            if (signal in PIPELINE_SIGNALS) == (series == PIPELINE)
        ]
        self._left: list[Watched] = []
        """What fired when a predecessor stopped, and whose rule is another one now: to be ended."""
        self._canary_rules = [rule for rule in rules if rule.detector == "canary" and scope == "per_version"]
        self.canary_horizons: set[int] = set()
        """Horizons at which the version is a canary, as far as they are decided."""
        self._watched_horizons = {x.watch.rule.horizon_s for x in self.watched}
        pools = [x.watch.rule.min_n for x in self.watched if x.watch.signal == "exposure_js"]
        self._exposure = ExposurePool(min(pools, default=0))

    @property
    def match_model(self) -> str:
        """Name of the match model that scores it; empty where none has yet."""
        return self._match_model.partition("/")[0]

    @property
    def firing(self) -> bool:
        """Whether any of its alerts fires, or is still to be ended."""
        return bool(self._left) or any(x.life.phase is Phase.FIRING for x in self.watched)

    def fires_at(self, horizon_s: int) -> bool:
        """Whether any of its alerts of a horizon fires.

        How far one horizon is decided ahead of another depends on how the log is read: what is learned must not.
        """
        return any(x.life.phase is Phase.FIRING for x in self.watched if x.watch.rule.horizon_s == horizon_s)

    def see(self, rollup: Rollup, beside: Beside | None = None) -> list[Decision]:
        """Take a completed cohort (zeros where there were no searches) and decide on every rule of its horizon.

        Args:
            rollup: of the series.
            beside: where the series is a canary, the live version.
        """
        decisions = []
        if beside is not None:
            self._begin_canary(rollup.horizon_s)
        if rollup.searches:
            self.first_ms = rollup.cohort_start_ms if self.first_ms is None else self.first_ms
            self.last_ms, self.dormant = max(self.last_ms, rollup.cohort_start_ms), False
            self.traffic.setdefault(rollup.horizon_s, Traffic()).take(rollup.cohort_start_ms, rollup.searches)
            trail = self.trails.setdefault(rollup.horizon_s, Trail())
            frozen = self.fires_at(rollup.horizon_s)
            trail.take(rollup, frozen=frozen, segments=rollup.horizon_s in self._watched_horizons)
        if rollup.horizon_s == LABEL_FREE:
            decisions += self._change_match_model(rollup)
            self.reference.learn(rollup)
            self._exposure.take(rollup, self.reference)
        if not self.fires_at(rollup.horizon_s):
            self.learned.learn(rollup)
        end_ms = rollup.cohort_start_ms + rollup.bucket_s * 1000
        ended = [decision.watched.key for decision in decisions]
        for watched in self.watched:
            rule = watched.watch.rule
            if rule.horizon_s != rollup.horizon_s or watched.key in ended:
                continue
            self._look(watched, rollup, beside)
            decisions += self._decide(watched, end_ms)
        # At this horizon alone, which is always there: in whatever order horizons are decided, it is the same cohort.
        return [*self._end_left(end_ms), *decisions] if rollup.horizon_s == LABEL_FREE else decisions

    def end_canary(self, horizon_s: int, end_ms: int) -> list[Decision]:
        """The version is no canary any more: give the ends of what fires for that, and compare no further."""
        self.canary_horizons.discard(horizon_s)
        staying, decisions = [], []
        for watched in self.watched:
            watch = watched.watch
            if not isinstance(watch, CanaryWatch) or watch.rule.horizon_s != horizon_s:
                staying.append(watched)
            elif watched.life.phase is Phase.FIRING:
                watch.end()
                decisions.append(Decision(watched, watched.life.end(end_ms, Step.RESOLVED)))
        self.watched = staying
        return decisions

    def _begin_canary(self, horizon_s: int) -> None:
        if horizon_s not in self.canary_horizons:
            self.canary_horizons.add(horizon_s)
            self.watched += [
                Watched(make_watch(rule, signal), Life())
                for rule in self._canary_rules
                if rule.horizon_s == horizon_s
                for signal in signals_of(rule)
            ]

    def _look(self, watched: Watched, rollup: Rollup, beside: Beside | None) -> None:
        """Show a watch what it wants to see of a cohort, if there is any."""
        watch, start_ms = watched.watch, rollup.cohort_start_ms
        end_ms = start_ms + rollup.bucket_s * 1000
        if isinstance(watch, VectorWatch):
            seen = {name: observe(name, rollup, self.reference, self.learned) for name in watch.signals}
            watched.verdict = watch.update(start_ms, end_ms, {name: x for name, x in seen.items() if x is not None})
            return
        if isinstance(watch, CanaryWatch):
            if beside is not None and beside.rollup is not None:
                watched.verdict = watch.look(rollup, beside.rollup, beside.reference, beside.version)
            return
        x: Observation | None
        if watch.signal == "exposure_js":
            x = self._exposure.point
        elif watch.signal == SLOW_SHARE:
            x = slow_share(rollup, watch.rule.settings["slower_than_ms"])
        else:
            x = observe(watch.signal, rollup, self.reference, self.learned)
        if x is not None:
            watched.verdict = watch.update(start_ms, end_ms, x)

    def see_silence(self, start_ms: int, rollup: Rollup) -> list[Decision]:
        """Take a cohort of total silence: only the absence of searches is judged."""
        end_ms = start_ms + rollup.bucket_s * 1000
        decisions = self._end_left(end_ms)
        for watched in self.watched:
            rule = watched.watch.rule
            if rule.detector == "absence" and watched.watch.signal == "search_rate":
                self._look(watched, rollup, None)
                decisions += self._decide(watched, end_ms)
        return decisions

    def see_observations(self, start_ms: int, end_ms: int, observed: Mapping[str, Observation]) -> list[Decision]:
        """Take what was observed in a stretch of event time, by signal, and decide on every rule."""
        decisions = self._end_left(end_ms)
        for watched in self.watched:
            watch, x = watched.watch, observed.get(watched.watch.signal)
            if x is not None and not isinstance(watch, VectorWatch | CanaryWatch):
                watched.verdict = watch.update(start_ms, end_ms, x)
            decisions += self._decide(watched, end_ms)
        return decisions

    def _end_left(self, end_ms: int) -> list[Decision]:
        left, self._left = self._left, []
        return [Decision(watched, watched.life.end(end_ms, Step.RESOLVED)) for watched in left]

    def _decide(self, watched: Watched, end_ms: int) -> list[Decision]:
        rule, life = watched.watch.rule, watched.life
        step = life.accept(end_ms, self._accept_s)
        if step is None:
            step = life.decide(
                end_ms,
                breached=watched.verdict.breached,
                inhibited=self._is_explained(watched.watch) or self._is_excused(watched, end_ms),
                for_s=rule.for_s,
                resolve_s=rule.resolve_s,
                renotify_s=rule.renotify_s,
            )
        # A limit that is still broken after a day is no new level: what it explained goes on.
        if step is Step.RESOLVED or (step is Step.ACCEPTED and rule.detector != "threshold"):
            self._let_go_of_explained(rule)
        return [] if step is None else [Decision(watched, step)]

    def _let_go_of_explained(self, rule: Rule) -> None:
        """End what waited behind a rule that has resolved: it saw the same trouble, which is over."""
        for other in self.watched:
            if rule.name in other.watch.rule.inhibited_by and other.life.phase is Phase.PENDING:
                other.watch.conclude()
                other.life, other.verdict = Life(fired_ms=other.life.fired_ms), Verdict(False, False)

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
        if not self.fires_at(horizon_s):
            self.learned.forget(horizon_s)
            self._watch_compared_anew(horizon_s)
        if watched.watch.signal in REFERENCE_SIGNALS:
            self.reference = Reference()
            for other in self.watched:
                if other.watch.signal in REFERENCE_SIGNALS and other.life.phase is not Phase.FIRING:
                    other.watch.restart()
                    other.verdict = Verdict(False, False)
        if watched.watch.rule.detector == "absence":
            self.dormant = True

    def renew_references(self, horizon_s: int, deployed_ms: int) -> None:
        """Let a horizon's references that began before `deployed_ms` begin anew; while its alerts fire they stay."""
        if not self.fires_at(horizon_s):
            self.learned.forget_before(horizon_s, deployed_ms)
            self._watch_compared_anew(horizon_s)

    def _watch_compared_anew(self, horizon_s: int) -> None:
        for watched in self.watched:
            if watched.watch.signal in COMPARED_SIGNALS and watched.watch.rule.horizon_s == horizon_s:
                watched.watch.restart()
                watched.life, watched.verdict = Life(), Verdict(False, False)

    def _is_explained(self, watch: AnyWatch) -> bool:
        # Breached but quiet is what has been accepted in this cohort: it goes on.
        return any(
            (other.life.phase is not Phase.QUIET or other.verdict.suspicious or other.verdict.breached)
            and may_explain(watch, other.watch)
            for other in self.watched
            if other.watch.rule.name in watch.rule.inhibited_by
        )

    def _is_excused(self, watched: Watched, end_ms: int) -> bool:
        if self._excuses is None or not watched.verdict.breached or watched.life.phase is Phase.FIRING:
            return False
        return self._excuses.explain(watched.watch, self.series, end_ms)

    def _change_match_model(self, rollup: Rollup) -> list[Decision]:
        models = {name for name, searches in rollup.match_models.items() if searches and name.strip("/")}
        if not models:
            return []
        # The majority counts: while two workers differ, or a canary runs, nothing has changed yet.
        most = max(models, key=lambda name: (rollup.match_models[name], name))
        if most == self._match_model:
            return []
        changed, self._match_model = bool(self._match_model), most
        if not changed:
            return []
        self.learned.forget_scores()
        decisions = []
        for watched in self.watched:
            if watched.watch.signal not in MATCH_MODEL_SIGNALS:
                continue
            if watched.life.phase is Phase.FIRING:
                end_ms = rollup.cohort_start_ms + rollup.bucket_s * 1000
                decisions += [Decision(watched, watched.life.end(end_ms, Step.ACCEPTED))]
            else:
                watched.life = Life()
                watched.watch.restart()
                watched.verdict = Verdict(False, False)
        return decisions

    def state(self) -> dict[str, Any]:
        """Give everything as plain numbers and names."""
        return {
            "series": msgspec.to_builtins(self.series),
            "first_ms": self.first_ms,
            "last_ms": self.last_ms,
            "dormant": self.dormant,
            "match_model": self._match_model,
            "canary_horizons": sorted(self.canary_horizons),
            "reference": msgspec.to_builtins(self.reference),
            "learned": msgspec.to_builtins(self.learned),
            "scatter": self.scatter.state(),
            "exposure": self._exposure.state(),
            "traffic": {horizon_s: msgspec.to_builtins(traffic) for horizon_s, traffic in self.traffic.items()},
            "trails": {horizon_s: msgspec.to_builtins(trail) for horizon_s, trail in self.trails.items()},
            "watched": [
                {
                    "rule": msgspec.to_builtins(x.watch.rule),
                    "signal": x.watch.signal,
                    "watch": x.watch.state(),
                    "life": msgspec.to_builtins(x.life),
                    "episode": msgspec.to_builtins(x.episode),
                    "verdict": msgspec.to_builtins(x.verdict),
                }
                for x in self.watched
            ],
            "left": [
                {
                    **x.watch.plain(),
                    "life": msgspec.to_builtins(x.life),
                    "episode": msgspec.to_builtins(x.episode),
                }
                for x in self._left
                if isinstance(x.watch, LeftWatch)
            ],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up where another one gave its `state`; rules that look at other things since begin anew.

        What such a rule's alerts said ends with the first cohort that is decided.
        """
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
        # A state from before there were canaries has none.
        for horizon_s in state.get("canary_horizons", []):
            self._begin_canary(horizon_s)
        traffic = state.get("traffic", {})  # a state from before it was looked at has none
        self.traffic = {int(horizon_s): msgspec.convert(x, Traffic, strict=False) for horizon_s, x in traffic.items()}
        saved = {(x["rule"]["name"], x["signal"]): x for x in state["watched"]}
        for watched in self.watched:
            plain = saved.get(watched.key)
            if plain is None or _shape(msgspec.convert(plain["rule"], Rule)) != _shape(watched.watch.rule):
                continue
            del saved[watched.key]
            watched.watch.restore(plain["watch"])
            watched.life = msgspec.convert(plain["life"], Life)
            watched.episode = msgspec.convert(plain["episode"], AlertData | None)
            watched.verdict = msgspec.convert(plain["verdict"], Verdict)
        self._left = [
            Watched(
                LeftWatch(x["rule"]["name"], x["signal"]),
                msgspec.convert(x["life"], Life),
                msgspec.convert(x["episode"], AlertData | None),
            )
            for x in [*state.get("left", []), *saved.values()]  # a state from before it was ended has none
            if x["life"]["phase"] == Phase.FIRING
        ]


def _shape(rule: Rule) -> Rule:
    """Give what of a rule decides: words for people, whom it tells when, and its promise may change while it fires."""
    return msgspec.structs.replace(
        rule, severity="", runbook="", renotify_s=0, inhibited_by=(), false_alarm_every_s=None
    )
