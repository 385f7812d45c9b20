"""The fold of detect: rollups and controls in, alerts and signal points out.

A pure function of the records of `rollups` in their order, and of the deployments and silences known so far. Nothing
in it looks at a clock; the same input gives the same output, byte by byte.

    rollups ─► pending, by partition ─► complete? ─► cohort by cohort: watches ─► alerts, then signals
    controls ─► frontier ────────────────┘
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from detectors.alert_silences import AlertSilences
from detectors.alert_text import with_company
from detectors.deployments import DeploymentMark, canaries, latest_live_ms, suspected_cause
from detectors.episodes import Moment, make_transition
from detectors.excuses import Excuses
from detectors.frontier import Frontier
from detectors.incidents import Incidents
from detectors.lifecycle import ACCEPT_S, Phase, Step
from detectors.outputs import Output, SignalBatch, Transition
from detectors.pending_rollups import Arrival, PendingRollups
from detectors.pipeline_watch import PipelineWatch
from detectors.promise import share_promise
from detectors.reference import Reference
from detectors.rollup_merge import empty_rollup
from detectors.rules import DEFAULT_RULES, Rule
from detectors.series_watch import Beside, Decision, SeriesWatch, Watched
from detectors.signals import click_rate, search_rate, signal_points
from detectors.silence import Silence
from detectors.state_parts import cut_part, whole_part
from detectors.suspects import Scene, plausible
from detectors.watch import Watch
from detectors.worker_watch import WorkerWatch
from schemas.events import WorkerTelemetry
from schemas.rollup import LABEL_FREE, Exemplar, Rollup, RollupControl, series_key
from schemas.scores import PIPELINE, Series
from schemas.silences import Silence as AlertSilence

STATE_VERSION: Final = 3
MAX_DEPLOYMENTS: Final = 200
GAP_S: Final = 3600
"""A gap in the log longer than this, crossed at once, is no silence of the shop but another recording."""
ALL_PARTITIONS: Final = -1

_COUNTED: Final[Mapping[Arrival, str]] = {
    Arrival.REPEAT: "repeated_rollups_total",
    Arrival.DIFFERING: "differing_rollups_total",
    Arrival.LATE: "late_rollups_total",
}


class DetectFoldSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What shapes the fold besides its rules."""

    bucket_s: int = 10
    cause_window_s: int = 3600
    cause_after_cohorts: int = 2
    accept_s: int = ACCEPT_S
    max_series: int = 400
    max_segment_values: int = 50
    """Values of each segment dimension that a cohort keeps when its partitions are summed."""
    false_alarm_every_s: int = 30 * 24 * 3600
    """Expected time between false alarms, of all rules on all series together."""
    runbook_page: str = "docs/runbooks/{rule}.md"
    """Where a rule without a runbook of its own has it."""


class DetectFold:
    """Detect's whole state, and how records change it.

    Args:
        settings: bucket, windows and bounds.
        rules: in order of evaluation.
        state: what `state()` of a predecessor gave; go on with the record after its offset.

    Raises:
        ValueError: the state is of another version, or torn (its parts are of different offsets).
    """

    def __init__(
        self,
        settings: DetectFoldSettings | None = None,
        rules: Sequence[Rule] = DEFAULT_RULES,
        state: Mapping[str, Any] | None = None,
    ) -> None:
        self.settings = settings or DetectFoldSettings()
        self._rules = tuple(rules)
        self.offset = -1
        """The latest record that has been applied."""
        self._frontier = Frontier()
        self._silence = Silence()
        self._pending = PendingRollups(self.settings.max_segment_values)
        self._pipeline = PipelineWatch(self._rules, self.settings.accept_s, self.settings.bucket_s)
        self._workers = WorkerWatch(self.settings.bucket_s)
        self._series: dict[Series, SeriesWatch] = {}
        self._next_ms: dict[int, int] = {}
        self._silent_through_ms = 0
        self._marks: list[DeploymentMark] = []
        self._excuses = Excuses(self._pipeline.misrouted_share, self._models)
        self._silences = AlertSilences()
        self._incidents = Incidents()
        self._counters: Counter[str] = Counter()
        self._sharing: list[Series] | None = None
        """Series among which the promise is shared; it is shared anew after a restart."""
        if state is not None:
            self._restore(state)

    @property
    def counters(self) -> dict[str, int]:
        """Counters since the log began, and the present number of series, by name."""
        names = (*_COUNTED.values(), "cohorts_total", "alerts_total", "series_over_limit_total")
        return {name: self._counters[name] for name in names} | {"series": len(self._series)}

    @property
    def decided_through_ms(self) -> dict[int, int]:
        """By horizon: every cohort that starts before it has been decided."""
        return dict(self._next_ms)

    def apply_deployment(self, time_ms: int, model: str, version: str, role: str) -> None:
        """Learn of a deployment, of any name; repeats change nothing.

        One that is learned after an alert fired is named from that alert's next notification on.
        """
        mark = DeploymentMark(time_ms, model, version, role)
        if mark not in self._marks:
            self._excuses.marks = self._marks = sorted([*self._marks, mark])[-MAX_DEPLOYMENTS:]

    def apply_silence(self, silence_id: str, silence: AlertSilence | None) -> None:
        """Learn of a silence, of a change of one (expired), or, with None, that it is withdrawn.

        One that is learned after an alert fired covers that alert's next notifications. When none covers a firing
        alert any more, it is repeated: subscribers are told then.
        """
        if silence is None:
            self._silences.drop(silence_id)
        else:
            self._silences.put(silence)

    def apply(self, record: Rollup | RollupControl, offset: int) -> list[Output]:
        """Take the next record of `rollups`; one that has been applied before is ignored.

        Returns:
            For each cohort that it completes, in order: its alerts, then its signal points.
        """
        if offset <= self.offset:
            return []
        if self.offset < 0:
            self._pipeline.begin(offset)
        self.offset = offset
        if isinstance(record, Rollup):
            arrival = self._pending.take(record)
            if arrival in _COUNTED:
                self._counters[_COUNTED[arrival]] += 1
            return []
        self._frontier.take(record)
        self._silence.observe(self._frontier)
        outputs = self._watch_pipeline(record)
        for start_ms, horizon_s in self._completed():
            outputs += self._decide_cohort(start_ms, horizon_s)
        return outputs + self._decide_silence()

    def apply_telemetry(self, report: WorkerTelemetry) -> Sequence[Output]:
        """Take the next report of a pool worker; those of the log in their order, also such as a predecessor knew.

        Returns:
            The signals of the workers that it completes: by their clock, whatever time it is in `rollups`.
        """
        return self._workers.take(report)

    def state(self) -> dict[str, Any]:
        """Give everything as plain numbers and names, in parts of bounded size by name.

        All parts carry the offset they cover. Parts that the `fold` part does not list are leftovers.
        """
        parts: dict[str, Any] = {f"pending:{i:06}": part for i, part in enumerate(self._pending.state())}
        for series, watch in self._series.items():
            parts |= cut_part("series:" + series_key(series).decode(), watch.state())
        parts |= cut_part("silences", self._silences.state()) | cut_part("incidents", self._incidents.state())
        parts["pipeline"] = self._pipeline.state()
        parts["workers"] = self._workers.state()
        parts["fold"] = {
            "version": STATE_VERSION,
            "parts": sorted(parts),
            "frontier": msgspec.to_builtins(self._frontier),
            "silence": msgspec.to_builtins(self._silence),
            "next_ms": dict(self._next_ms),
            "silent_through_ms": self._silent_through_ms,
            "marks": msgspec.to_builtins(self._marks),
            "counters": dict(self._counters),
        }
        return {name: {"offset": self.offset, "part": part} for name, part in parts.items()}

    @classmethod
    def from_state(
        cls, state: Mapping[str, Any], settings: DetectFoldSettings | None = None, rules: Sequence[Rule] = DEFAULT_RULES
    ) -> "DetectFold":
        """Build the fold that gave `state`, see the class."""
        return cls(settings, rules, state)

    def _restore(self, state: Mapping[str, Any]) -> None:
        fold = state["fold"]["part"]
        if fold["version"] != STATE_VERSION:
            raise ValueError(f"detector state is of version {fold['version']}, this program reads {STATE_VERSION}")
        self.offset = state["fold"]["offset"]
        torn = [name for name in fold["parts"] if name not in state or state[name]["offset"] != self.offset]
        if torn:
            raise ValueError(f"detector state is torn: {torn[0]} is not of offset {self.offset}")
        self._frontier = msgspec.convert(fold["frontier"], Frontier)
        self._silence = msgspec.convert(fold["silence"], Silence)
        self._next_ms = {int(horizon_s): start for horizon_s, start in fold["next_ms"].items()}
        self._silent_through_ms = fold["silent_through_ms"]
        self._excuses.marks = self._marks = msgspec.convert(fold["marks"], list[DeploymentMark])
        self._counters = Counter(fold["counters"])
        parts = {name: state[name]["part"] for name in fold["parts"]}
        # A state from before the pipeline was watched, or before there were silences or incidents, has none.
        if "pipeline" in parts:
            self._pipeline.restore(parts["pipeline"])
        if "workers" in parts:  # likewise
            self._workers.restore(parts["workers"])
        if "silences" in parts:
            self._silences.restore(whole_part("silences", parts))
        if "incidents" in parts:
            self._incidents.restore(whole_part("incidents", parts))
        self._pending.restore([part for name, part in parts.items() if name.startswith("pending:")])
        for name in parts:
            if name.startswith("series:"):
                part = whole_part(name, parts)
                watch = self._new_watch(msgspec.convert(part["series"], Series))
                watch.restore(part)
                self._series[watch.series] = watch

    def _watch_pipeline(self, control: RollupControl) -> list[Output]:
        step = self._pipeline.take(control, self._frontier.largest_time_ms)
        if step is None:
            return []
        decided = self._transitions(self._pipeline.watch, step.decisions, step.end_ms - self.settings.bucket_s * 1000)
        return [*decided, SignalBatch(PIPELINE, step.start_ms, LABEL_FREE, step.points)]

    def _completed(self) -> list[tuple[int, int]]:
        """Give the cohorts to decide now, (start, horizon) in order, and move on behind them."""
        bucket_ms = self.settings.bucket_s * 1000
        steps: list[tuple[int, int]] = []
        for horizon_s in self._frontier.horizons():
            through_ms = self._frontier.complete_through_ms(horizon_s)
            if through_ms is None:
                continue
            waiting = [start for start in self._pending.cohorts(horizon_s) if start < through_ms]
            next_ms = self._next_ms.get(horizon_s)
            if next_ms is None:
                if not waiting:
                    continue
                next_ms = waiting[0]
            for start_ms in [*waiting, max(through_ms, next_ms)]:
                if start_ms - next_ms > GAP_S * 1000:
                    self._forget_the_clock(next_ms)
                    next_ms = start_ms
                steps += [(filled, horizon_s) for filled in range(next_ms, start_ms, bucket_ms)]
                next_ms = max(next_ms, start_ms)
                if start_ms < through_ms:
                    steps.append((start_ms, horizon_s))
                    next_ms = start_ms + bucket_ms
            self._next_ms[horizon_s] = max(next_ms, self._next_ms.get(horizon_s, next_ms))
            self._pending.decided_through(horizon_s, self._next_ms[horizon_s], self.settings.bucket_s)
        return sorted(steps)

    def _forget_the_clock(self, before_ms: int) -> None:
        for watch in self._series.values():
            watch.dormant = watch.dormant or watch.last_ms < before_ms

    def _decide_cohort(self, start_ms: int, horizon_s: int) -> list[Output]:
        rollups = self._pending.decide(horizon_s, start_ms)
        if rollups:
            self._counters["cohorts_total"] += 1
        for series, watch in self._series.items():
            if series not in rollups and self._expects_searches(watch, start_ms, horizon_s):
                rollups[series] = empty_rollup(series, start_ms, self.settings.bucket_s, horizon_s, ALL_PARTITIONS)
        self._share_promise(start_ms)
        trials = canaries(self._marks, start_ms) if any(mark.role == "canary" for mark in self._marks) else {}
        decided: list[Transition] = list(self._end_canaries(trials, start_ms, horizon_s))
        signals: list[Output] = []
        for series in sorted(rollups):
            rollup = rollups[series]
            # The zeros of a series that has just made room do not bring it back.
            known = self._watch(series, start_ms) if rollup.searches else self._series.get(series)
            if known is not None:
                self._renew_references(known, start_ms)
                beside = self._live_beside(series, trials, rollups)
                decided += self._transitions(known, known.see(rollup, beside), start_ms, horizon_s)
            if rollup.searches:
                reference = known.reference.exposure_shares() if known is not None else None
                points = signal_points(rollup, reference, known.learned if known is not None else None)
                points = known.scatter.widen(points) if known is not None else points
            else:
                points = [search_rate(rollup) if horizon_s == LABEL_FREE else click_rate(rollup)]
            signals.append(SignalBatch(series, start_ms, horizon_s, points))
        return [*(self._with_company(x, horizon_s) for x in decided), *signals]

    def _with_company(self, transition: Transition, horizon_s: int) -> Transition:
        """Say of an incident's first alert what else has fired: some of it only after it, in the same cohort."""
        data = transition.data
        if data.status != "firing":
            return transition
        others = self._incidents.others(data, horizon_s, transition.cohort_start_ms)
        data = msgspec.structs.replace(data, summary=with_company(data.summary, others))
        return msgspec.structs.replace(transition, data=data)

    def _live_beside(
        self, canary: Series, trials: Mapping[tuple[str, str], str], rollups: Mapping[Series, Rollup]
    ) -> Beside | None:
        """Give the live version beside a canary; where nobody said which is live, the one with most searches."""
        live = trials.get((canary.model, canary.version))
        if live is None:
            return None
        if not live:
            others = [
                (rollup.searches, series.version)
                for series, rollup in rollups.items()
                if series != canary
                and msgspec.structs.replace(series, version=canary.version) == canary
                and series.version != "*"
                and (series.model, series.version) not in trials
            ]
            live = max(others, default=(0, ""))[1]
        series = msgspec.structs.replace(canary, version=live)
        watch = self._series.get(series)
        return Beside(live, rollups.get(series), watch.reference if watch is not None else Reference())

    def _end_canaries(self, trials: Mapping[tuple[str, str], str], start_ms: int, horizon_s: int) -> list[Transition]:
        transitions = []
        compared = [series for series, watch in self._series.items() if horizon_s in watch.canary_horizons]
        for series in sorted(compared):  # not as they were learned of: a successor has them in another order
            watch = self._series[series]
            if (series.model, series.version) not in trials:
                ended = watch.end_canary(horizon_s, start_ms + self.settings.bucket_s * 1000)
                transitions += self._transitions(watch, ended, start_ms, horizon_s)
        return transitions

    def _share_promise(self, now_ms: int) -> None:
        """Share the promise among the series that are alive, where others are than before."""
        oldest_ms = now_ms - self.settings.accept_s * 1000
        alive = [series for series, watch in self._series.items() if not watch.dormant and watch.last_ms >= oldest_ms]
        if alive == self._sharing:
            return
        self._sharing = alive
        watched = [x for series in alive for x in self._series[series].watched] + self._pipeline.watch.watched
        share_promise(self.settings.false_alarm_every_s, [x.watch for x in watched if isinstance(x.watch, Watch)])

    def _renew_references(self, watch: SeriesWatch, start_ms: int) -> None:
        """Let references begin anew once a live deployment is so old that what it did is the new level."""
        begun_ms = watch.learned.begun_ms
        if begun_ms is None or watch.firing:
            return
        deployed_ms = latest_live_ms(
            self._marks, begun_ms, start_ms - self.settings.accept_s * 1000, self._models(watch.series)
        )
        if deployed_ms is not None:
            watch.renew_references(deployed_ms)

    def _models(self, of: Series) -> Callable[[str], bool]:
        """Give whether a model of some name serves a series; that of all versions has those of all others."""
        if of != of.all_versions():
            return lambda model: model == of.model
        return lambda model: any(x.all_versions() == of and x.model == model for x in self._series)

    def _expects_searches(self, watch: SeriesWatch, start_ms: int, horizon_s: int) -> bool:
        end_ms = start_ms + self.settings.bucket_s * 1000
        return (
            watch.first_ms is not None
            and watch.first_ms < start_ms
            and not watch.dormant
            # Behind the latest event nobody can have searched yet: the log has ended, or only its clock goes on.
            and end_ms <= self._frontier.largest_time_ms
            and (horizon_s != LABEL_FREE or start_ms >= self._silent_through_ms)
            and start_ms - watch.last_ms <= 2 * self.settings.accept_s * 1000
            and self._serves(watch.series, start_ms)
        )

    def _decide_silence(self) -> list[Output]:
        """Decide, by wall clock, the cohorts after the latest event while nothing comes at all."""
        now_ms = self._silence.now_ms(self._frontier)
        if now_ms is None:
            return []
        bucket_ms = self.settings.bucket_s * 1000
        first = -(-self._frontier.largest_time_ms // bucket_ms) * bucket_ms
        first = max(first, self._silent_through_ms, now_ms // bucket_ms * bucket_ms - self.settings.accept_s * 1000)
        outputs: list[Output] = []
        for start_ms in range(first, now_ms - bucket_ms + 1, bucket_ms):
            self._silent_through_ms = start_ms + bucket_ms
            signals: list[Output] = []
            for series in sorted(self._series):
                watch = self._series[series]
                if watch.first_ms is None or watch.dormant or not self._serves(series, start_ms):
                    continue
                zeros = empty_rollup(series, start_ms, self.settings.bucket_s, LABEL_FREE, ALL_PARTITIONS)
                outputs += self._transitions(watch, watch.see_silence(start_ms, zeros), start_ms)
                signals.append(SignalBatch(series, start_ms, LABEL_FREE, [search_rate(zeros)]))
            outputs += signals
        return outputs

    def _serves(self, series: Series, at_ms: int) -> bool:
        """Whether a version is expected to get searches; a live deployment retires the version it replaces.

        Deployments after `at_ms` do not count: who reads the log again knows them all from the start.
        """
        if series == series.all_versions():
            return True
        serves = True
        for mark in self._marks:
            if mark.model != series.model or mark.time_ms > at_ms:
                continue
            if mark.version == series.version:
                serves = mark.role in {"live", "canary"}
            elif mark.role == "live":
                serves = False
        return serves

    def _watch(self, series: Series, start_ms: int) -> SeriesWatch | None:
        watch = self._series.get(series)
        if watch is not None:
            return watch
        if len(self._series) >= self.settings.max_series and not self._make_room(series, start_ms):
            self._counters["series_over_limit_total"] += 1
            return None
        watch = self._series[series] = self._new_watch(series)
        return watch

    def _new_watch(self, series: Series) -> SeriesWatch:
        return SeriesWatch(series, self._rules, self.settings.accept_s, self._excuses)

    def _make_room(self, wanted: Series, now_ms: int) -> bool:
        """Forget the series that has been quiet longest, a single version before those of all versions.

        Whatever has been quiet for more than a day may go. For a series of all versions a version that is still busy
        may go as well: deployments come and go, but what a surface does as a whole must be watched.
        """
        is_wanted_most = wanted == wanted.all_versions()
        may_go = []
        for series, watch in self._series.items():
            is_version = series != series.all_versions()
            is_old = now_ms - watch.last_ms > self.settings.accept_s * 1000
            if not watch.firing and (is_old or (is_wanted_most and is_version)):
                may_go.append((not is_version, watch.last_ms, series))
        if not may_go:
            return False
        del self._series[min(may_go)[2]]
        return True

    def _transitions(
        self, watch: SeriesWatch, decisions: list[Decision], start_ms: int, horizon_s: int = LABEL_FREE
    ) -> list[Transition]:
        transitions = []
        if self._silences.asked:
            decisions = [*decisions, *self._no_longer_silenced(watch, decisions, start_ms, horizon_s)]
        for decision in decisions:
            if decision.step is not Step.WITHDRAWN:
                transitions.append(self._transition(watch, decision, start_ms))
                self._counters["alerts_total"] += 1
            watch.settle(decision)
        return transitions

    def _no_longer_silenced(
        self, watch: SeriesWatch, decisions: list[Decision], start_ms: int, horizon_s: int
    ) -> Iterator[Decision]:
        end_ms = start_ms + self.settings.bucket_s * 1000
        decided = [decision.watched.key for decision in decisions]
        for watched in watch.watched:
            life, episode = watched.life, watched.episode
            if not life.hushed or life.phase is not Phase.FIRING or episode is None or watched.key in decided:
                continue
            if watched.watch.rule.horizon_s == horizon_s and not self._silences.covering(episode, end_ms):
                yield Decision(watched, life.repeat_now(end_ms))

    def _transition(self, watch: SeriesWatch, decision: Decision, start_ms: int) -> Transition:
        settings = self.settings
        episode = decision.watched.episode
        started_at_ms = decision.watched.watch.started_at_ms
        cause = suspected_cause(
            self._suspects(watch, decision.watched, start_ms),
            started_at_ms,
            settings.cause_window_s,
            settings.cause_after_cohorts * settings.bucket_s,
        )
        if cause is None and episode is not None:
            cause = episode.suspected_cause
        exemplars: list[Exemplar] = []
        if decision.step in {Step.FIRED, Step.REPEATED}:
            horizon_s = decision.watched.watch.rule.horizon_s
            trails = [watch.trails.get(horizon_s)]
            if cause is not None:
                suspect = Series(watch.series.application, watch.series.surface, cause.model, cause.version)
                if suspect in self._series:
                    trails.insert(0, self._series[suspect].trails.get(horizon_s))
            found = [trail.exemplars_since(started_at_ms) for trail in trails if trail is not None]
            exemplars = next((x for x in found if x), [])
        end_ms = start_ms + settings.bucket_s * 1000
        return make_transition(
            watch,
            decision,
            Moment(start_ms, end_ms, max(self._frontier.largest_time_ms, end_ms)),
            cause,
            exemplars=exemplars,
            silences=self._silences,
            incidents=self._incidents,
            runbook_page=settings.runbook_page,
            share=self._share(watch, decision.watched.watch.rule.horizon_s, start_ms),
            beside=self._beside(watch.series),
        )

    def _suspects(self, watch: SeriesWatch, watched: Watched, start_ms: int) -> list[DeploymentMark]:
        if watch.series == PIPELINE:  # which model a shop serves has nothing to do with where its producers write
            return []
        scene = Scene(
            series=watch.series,
            signal=watched.watch.signal,
            earliest_ms=watched.watch.earliest_start_ms,
            started_at_ms=watched.watch.started_at_ms,
            slack_ms=self.settings.cause_after_cohorts * self.settings.bucket_s * 1000,
            match_model=watch.match_model,
            # What came later is known already where another horizon was decided ahead: an alert must not depend on it.
            first_seen_ms={
                series: other.first_ms
                for series, other in self._series.items()
                if other.first_ms is not None and other.first_ms <= start_ms
            },
        )
        return plausible(self._marks, scene)

    def _share(self, watch: SeriesWatch, horizon_s: int, at_ms: int) -> float:
        """Give a series' part of its application's searches; 1 where nothing is known of these."""
        own = watch.traffic.get(horizon_s)
        if own is None:
            return 1.0
        others = (
            other.traffic[horizon_s].at(at_ms)
            for series, other in self._series.items()
            if series.application == watch.series.application
            and series == series.all_versions()
            and horizon_s in other.traffic
        )
        total = math.fsum(others)  # exact, so that it does not matter in which order series were learned of
        return own.at(at_ms) / total if total else 1.0

    def _beside(self, series: Series) -> list[SeriesWatch]:
        """Give what the same model and version do on the other surfaces of the application."""
        return [
            watch
            for other, watch in sorted(self._series.items())
            if other.surface != series.surface and msgspec.structs.replace(other, surface=series.surface) == series
        ]
