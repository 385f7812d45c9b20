"""What people are told of decisions: each becomes a notification, with its suspected cause, incident and silences."""

import math
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from detectors.alert_silences import AlertSilences
from detectors.alert_text import with_company
from detectors.deployments import DeploymentMark, suspected_cause
from detectors.detect_fold_settings import DetectFoldSettings
from detectors.episodes import Moment, make_transition
from detectors.incidents import Incidents
from detectors.lifecycle import Phase, Step
from detectors.outputs import Transition
from detectors.series_watch import SeriesWatch
from detectors.suspects import Scene, plausible
from detectors.watched import Decision, Watched
from schemas.alerts import SuspectedCause
from schemas.rollup import Exemplar
from schemas.scores import PIPELINE, Series


class Notifications:
    """Makes notifications of decisions.

    Args:
        settings: windows of the cause, and where runbooks are.
        marks: deployments; the list is read again each time.
        watches: of the series that are known; likewise.
        silences: those that are known.
        incidents: where alerts are placed when they fire.
    """

    def __init__(
        self,
        settings: DetectFoldSettings,
        marks: Sequence[DeploymentMark],
        watches: Mapping[Series, SeriesWatch],
        silences: AlertSilences,
        incidents: Incidents,
    ) -> None:
        self._settings = settings
        self._marks = marks
        self._watches = watches
        self._silences = silences
        self._incidents = incidents

    def of(
        self, watch: SeriesWatch, decisions: list[Decision], start_ms: int, horizon_s: int, largest_time_ms: int
    ) -> list[Transition]:
        """Tell of a series' decisions on a cohort, and let it take their consequences.

        Args:
            watch: the series.
            decisions: what its rules led to.
            start_ms: the cohort.
            horizon_s: its horizon.
            largest_time_ms: latest event time.
        """
        transitions = []
        if self._silences.asked:
            decisions = [*decisions, *self._no_longer_silenced(watch, decisions, start_ms, horizon_s)]
        decisions = [*decisions, *self._left_alone(watch, decisions, start_ms, horizon_s)]
        for decision in decisions:
            if decision.step is not Step.WITHDRAWN:
                transitions.append(self._transition(watch, decision, start_ms, largest_time_ms))
            watch.settle(decision)
        return transitions

    def with_company(self, transition: Transition, horizon_s: int) -> Transition:
        """Say of an incident's first alert what else has fired: some of it only after it, in the same cohort."""
        data = transition.data
        if data.status != "firing":
            return transition
        others = self._incidents.others(data, horizon_s, transition.cohort_start_ms)
        data = msgspec.structs.replace(data, summary=with_company(data.summary, others))
        return msgspec.structs.replace(transition, data=data)

    def _no_longer_silenced(
        self, watch: SeriesWatch, decisions: list[Decision], start_ms: int, horizon_s: int
    ) -> Iterator[Decision]:
        end_ms = start_ms + self._settings.bucket_s * 1000
        decided = [decision.watched.key for decision in decisions]
        for watched in watch.watched:
            life, episode = watched.life, watched.episode
            if not life.hushed or life.phase is not Phase.FIRING or episode is None or watched.key in decided:
                continue
            if watched.watch.rule.horizon_s == horizon_s and not self._silences.covering(episode, end_ms):
                yield Decision(watched, life.repeat_now(end_ms))

    def _left_alone(
        self, watch: SeriesWatch, decisions: list[Decision], start_ms: int, horizon_s: int
    ) -> Iterator[Decision]:
        """Repeat what was not called for because of another alert that has been over, or silenced, for long."""
        for watched in watch.watched:
            life, episode = watched.life, watched.episode
            if life.phase is not Phase.FIRING or episode is None or not episode.grouped or life.hushed:
                continue
            if watched.watch.rule.horizon_s != horizon_s or life.gone_since_ms is not None:
                continue
            if all(watched is not decision.watched for decision in decisions) and self._incidents.is_left_alone(
                episode, horizon_s, start_ms
            ):
                yield Decision(watched, life.repeat_now(start_ms + self._settings.bucket_s * 1000))

    def _transition(self, watch: SeriesWatch, decision: Decision, start_ms: int, largest_time_ms: int) -> Transition:
        settings = self._settings
        cause = self._cause(watch, decision.watched, start_ms)
        exemplars: list[Exemplar] = []
        if decision.step in {Step.FIRED, Step.REPEATED}:
            exemplars = self._exemplars(watch, decision.watched, cause)
        end_ms = start_ms + settings.bucket_s * 1000
        return make_transition(
            watch,
            decision,
            Moment(start_ms, end_ms, max(largest_time_ms, end_ms)),
            cause,
            exemplars=exemplars,
            silences=self._silences,
            incidents=self._incidents,
            runbook_page=settings.runbook_page,
            share=self._share(watch, decision.watched.watch.rule.horizon_s, start_ms),
            beside=self._beside(watch.series),
        )

    def _cause(self, watch: SeriesWatch, watched: Watched, start_ms: int) -> SuspectedCause | None:
        settings = self._settings
        cause = suspected_cause(
            self._suspects(watch, watched, start_ms),
            watched.watch.started_at_ms,
            settings.cause_window_s,
            settings.cause_after_cohorts * settings.bucket_s,
        )
        return watched.episode.suspected_cause if cause is None and watched.episode is not None else cause

    def _suspects(self, watch: SeriesWatch, watched: Watched, start_ms: int) -> list[DeploymentMark]:
        if watch.series == PIPELINE:  # which model a shop serves has nothing to do with where its producers write
            return []
        scene = Scene(
            series=watch.series,
            signal=watched.watch.signal,
            earliest_ms=watched.watch.earliest_start_ms,
            started_at_ms=watched.watch.started_at_ms,
            slack_ms=self._settings.cause_after_cohorts * self._settings.bucket_s * 1000,
            match_model=watch.match_model,
            # What came later is known already where another horizon was decided ahead: an alert must not depend on it.
            first_seen_ms={
                series: other.first_ms
                for series, other in self._watches.items()
                if other.first_ms is not None and other.first_ms <= start_ms
            },
        )
        return plausible(self._marks, scene)

    def _exemplars(self, watch: SeriesWatch, watched: Watched, cause: SuspectedCause | None) -> list[Exemplar]:
        """Give searches since the change: of the version that is suspected, where it has any."""
        horizon_s = watched.watch.rule.horizon_s
        trails = [watch.trails.get(horizon_s)]
        if cause is not None:
            suspect = Series(watch.series.application, watch.series.surface, cause.model, cause.version)
            if suspect in self._watches:
                trails.insert(0, self._watches[suspect].trails.get(horizon_s))
        found = [trail.exemplars_since(watched.watch.started_at_ms) for trail in trails if trail is not None]
        return next((x for x in found if x), [])

    def _share(self, watch: SeriesWatch, horizon_s: int, at_ms: int) -> float:
        """Give a series' part of its application's searches; 1 where nothing is known of these."""
        own = watch.traffic.get(horizon_s)
        if own is None:
            return 1.0
        others = (
            other.traffic[horizon_s].at(at_ms)
            for series, other in self._watches.items()
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
            for other, watch in sorted(self._watches.items())
            if other.surface != series.surface and msgspec.structs.replace(other, surface=series.surface) == series
        ]
