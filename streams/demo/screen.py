"""The live view: flow, signals, deployments and alerts on one screen, from 80x24 on."""

from typing import Final

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from schemas.alerts import FIRING_TYPE, Alert
from schemas.events import Deployment
from schemas.timestamps import timestamp_ms
from streams.demo.board import SHOWN, SURFACES
from streams.demo.sparkline import sparkline
from streams.demo.story import Story

_TITLES: Final = {
    "search_rate": "searches/s",
    "ctr": "CTR",
    "match_at_10": "match@10",
    "ctr_proxy_accuracy": "proxy acc.",
    "latency_p95": "p95 ms",
}
_KIN: Final = {"ctr_proxy_lift": "ctr_proxy_accuracy", "latency_p99": "latency_p95", "click_rate": "ctr"}
"""Signals without a column of their own, and the column that shows their trouble."""
_WIDEST: Final = 120
_SURFACE_WIDTH: Final = 14
_VALUE_WIDTH: Final = 5
_FIXED_LINES: Final = 16
"""All lines but those of what happened."""


class Screen:
    """Draws a story as it stands, for whatever terminal there is."""

    def __init__(self, story: Story, fault: str, speed: float) -> None:
        self._story = story
        self._fault = fault
        self._speed = speed

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw for this width and height."""
        width = min(options.max_width, _WIDEST)
        height = options.height or console.height
        yield Group(
            self._head(width),
            Panel(self._flow(), title="flow", title_align="left", width=width, border_style="dim", padding=(0, 1)),
            self._signals(width),
            self._timeline(width),
            Panel(
                self._happened(max(3, height - _FIXED_LINES - 2)),
                title="deployments and alerts",
                title_align="left",
                width=width,
                border_style="dim",
                padding=(0, 1),
            ),
        )

    def _head(self, width: int) -> Text:
        story = self._story
        left = f" matchwatch demo  seed {story.simulation.seed}, fault {self._fault}"
        minute = story.minute
        right = f"{_clock(minute)} of {_clock(story.simulation.minutes)} at {self._speed:g}x "
        return Text(left + right.rjust(max(0, width - len(left))), style="bold reverse", no_wrap=True)

    def _flow(self) -> Text:
        counts = self._story.counts
        firing = len(firing_now(self._story.alerts))
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append("shop ─┬─► search-events ")
        text.append(f"{counts.searches:>7,}", "bold cyan")
        text.append(" ─► score ─► match-scores ─┐\n")
        text.append("      └─► click-events  ")
        text.append(f"{counts.clicks:>7,}", "bold cyan")
        text.append(" ──────────────────────────┴► evaluate ─► detect\n")
        for name, number, style in (
            ("clicks matched", counts.matched, "green"),
            ("unmatched", counts.unmatched, ""),
            ("late", counts.late, ""),
            ("dead letters", counts.dead_letters, "yellow" if counts.dead_letters else ""),
            ("alerts", firing, "bold red" if firing else ""),
        ):
            text.append(f"{name} ")
            text.append(f"{number:,}", style)
            text.append("   ")
        return text

    def _signals(self, width: int) -> Panel:
        # Two frame characters, two of padding, and a space between columns.
        room = (width - 4 - _SURFACE_WIDTH) // len(SHOWN) - 1
        bars = max(0, min(30, room - _VALUE_WIDTH - 1))
        table = Table.grid(padding=(0, 1, 0, 0))
        table.add_column(width=_SURFACE_WIDTH)
        for _ in SHOWN:
            table.add_column(width=room, no_wrap=True)
        table.add_row("", *(Text(_TITLES[signal], style="dim") for signal in SHOWN))
        ill = {(alert.data.series.surface, _KIN.get(alert.data.signal, alert.data.signal)) for alert in self._firing()}
        slots = round(self._story.simulation.minutes)
        for surface in SURFACES:
            cells = []
            for signal in SHOWN:
                cell = Text(f"{_shown(signal, self._story.board.now(surface, signal)):>{_VALUE_WIDTH}} ")
                cell.append(sparkline(self._story.board.course(surface, signal), bars, slots), style="cyan")
                if (surface, signal) in ill:
                    cell.stylize("bold red")
                cells.append(cell)
            table.add_row(surface, *cells)
        return Panel(
            table, title="signals, latest minute", title_align="left", width=width, border_style="dim", padding=(0, 1)
        )

    def _firing(self) -> list[Alert]:
        return firing_now(self._story.alerts)

    def _timeline(self, width: int) -> Text:
        """The run as one line: ▲ a deployment, ● the beginning of an alert."""
        story = self._story
        line = width - 12
        marks = ["─"] * line
        for place in range(round(story.minute / story.simulation.minutes * line)):
            marks[place] = "━"
        for event in story.deployments:
            if event.time_ms >= story.simulation.start_ms:
                marks[self._place(event.time_ms, line)] = "▲"
        for alert in story.alerts:
            if alert.type == FIRING_TYPE:
                marks[self._place(timestamp_ms(alert.data.detected_at, "detected_at"), line)] = "●"
        text = Text("  0' ", no_wrap=True)
        styles = {"▲": "bold yellow", "●": "bold red", "━": "cyan", "─": "dim"}
        for mark in marks:
            text.append(mark, styles[mark])
        text.append(f" {story.simulation.minutes:g}'")
        return text

    def _place(self, time_ms: int, width: int) -> int:
        simulation = self._story.simulation
        share = (time_ms - simulation.start_ms) / (simulation.end_ms - simulation.start_ms)
        return max(0, min(width - 1, int(share * width)))

    def _happened(self, lines: int) -> Group:
        start_ms = self._story.simulation.start_ms
        deployed = [
            (event.time_ms, deployment_line(event, start_ms))
            for event in self._story.deployments
            if event.time_ms >= start_ms
        ]
        alerted = [
            (timestamp_ms(alert.data.detected_at, "detected_at"), alert_line(alert, start_ms))
            for alert in self._story.alerts
        ]
        told = deployed + alerted
        told.sort(key=lambda item: item[0])
        shown = [text for _, text in told]
        if len(shown) > lines:
            shown = [*shown[: lines - 1], Text(f"        … and {len(shown) - lines + 1} more", style="dim")]
        shown += [Text("")] * (lines - len(shown))
        return Group(*shown)


def firing_now(alerts: list[Alert]) -> list[Alert]:
    """Give the alerts that have fired and not resolved, each with its newest word."""
    newest = {alert.subject: alert for alert in alerts}
    return [alert for alert in newest.values() if alert.type == FIRING_TYPE]


def deployment_line(event: Deployment, start_ms: int) -> Text:
    """Say in one line what was deployed."""
    text = Text(_clock((event.time_ms - start_ms) / 60_000), no_wrap=True, overflow="ellipsis")
    text.append(" ▲ ", "bold yellow")
    text.append(f"{event.model.name} {event.model.version} is {event.role}")
    return text


def alert_line(alert: Alert, start_ms: int) -> Text:
    """Say in one line what fired or resolved."""
    data = alert.data
    at_ms = timestamp_ms(data.resolved_at or data.detected_at, "detected_at")
    text = Text(_clock((at_ms - start_ms) / 60_000), no_wrap=True, overflow="ellipsis")
    fires = alert.type == FIRING_TYPE
    text.append(" ● " if fires else " ○ ", "bold red" if fires else "green")
    text.append(f"{data.signal} of {data.series.surface}", "bold" if fires else "")
    if not fires:
        text.append(" resolved")
        return text
    text.append(f" {_shown(data.signal, data.value)}, was {_shown(data.signal, data.expected)}")
    text.append(f", since {_clock((timestamp_ms(data.started_at, 'started_at') - start_ms) / 60_000)}")
    cause = data.suspected_cause
    if cause is not None:
        text.append(f", after {cause.model} {cause.version}")
    return text


def _shown(signal: str, value: float | None) -> str:
    if value is None:
        return "·"
    if signal.startswith("latency"):
        return f"{value:.0f}"
    if signal in {"search_rate", "click_rate"}:
        return f"{value:.1f}"
    return f"{value:.3f}" if abs(value) < 1 else f"{value:.2f}"


def _clock(minutes: float) -> str:
    seconds = max(0, round(minutes * 60))
    return f"{seconds // 60:02d}:{seconds % 60:02d}"
