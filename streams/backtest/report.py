"""A backtest as one page: what fired, and what the signals did around it. No file beside it, nothing from the net."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final, NamedTuple

from detectors.alert_text import place
from detectors.rules import Rule
from schemas.alerts import Alert, AlertSeries
from schemas.scores import Series
from schemas.timestamps import timestamp_ms
from streams.backtest.outcome import Outcome
from streams.backtest.plot import Episode, Mark, plot
from streams.backtest.traces import Traces

MOST_PLOTS: Final = 60
"""A page with more is not looked at; it says how many are left out."""
_STYLE: Final = """
:root{color-scheme:light dark;--ink:#1c2430;--soft:#5b6675;--line:#d9dee5;--page:#fff;--card:#f6f8fa;
--value:#1f6feb;--band:#1f6feb2b;--expected:#5b6675;--limit:#b35900;--alert:#d1242f26;--edge:#d1242f;--deploy:#8250df}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ee;--soft:#9aa5b4;--line:#333b47;--page:#12161c;--card:#1a2029;
--value:#6cb0ff;--band:#6cb0ff30;--expected:#9aa5b4;--limit:#f0a04b;--alert:#ff6b6b2e;--edge:#ff7b72;--deploy:#bc8cff}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--page);max-width:1000px;margin:2rem auto;
padding:0 1rem}h1{font-size:1.5rem;margin-bottom:.2rem}h2{font-size:1.05rem;margin:2rem 0 .2rem}p{margin:.2rem 0 .8rem}
.soft{color:var(--soft)}.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.87rem}
td,th{text-align:left;vertical-align:top;padding:.35rem .7rem .35rem 0;border-bottom:1px solid var(--line)}
td:first-child{white-space:nowrap}.firing{color:var(--edge);font-weight:600}svg{width:100%;height:auto;display:block;
background:var(--card);border-radius:6px}svg text{font:12px system-ui,sans-serif;fill:var(--soft)}
.grid{stroke:var(--line)}.band{fill:var(--band)}.value{fill:none;stroke:var(--value);stroke-width:1.6;
stroke-linejoin:round}.dot{fill:var(--value)}.expected{stroke:var(--expected);stroke-dasharray:5 4;stroke-width:1.5}
.limit{stroke:var(--limit);stroke-dasharray:2 3;stroke-width:1.5}.alert{fill:var(--alert)}.edge{stroke:var(--edge)}
.deploy{stroke:var(--deploy);stroke-dasharray:4 3}svg text.deployed{fill:var(--deploy)}
.key span{display:inline-block;width:1.6em;height:.6em;margin:0 .4em 0 1.2em;border-radius:2px}
"""
_KEY: Final = (
    ("value", "background:var(--value)"),
    ("± 2 standard errors", "background:var(--band)"),
    ("expected", "background:var(--expected)"),
    ("limit", "background:var(--limit)"),
    ("alert", "background:var(--alert);border:1px solid var(--edge)"),
    ("deployment", "background:var(--deploy)"),
)


class _Watched(NamedTuple):
    """What a plot shows."""

    series: AlertSeries
    signal: str
    horizon_s: int


def report_page(outcome: Outcome, traces: Traces, rules: Sequence[Rule], source: str) -> str:
    """Give the page.

    Args:
        outcome: of the backtest.
        traces: what the watched signals did.
        rules: those of the backtest.
        source: where the events came from, for the title.
    """
    horizons = {rule.name: rule.horizon_s for rule in rules}
    plotted: dict[_Watched, list[Alert]] = {}
    for alert in outcome.alerts:
        data = alert.data
        watched = _Watched(data.series, data.signal, horizons.get(data.rule, 0))
        plotted.setdefault(watched, []).append(alert)
    marks = [
        Mark(one.time_ms, one.model.name, f"{one.model.name} {one.model.version} ({one.role})")
        for one in outcome.deployments
    ]
    fired = sum(alert.data.status == "firing" and not alert.data.repeat for alert in outcome.alerts)
    body = [
        "<h1>Backtest</h1>",
        f'<p class="soft">{escape(source)}: {outcome.read:,} records, {len(rules)} rules, {fired} alerts</p>',
        _table(outcome.alerts) if outcome.alerts else "<p>No alert would have fired.</p>",
    ]
    if plotted:
        body.append(_key())
    for watched in list(plotted)[:MOST_PLOTS]:
        body += _section(watched, plotted[watched], traces, marks)
    if len(plotted) > MOST_PLOTS:
        body.append(f"<p>{len(plotted) - MOST_PLOTS} more signals fired; narrow --from and --to to see them.</p>")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>matchwatch backtest</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<style>{_STYLE}</style></head><body>{''.join(body)}</body></html>\n"
    )


def _table(alerts: Iterable[Alert]) -> str:
    rows = "".join(
        f"<tr><td>{_short(alert.time)}</td><td class={alert.data.status}>{alert.data.status}</td>"
        f"<td>{escape(alert.data.rule)}</td><td>{escape(alert.data.summary)}</td></tr>"
        for alert in alerts
    )
    head = "<tr><th>when (UTC)</th><th>what</th><th>rule</th><th>alert</th></tr>"
    return f'<div class="wide"><table>{head}{rows}</table></div>'


def _key() -> str:
    return '<p class="soft key">' + "".join(f'<span style="{style}"></span>{name}' for name, style in _KEY) + "</p>"


def _section(watched: _Watched, alerts: list[Alert], traces: Traces, marks: list[Mark]) -> list[str]:
    of = watched.series
    series = Series(of.application, of.surface, of.model, of.version)
    version = "" if of.version == "*" else f" · {of.model} {of.version}"
    after = f", clicks within {watched.horizon_s} s" if watched.horizon_s else ""
    rules = ", ".join(dict.fromkeys(alert.data.rule for alert in alerts))
    parts = [
        f"<h2>{escape(watched.signal)} · {escape(place(of) + version)}</h2>",
        f'<p class="soft">{escape(rules)}{after}</p>',
    ]
    cells = traces.of(series, watched.signal, watched.horizon_s)
    if not cells:
        return [*parts, "<p>The signal has no values to draw.</p>"]
    ours = [mark for mark in marks if series.model in {"*", mark.model}]
    return [*parts, plot(cells, _episodes(alerts), ours, watched.signal)]


def _episodes(alerts: list[Alert]) -> list[Episode]:
    """Give each alert's span: from the change to the resolution, or to the end of the plot."""
    episodes: dict[tuple[str, str], Episode] = {}
    for alert in alerts:
        data = alert.data
        # Repeats and the resolution keep both: what came last of an alert tells all of it.
        episodes[data.fingerprint, data.detected_at] = Episode(
            timestamp_ms(data.started_at, "started_at"),
            timestamp_ms(data.detected_at, "detected_at"),
            None if data.resolved_at is None else timestamp_ms(data.resolved_at, "resolved_at"),
            data.expected,
            data.threshold,
        )
    return list(episodes.values())


def _short(time: str) -> str:
    return time.replace("T", " ").removesuffix("Z").partition(".")[0]
