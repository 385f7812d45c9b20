"""An alert as a person reads it: what, since when, how sure, what was deployed, where, and three searches."""

from typing import Final

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from detectors.alert_text import deployed, place, resolves, shown, slice_text
from schemas.alerts import Alert, AlertData, SampleSearch
from schemas.durations import in_words
from schemas.scores import PIPELINE
from streams.readers.printable import printable

_COLOURS: Final = {"critical": "red", "warning": "yellow", "info": "cyan"}
_CLICKED: Final = "clicked"
_NONE: Final = "–"


def alert_panel(alert: Alert, *, samples: int = 3) -> Panel:
    """Draw an alert.

    Texts of the shop are shown as they are: nothing in them is taken for markup or reaches the terminal as a command.

    Args:
        alert: firing or resolved.
        samples: how many of its sample searches to show.
    """
    data = alert.data
    firing = data.status == "firing"
    colour = _COLOURS.get(data.severity, "yellow") if firing else "green"
    parts: list[RenderableType] = [Text(printable(data.summary), style="bold"), Text(), _facts(data)]
    for sample in data.samples[:samples] if firing else ():
        parts += [Text(), _sample(sample)]
    again = f" (repeat {data.repeat})" if data.repeat else ""
    old = " · recomputed over old events" if data.replayed else ""
    hushed = (" · flapping" if data.flapping else "") + (" · silenced" if data.silenced_by else "")
    title = Text(f" {data.status.upper()}{again} · {data.severity} · {data.rule}{hushed}{old} ", style=f"bold {colour}")
    return Panel(Group(*parts), title=title, title_align="left", border_style=colour, padding=(1, 2))


def alert_line(alert: Alert) -> Text:
    """Write an alert in one line: when, what became of it, and its summary."""
    data = alert.data
    at = data.detected_at if data.status == "firing" else data.resolved_at or data.detected_at
    colour = _COLOURS.get(data.severity, "yellow") if data.status == "firing" else "green"
    hushed = "(silenced) " if data.silenced_by else ""
    return Text.assemble(f"{at}  ", (f"{data.status} ", colour), f"{hushed}{data.severity}  {printable(data.summary)}")


def _facts(data: AlertData) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    for name, fact in (
        ("what", _what(data)),
        ("of", _where(data)),
        ("since", _since(data)),
        ("how sure", _how_sure(data)),
        ("suspected", _cause(data)),
        ("segments", _segments(data)),
        ("incident", f"{data.incident} (called for already)" if data.grouped else data.incident),
        ("silenced by", ", ".join(data.silenced_by)),
        ("elsewhere", _other_surfaces(data)),
        ("resolves", resolves(data) if data.status == "firing" else ""),
        ("runbook", data.runbook_url),
        ("fingerprint", data.fingerprint),
    ):
        if fact:
            table.add_row(name, Text(printable(fact)))
    return table


def _what(data: AlertData) -> str:
    limit = "" if data.threshold is None else f" (limit {shown(data.signal, data.threshold)})"
    value, expected = shown(data.signal, data.value), shown(data.signal, data.expected)
    return f"{data.signal} went {data.direction}: {value} instead of {expected}{limit}"


def _where(data: AlertData) -> str:
    series = data.series
    if series.surface == PIPELINE.surface:
        return place(series)
    model = "all models and versions" if series.version == "*" else f"{series.model} {series.version}"
    return f"{series.application} / {series.surface} / {model}"


def _since(data: AlertData) -> str:
    ended = "" if data.resolved_at is None else f", resolved {data.resolved_at}"
    return f"{data.started_at} (estimated), detected {data.detected_at}{ended}"


def _how_sure(data: AlertData) -> str:
    parts = [f"n = {data.n:,}"]
    if data.standard_error is not None:
        parts.append(f"standard error {shown(data.signal, data.standard_error)}")
        if data.standard_error > 0 and data.value is not None and data.expected is not None:
            away = abs(data.value - data.expected) / data.standard_error
            parts.append(f"{away:.1f} standard errors from what was expected")
    if data.false_alarm_every is not None:
        parts.append(f"one false alarm in {in_words(data.false_alarm_every)} expected")
    return ", ".join(parts)


def _cause(data: AlertData) -> str:
    cause = data.suspected_cause
    if cause is None:
        return "no deployment fits in time" if data.status == "firing" else ""
    return deployed(cause)


def _segments(data: AlertData) -> str:
    if not data.segments:
        return "all alike" if data.spread == "everywhere" else ""
    return "; ".join(slice_text(data.signal, one) for one in data.segments)


def _other_surfaces(data: AlertData) -> str:
    return ", ".join(f"{one.surface} {one.verdict}" for one in data.other_surfaces)


def _sample(sample: SampleSearch) -> Table:
    title = Text.assemble(
        (f"“{printable(sample.user_query)}”", "bold"), f"  {sample.timestamp}  version {printable(sample.version)}"
    )
    table = Table(title=title, title_justify="left", title_style="", box=None, padding=(0, 2), pad_edge=False)
    table.add_column("#", justify="right", style="dim")
    table.add_column("match", justify="right")
    clicks = any(item.clicked for item in sample.items)
    if clicks:
        table.add_column("", style="green")
    table.add_column("item", overflow="fold")
    for item in sample.items:
        score = _NONE if item.score is None else f"{item.score:.2f}"
        name = f"{item.title}  [{item.object_id}]" if item.title else item.object_id
        clicked = [_CLICKED if item.clicked else ""] if clicks else []
        table.add_row(str(item.position), score, *clicked, Text(printable(name)))
    return table
