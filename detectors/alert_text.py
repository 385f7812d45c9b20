"""The one sentence of an alert."""

from typing import Final

from detectors.lifecycle import Step
from detectors.signal_catalogue import CATALOGUE, PIPELINE_CATALOGUE, WORKER_CATALOGUE
from detectors.slow_share import SLOW_SHARE
from detectors.watching import Words
from schemas.alerts import AlertData, AlertSegment, AlertSeries, SuspectedCause
from schemas.durations import in_words
from schemas.scores import PIPELINE

SAME_TIME_S: Final = 10
"""A cohort's length by default."""

_UNITS: Final = {facts.name: facts.unit for facts in (*CATALOGUE, *PIPELINE_CATALOGUE, *WORKER_CATALOGUE)} | {
    SLOW_SHARE: "share"
}


def summary(step: Step, data: AlertData, words: Words | None = None) -> str:
    """Say what happened, where, since when, and what was deployed around then; and what the watch says besides."""
    words = words or Words()
    value, expected = shown(data.signal, data.value), shown(data.signal, data.expected)
    where = f"{data.signal} of {place(data.series)}"
    if words.who:
        where += f", {data.series.model} {data.series.version} ({words.who})"
    if words.ended and step is Step.RESOLVED:
        return f"{where} {words.ended}; {value} instead of {expected}{words.than} was the latest"
    if step is Step.RESOLVED:
        return f"{where} is back to about {expected}"
    if step is Step.ACCEPTED:
        return f"{where}: {value} is taken as the new level (it was {expected})"
    why = f"; {deployed(data.suspected_cause)}" if data.suspected_cause is not None else ""
    again = "still " if step is Step.REPEATED else ""
    flaps = "; it flaps, and resolves only after a longer quiet" if data.flapping else ""
    rare = f"; by chance once in {in_words(data.false_alarm_every)}" if data.false_alarm_every is not None else ""
    instead = f"{value} instead of {expected}{words.than}"
    return f"{where} is {again}{instead} since {data.started_at}{sits_in(data)}{why}{flaps}{rare}"


def sits_in(data: AlertData) -> str:
    """Say where a change sits, as the end of a sentence; empty where that is unclear."""
    if data.spread == "everywhere":
        return ", in all slices alike"
    if not data.segments:
        return ""
    first = data.segments[0]
    if first.kind == "mix":
        return f", as {slice_text(data.signal, first)}"
    return f", most of it in {first.name} {first.value}"


def slice_text(signal: str, segment: AlertSegment) -> str:
    """Say what a slice has to do with the change."""
    name = f"{segment.name} {segment.value}"
    share = f"{segment.share_of_change:.0%} of the change"
    if segment.before is None or segment.after is None:
        return f"{name}: {share}"
    if segment.kind == "mix":
        of = "what is shown" if signal == "exposure_js" else "the traffic"
        return f"{name} is {segment.after:.1%} of {of} instead of {segment.before:.1%} ({share})"
    return f"{name}: {segment.after:.3g} instead of {segment.before:.3g} ({share})"


def resolves(data: AlertData) -> str:
    """Say what it would take to resolve; empty where the alert does not tell."""
    when = data.resolves_when
    if when is None:
        return ""
    if when.value is None:
        return f"{data.signal} about {shown(data.signal, data.expected)} again for {when.for_s} s"
    return f"{data.signal} {when.side} {shown(data.signal, when.value)} for {when.for_s} s"


def with_company(text: str, others: int) -> str:
    """Say in the summary of an incident's first alert how many others belong to it."""
    if not others:
        return text
    return f"{text}; {others} more alert{'s' if others > 1 else ''} belong{'' if others > 1 else 's'} to it"


def place(series: AlertSeries) -> str:
    """Name what a series is about, models aside."""
    if series.surface == PIPELINE.surface:
        return "the whole pipeline"
    return f"{series.surface} in {series.application}"


def deployed(cause: SuspectedCause) -> str:
    """Say what was deployed and when. The beginning of a change is known to a cohort, so nearer is the same time."""
    seconds = round(cause.seconds_before)
    when = (
        "as it began"
        if abs(seconds) <= SAME_TIME_S
        else f"{seconds} s before"
        if seconds > 0
        else f"{-seconds} s after"
    )
    return f"{cause.model} {cause.version} ({cause.role}) was deployed {when}"


def shown(signal: str, value: float | None) -> str:
    """Write a value as people read it, with its unit."""
    if value is None:
        return "unknown"
    unit = _UNITS.get(signal, "")
    if unit == "share":
        return f"{100 * value:.3g} %"
    if unit == "bytes":
        return f"{value / 2**20:,.0f} MiB"
    if unit in {"ms", "s"}:
        return f"{value:.4g} {unit}"
    if unit == "1/s":
        return f"{value:.3g}/s"
    return f"{value:.3g}"
