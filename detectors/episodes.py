"""Making an alert of a decision: what people are told when it fires, is repeated, and resolves."""

from collections.abc import Sequence

import msgspec

from detectors.alert_silences import AlertSilences
from detectors.alert_text import summary
from detectors.drilldown import explain
from detectors.exemplars import choose_exemplars
from detectors.incidents import Incidents
from detectors.lifecycle import Step, alert_id, fingerprint
from detectors.other_surfaces import compare_surfaces
from detectors.outputs import Transition, alert_type
from detectors.promise import promises
from detectors.series_watch import SeriesWatch
from detectors.severity import louder, severity
from detectors.slice_table import exposure_table, slice_tables, surface_table
from detectors.watch import Watch
from detectors.watched import Decision, Watched
from detectors.watches import AnyWatch
from schemas.alerts import AlertData, AlertSegment, AlertSeries, ResolvesWhen, SuspectedCause
from schemas.durations import setting_duration
from schemas.rollup import Exemplar
from schemas.timestamps import format_timestamp


class Moment(msgspec.Struct, frozen=True):
    """When a decision is taken, in event time (epoch milliseconds)."""

    cohort_start_ms: int
    """Cohort of the decision."""
    end_ms: int
    """Its end."""
    detected_at_ms: int
    """Largest accepted event time."""


def make_transition(
    series_watch: SeriesWatch,
    decision: Decision,
    moment: Moment,
    cause: SuspectedCause | None,
    *,
    exemplars: list[Exemplar],
    silences: AlertSilences,
    incidents: Incidents,
    runbook_page: str,
    share: float,
    beside: Sequence[SeriesWatch] = (),
) -> Transition:
    """Give the transition of a decision, and remember in its `Watched` what was published.

    Args:
        series_watch: the series.
        decision: which of its alerts, and the step. Not `WITHDRAWN`: nobody is told of that.
        moment: when it is taken.
        cause: the suspected deployment.
        exemplars: searches to choose samples from.
        silences: those that are known.
        incidents: where it is placed if it fires.
        runbook_page: where a rule has its runbook that names none; `{rule}` stands for its name.
        share: the series' part of its application's searches.
        beside: the other surfaces' series of the same model and version.
    """
    watched, step = decision
    if step in {Step.FIRED, Step.REPEATED} or watched.episode is None:
        data = _with_severity(_firing(series_watch, decision, moment, cause, runbook_page), watched, share)
        data = _explained(data, series_watch, decision, beside)
        watched.episode = data
    else:
        data = watched.episode
    if step in {Step.RESOLVED, Step.ACCEPTED}:
        data = msgspec.structs.replace(
            data, status="resolved", resolved_at=format_timestamp(moment.end_ms), suspected_cause=cause
        )
    silenced_by = silences.covering(data, moment.end_ms)
    was_hushed = watched.life.hushed
    told = watched.life.tell(step, silenced=bool(silenced_by))
    at = watched.watch.rule.horizon_s, moment.cohort_start_ms
    if step is Step.FIRED:
        incident, grouped = incidents.place(data, *at, told=told)
        data = watched.episode = msgspec.structs.replace(data, incident=incident, grouped=grouped)
    else:
        # Whoever asked for silence until now wants to hear of it then, whatever else is called for.
        if data.grouped and step is Step.REPEATED and ((told and was_hushed) or not incidents.is_called_for(data, *at)):
            data = watched.episode = msgspec.structs.replace(data, grouped=False)
        calls = step is Step.REPEATED and told and not data.grouped
        incidents.note(data, *at, calls=data.severity if calls else "")
    data = msgspec.structs.replace(data, summary=summary(step, data, watched.watch.words), silenced_by=silenced_by)
    return Transition(
        id=alert_id(data.fingerprint, moment.cohort_start_ms, data.status, data.repeat),
        type=alert_type(data, told=told),
        cohort_start_ms=moment.cohort_start_ms,
        data=data,
        exemplars=choose_exemplars(data.signal, exemplars),
    )


def _firing(
    series_watch: SeriesWatch,
    decision: Decision,
    moment: Moment,
    cause: SuspectedCause | None,
    runbook_page: str,
) -> AlertData:
    watch, life, series = decision.watched.watch, decision.watched.life, series_watch.series
    rule, before = watch.rule, decision.watched.episode
    return AlertData(
        fingerprint=fingerprint(rule.name, watch.signal, series),
        rule=rule.name,
        severity=rule.severity,
        status="firing",
        signal=watch.signal,
        series=AlertSeries(series.application, series.surface, series.model, series.version),
        value=watch.value,
        expected=watch.expected,
        threshold=watch.threshold,
        direction=rule.direction,
        n=watch.n,
        standard_error=watch.standard_error,
        started_at=format_timestamp(watch.started_at_ms),
        detected_at=before.detected_at if before is not None else format_timestamp(moment.detected_at_ms),
        repeat=life.repeat,
        summary="",
        suspected_cause=cause,
        flapping=life.flapping,
        incident=before.incident if before is not None else "",
        grouped=before is not None and before.grouped,
        runbook_url=rule.runbook or runbook_page.replace("{rule}", rule.name),
        resolves_when=_resolves_when(watch, life.quiet_s(rule.resolve_s)),
        false_alarm_every=setting_duration(watch.false_alarm_every_s)
        if isinstance(watch, Watch) and promises(rule)
        else None,
    )


def _resolves_when(watch: AnyWatch, quiet_s: int) -> ResolvesWhen | None:
    """Give what the signal must do; None for a canary, which must end."""
    rule = watch.rule
    if rule.detector == "canary":
        return None
    return ResolvesWhen(side="above" if rule.direction == "down" else "below", value=watch.resolves_at, for_s=quiet_s)


def _with_severity(data: AlertData, watched: Watched, share: float) -> AlertData:
    """Say how loud it is now; within an episode it never becomes quieter."""
    watch, before = watched.watch, watched.episode
    now = severity(watch.rule, data.value, data.expected, share=share, in_unit=watch.threshold is not None)
    return msgspec.structs.replace(data, severity=now if before is None else louder(now, before.severity))


def _explained(
    data: AlertData, series_watch: SeriesWatch, decision: Decision, beside: Sequence[SeriesWatch]
) -> AlertData:
    """Say where the change sits: in which slices, and whether on the other surfaces too."""
    watch = decision.watched.watch
    if watch.contributions:
        together = [AlertSegment("signal", signal, share) for signal, share in watch.contributions]
        return msgspec.structs.replace(data, segments=together)
    rule, own = watch.rule, series_watch.series.surface
    trails = {x.series.surface: x.trails[rule.horizon_s] for x in (series_watch, *beside) if rule.horizon_s in x.trails}
    if own not in trails:
        return data
    if watch.signal == "exposure_js":
        shown = exposure_table(trails[own], series_watch.reference.exposure, watch.started_at_ms)
        tables = [] if shown is None else [shown]
    else:
        tables = slice_tables(watch.signal, trails[own], watch.started_at_ms)
    surfaces = surface_table(watch.signal, trails, watch.started_at_ms)
    explanation = explain(tables if surfaces is None else [*tables, surfaces], rule.direction, own)
    return msgspec.structs.replace(
        data,
        segments=explanation.segments,
        spread=explanation.spread,
        other_surfaces=[] if surfaces is None else compare_surfaces(surfaces, own, rule.direction),
    )
