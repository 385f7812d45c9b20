"""The fold of detect: rollups and controls in, alerts and signal points out.

A pure function of the records of `rollups` in their order, and of the deployments and silences known so far. Nothing
in it looks at a clock; the same input gives the same output, byte by byte.

    rollups ─► pending, by partition ─► complete? ─► cohort by cohort: watches ─► alerts, then signals
    controls ─► clock of decisions ──────┘
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from detectors.alert_silences import AlertSilences
from detectors.canary_trials import Trials, ended_trials, live_beside
from detectors.click_signals import click_rate
from detectors.decision_clock import DecisionClock
from detectors.deployments import DeploymentMark
from detectors.detect_fold_settings import DetectFoldSettings
from detectors.fold_state import open_state, seal_state
from detectors.incidents import Incidents
from detectors.known_deployments import KnownDeployments
from detectors.known_series import KnownSeries
from detectors.notifications import Notifications
from detectors.outputs import Output, SignalBatch, Transition
from detectors.pending_rollups import Arrival, PendingRollups
from detectors.pipeline_watch import PipelineWatch
from detectors.rollup_merge import empty_rollup
from detectors.rules import DEFAULT_RULES, Rule
from detectors.series_watch import SeriesWatch
from detectors.shown_signals import search_rate
from detectors.signals import signal_points
from detectors.state_parts import cut_part, whole_part
from detectors.watched import Decision
from detectors.worker_watch import WorkerWatch
from schemas.events import WorkerTelemetry
from schemas.rollup import LABEL_FREE, Rollup, RollupControl, series_key
from schemas.scores import PIPELINE, Series
from schemas.silences import Silence as AlertSilence

ALL_PARTITIONS: Final = -1

_COUNTED: Final[Mapping[Arrival, str]] = {
    Arrival.REPEAT: "repeated_rollups_total",
    Arrival.DIFFERING: "differing_rollups_total",
    Arrival.LATE: "late_rollups_total",
}


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
        rules = tuple(rules)
        self.offset = -1
        """The latest record that has been applied."""
        self._clock = DecisionClock(self.settings.bucket_s, self.settings.accept_s)
        self._pending = PendingRollups(self.settings.max_segment_values)
        self._pipeline = PipelineWatch(rules, self.settings.accept_s, self.settings.bucket_s)
        self._workers = WorkerWatch(self.settings.bucket_s)
        self._deployments = KnownDeployments()
        self._series = KnownSeries(
            self.settings,
            rules,
            self._deployments,
            self._pipeline.misrouted_share,
            self._pipeline.misrouted_since,
        )
        self._silences = AlertSilences()
        self._incidents = Incidents()
        self._notifications = Notifications(
            self.settings, self._deployments.marks, self._series.watches, self._silences, self._incidents
        )
        self._counters: Counter[str] = Counter()
        if state is not None:
            self._restore(state)

    @property
    def counters(self) -> dict[str, int]:
        """Counters since the log began, and the present number of series, by name."""
        names = (*_COUNTED.values(), "cohorts_total", "alerts_total", "series_over_limit_total")
        return {name: self._counters[name] for name in names} | {"series": len(self._series.watches)}

    @property
    def decided_through_ms(self) -> dict[int, int]:
        """By horizon: every cohort that starts before it has been decided."""
        return self._clock.decided_through_ms

    def apply_deployment(self, time_ms: int, model: str, version: str, role: str) -> None:
        """Learn of a deployment, of any name; repeats change nothing.

        One that is learned after an alert fired is named from that alert's next notification on.
        """
        self._deployments.learn(DeploymentMark(time_ms, model, version, role))

    def apply_silence(self, silence_id: str, silence: AlertSilence | None) -> None:
        """Learn of a silence, of a change of one (expired), or, with None, that it is withdrawn.

        One that is learned after an alert fired covers that alert's next notifications. When none covers a firing
        alert any more, it is repeated: subscribers are told then.
        """
        self._silences.hear(silence_id, silence)

    def know_silences(self, silences: AlertSilences) -> None:
        """Know exactly these silences: after a restart, what a predecessor knew may be withdrawn since."""
        self._silences.become(silences)

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
        self._clock.take(record)
        outputs = self._watch_pipeline(record)
        completed = self._clock.completed(self._pending)
        for before_ms in completed.gaps:
            self._series.forget_clock(before_ms)
        for start_ms, horizon_s in completed.cohorts:
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
        for series, watch in self._series.watches.items():
            parts |= cut_part("series:" + series_key(series).decode(), watch.state())
        parts |= cut_part("silences", self._silences.state()) | cut_part("incidents", self._incidents.state())
        parts["pipeline"] = self._pipeline.state()
        parts["workers"] = self._workers.state()
        own = {"marks": self._deployments.state(), "counters": dict(self._counters)}
        return seal_state(parts, self._clock.state() | own, self.offset)

    @classmethod
    def from_state(
        cls, state: Mapping[str, Any], settings: DetectFoldSettings | None = None, rules: Sequence[Rule] = DEFAULT_RULES
    ) -> "DetectFold":
        """Build the fold that gave `state`, see the class."""
        return cls(settings, rules, state)

    def _restore(self, state: Mapping[str, Any]) -> None:
        self.offset, fold, parts = open_state(state)
        self._clock.restore(fold)
        self._deployments.restore(fold["marks"])
        self._counters = Counter(fold["counters"])
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
                self._series.restore(whole_part(name, parts))

    def _watch_pipeline(self, control: RollupControl) -> list[Output]:
        step = self._pipeline.take(control, self._clock.largest_time_ms)
        if step is None:
            return []
        decided = self._tell(self._pipeline.watch, step.decisions, step.end_ms - self.settings.bucket_s * 1000)
        return [*decided, SignalBatch(PIPELINE, step.start_ms, LABEL_FREE, step.points)]

    def _decide_cohort(self, start_ms: int, horizon_s: int) -> list[Output]:
        rollups = self._pending.decide(horizon_s, start_ms)
        if rollups:
            self._counters["cohorts_total"] += 1
        if self._clock.may_miss_searches(start_ms, horizon_s):
            for series in self._series.lacking(start_ms, rollups):
                rollups[series] = self._zeros(series, start_ms, horizon_s)
        self._series.share_promise(start_ms, horizon_s, self._pipeline.watch.watched)
        trials = self._deployments.trials(start_ms)
        decided = self._end_canaries(trials, start_ms, horizon_s)
        signals: list[Output] = []
        for series in sorted(rollups):
            rollup = rollups[series]
            # The zeros of a series that has just made room do not bring it back.
            known = self._watch(series, start_ms) if rollup.searches else self._series.watches.get(series)
            if known is not None:
                self._series.renew_references(known, start_ms, horizon_s)
                beside = live_beside(series, trials, rollups, self._series.watches)
                decided += self._tell(known, known.see(rollup, beside), start_ms, horizon_s)
            if rollup.searches:
                reference = known.reference.exposure_shares() if known is not None else None
                points = signal_points(rollup, reference, known.learned if known is not None else None)
                points = known.scatter.widen(points) if known is not None else points
            else:
                points = [search_rate(rollup) if horizon_s == LABEL_FREE else click_rate(rollup)]
            signals.append(SignalBatch(series, start_ms, horizon_s, points))
        return [*(self._notifications.with_company(x, horizon_s) for x in decided), *signals]

    def _end_canaries(self, trials: Trials, start_ms: int, horizon_s: int) -> list[Transition]:
        transitions = []
        for watch in ended_trials(trials, self._series.watches, horizon_s):
            ended = watch.rules.end_canary(horizon_s, start_ms + self.settings.bucket_s * 1000)
            transitions += self._tell(watch, ended, start_ms, horizon_s)
        return transitions

    def _decide_silence(self) -> list[Output]:
        """Decide, by wall clock, the cohorts after the latest event while nothing comes at all."""
        outputs: list[Output] = []
        for start_ms in self._clock.silent_cohorts():
            signals: list[Output] = []
            for watch in self._series.missed(start_ms):
                zeros = self._zeros(watch.series, start_ms, LABEL_FREE)
                outputs += self._tell(watch, watch.see_silence(start_ms, zeros), start_ms)
                signals.append(SignalBatch(watch.series, start_ms, LABEL_FREE, [search_rate(zeros)]))
            outputs += signals
        return outputs

    def _zeros(self, series: Series, start_ms: int, horizon_s: int) -> Rollup:
        return empty_rollup(series, start_ms, self.settings.bucket_s, horizon_s, ALL_PARTITIONS)

    def _watch(self, series: Series, start_ms: int) -> SeriesWatch | None:
        watch = self._series.watch(series, start_ms)
        if watch is None:
            self._counters["series_over_limit_total"] += 1
        return watch

    def _tell(
        self, watch: SeriesWatch, decisions: list[Decision], start_ms: int, horizon_s: int = LABEL_FREE
    ) -> list[Transition]:
        told = self._notifications.of(watch, decisions, start_ms, horizon_s, self._clock.largest_time_ms)
        if told:
            self._counters["alerts_total"] += len(told)
        return told
