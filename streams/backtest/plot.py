"""One signal over time as an inline SVG: values, their error band, what was expected, the limit, alerts, deployments.

Colours are the page's, by class, so that a plot reads in light and in dark.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Final, NamedTuple

from detectors.alert_text import shown
from schemas.timestamps import format_timestamp
from streams.backtest.traces import Cell

_WIDTH: Final = 960
_HEIGHT: Final = 240
_LEFT: Final = 74
_RIGHT: Final = 14
_TOP: Final = 24
_BOTTOM: Final = 26
_LABEL_ROOM: Final = 150
"""Pixels between two labelled deployments: nearer ones have a line only, and the label on the pointer."""
_STEPS_S: Final = (10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 43_200, 86_400, 172_800, 604_800, 2_592_000)
_MOST_TICKS: Final = 8


class Mark(NamedTuple):
    """A deployment."""

    time_ms: int
    model: str
    text: str


class Episode(NamedTuple):
    """An alert."""

    started_ms: int
    """Estimated time of the change."""
    fired_ms: int
    resolved_ms: int | None
    expected: float | None
    limit: float | None


class _Frame:
    """From time and value to pixels."""

    def __init__(self, cells: Sequence[Cell], episodes: Sequence[Episode]) -> None:
        self.from_ms, self.to_ms = cells[0].start_ms, cells[-1].end_ms
        edges = [cell.value + sign * 2 * cell.standard_error for cell in cells for sign in (-1, 1)]
        # A few wide bands must not make the line flat: the outermost hundredth of the edges may leave the frame.
        edges.sort()
        cut = len(edges) // 100
        numbers = [*edges[cut : len(edges) - cut], *(cell.value for cell in cells)]
        numbers += [x for one in episodes for x in (one.expected, one.limit) if x is not None and math.isfinite(x)]
        low, high = min(numbers), max(numbers)
        if min(cell.value for cell in cells) >= 0:
            low = max(low, 0.0)
        room = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
        self.low, self.high = low if low == 0 else low - room, high + room

    def x(self, time_ms: float) -> float:
        """Give the pixel of a time; times outside stand at the frame's edge."""
        share = (time_ms - self.from_ms) / max(self.to_ms - self.from_ms, 1)
        return round(_LEFT + min(max(share, 0.0), 1.0) * (_WIDTH - _LEFT - _RIGHT), 1)

    def y(self, value: float) -> float:
        """Give the pixel of a value; values outside stand at the frame's edge."""
        share = (value - self.low) / (self.high - self.low)
        return round(_HEIGHT - _BOTTOM - min(max(share, 0.0), 1.0) * (_HEIGHT - _TOP - _BOTTOM), 1)


def plot(cells: Sequence[Cell], episodes: Sequence[Episode], marks: Iterable[Mark], signal: str) -> str:
    """Draw a signal.

    Args:
        cells: at least one, ascending.
        episodes: its alerts.
        marks: deployments; those outside the plot are left out.
        signal: its name, which knows its unit.
    """
    frame = _Frame(cells, episodes)
    inside = [mark for mark in marks if frame.from_ms <= mark.time_ms <= frame.to_ms]
    shapes = [*_spans(frame, episodes), *_grid(frame, signal)]
    for run in _runs(cells):
        shapes += _run(frame, run)
    shapes += [*_levels(frame, episodes), *_deployments(frame, inside)]
    head = f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(signal)} over time">'
    return head + "".join(shapes) + "</svg>"


def _spans(frame: _Frame, episodes: Iterable[Episode]) -> Iterator[str]:
    for one in episodes:
        left, fired = frame.x(one.started_ms), frame.x(one.fired_ms)
        right = frame.x(frame.to_ms if one.resolved_ms is None else one.resolved_ms)
        height = _HEIGHT - _TOP - _BOTTOM
        ended = "not resolved" if one.resolved_ms is None else f"resolved {format_timestamp(one.resolved_ms)}"
        yield (
            f'<rect class="alert" x="{left}" y="{_TOP}" width="{max(right - left, 1):.1f}" height="{height}">'
            f"<title>since {format_timestamp(one.started_ms)}, fired {format_timestamp(one.fired_ms)}, {ended}</title>"
            f'</rect><line class="edge" x1="{fired}" x2="{fired}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"/>'
        )


def _grid(frame: _Frame, signal: str) -> Iterator[str]:
    for value in _nice_steps(frame.low, frame.high):
        y = frame.y(value)
        yield f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>'
        yield f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{escape(shown(signal, value))}</text>'
    span_s = (frame.to_ms - frame.from_ms) / 1000
    step_s = next((step for step in _STEPS_S if span_s / step <= _MOST_TICKS), math.ceil(span_s / _MOST_TICKS))
    step_ms = step_s * 1000
    # Years of recording have dates under them, days the hour as well, minutes the second.
    part = slice(0, 10) if step_s >= 86_400 else slice(5, 16) if span_s > 86_400 else slice(11, 19)
    for time_ms in range(-(-frame.from_ms // step_ms) * step_ms, frame.to_ms + 1, step_ms):
        text = format_timestamp(time_ms)[part].replace("T", " ")
        x = min(max(frame.x(time_ms), _LEFT + 20), _WIDTH - _RIGHT - 30)
        yield f'<text x="{x}" y="{_HEIGHT - 8}" text-anchor="middle">{text}</text>'


def _runs(cells: Sequence[Cell]) -> Iterator[list[Cell]]:
    """Cut where cohorts are missing: no line leads over a gap of more than a few cells."""
    run: list[Cell] = []
    for cell in cells:
        if run and cell.start_ms - run[-1].end_ms > 3 * (cell.end_ms - cell.start_ms):
            yield run
            run = []
        run.append(cell)
    yield run


def _run(frame: _Frame, run: list[Cell]) -> Iterator[str]:
    middle = [frame.x((cell.start_ms + cell.end_ms) / 2) for cell in run]
    values = [frame.y(cell.value) for cell in run]
    if len(run) == 1:
        yield f'<circle class="dot" cx="{middle[0]}" cy="{values[0]}" r="2"/>'
        return
    upper = [(x, frame.y(cell.value + 2 * cell.standard_error)) for x, cell in zip(middle, run, strict=True)]
    lower = [(x, frame.y(cell.value - 2 * cell.standard_error)) for x, cell in zip(middle, run, strict=True)]
    if any(cell.standard_error for cell in run):
        yield f'<polygon class="band" points="{_points([*upper, *reversed(lower)])}"/>'
    yield f'<polyline class="value" points="{_points(zip(middle, values, strict=True))}"/>'


def _levels(frame: _Frame, episodes: Iterable[Episode]) -> Iterator[str]:
    for one in episodes:
        left = frame.x(one.started_ms)
        right = max(frame.x(frame.to_ms if one.resolved_ms is None else one.resolved_ms), left + 12)
        for kind, value in (("expected", one.expected), ("limit", one.limit)):
            if value is not None and math.isfinite(value):
                y = frame.y(value)
                yield f'<line class="{kind}" x1="{left}" x2="{right}" y1="{y}" y2="{y}"/>'


def _deployments(frame: _Frame, marks: Iterable[Mark]) -> Iterator[str]:
    free_from = float(_LEFT)
    for mark in sorted(marks):
        x = frame.x(mark.time_ms)
        yield (
            f'<line class="deploy" x1="{x}" x2="{x}" y1="{_TOP - 6}" y2="{_HEIGHT - _BOTTOM}">'
            f"<title>{escape(mark.text)} {format_timestamp(mark.time_ms)}</title></line>"
        )
        if x >= free_from:
            anchor, at = ("end", x - 4) if x > _WIDTH - _LABEL_ROOM else ("start", x + 4)
            text = escape(mark.text[:24])
            yield f'<text class="deployed" x="{at}" y="{_TOP - 8}" text-anchor="{anchor}">{text}</text>'
            free_from = x + _LABEL_ROOM


def _nice_steps(low: float, high: float) -> list[float]:
    """Give three to six round numbers between two.

    >>> _nice_steps(0.0, 0.42)
    [0.0, 0.1, 0.2, 0.3, 0.4]
    """
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    return [round(number * step, 12) for number in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _points(pairs: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x},{y}" for x, y in pairs)
