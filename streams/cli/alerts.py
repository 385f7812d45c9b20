"""`matchwatch alerts`: what fired, since when, how sure, and what was deployed just before."""

from collections import deque
from pathlib import Path

import click
import msgspec
from rich.table import Table

from schemas.alerts import Alert
from schemas.topics import ALERTS
from streams.cli.console import show as show_table
from streams.cli.console import stdout_console
from streams.readers.alert_log import AlertLog
from streams.readers.alert_panel import alert_line, alert_panel
from streams.readers.incident_list import IncidentRow, incident_rows
from streams.readers.printable import printable
from streams.readers.topic_reader import TopicReader
from streams.stack.home import load_settings


@click.command(
    epilog="\b\nExamples:\n  matchwatch alerts --rule match_drop --last 1\n  matchwatch alerts --incidents\n"
    "  matchwatch alerts --follow --json | jq -r '.data.summary'"
)
@click.option("--follow", is_flag=True, help="Go on as alerts come, until Ctrl-C.")
@click.option("--last", type=click.IntRange(min=1), help="Of those that are there, only so many of the newest.")
@click.option("--rule", help="Only those of one rule.")
@click.option("--brief", is_flag=True, help="One line for each alert.")
@click.option("--incidents", "by_incident", is_flag=True, help="One line for each incident: what broke together.")
@click.option("--wait", "wait_s", type=click.FloatRange(min=0), default=0.0, help="Seconds to wait for a broker.")
@click.option("--config", type=click.Path(path_type=Path), help="Settings (TOML).")
@click.option("--json", "as_json", is_flag=True, help="The CloudEvents as they lie in the topic, one a line.")
def command(
    *,
    follow: bool,
    last: int | None,
    rule: str | None,
    brief: bool,
    by_incident: bool,
    wait_s: float,
    config: Path | None,
    as_json: bool,
) -> None:
    """Print alerts in the order in which they were published, each once.

    A firing alert is shown with all that is known of it, a resolved one as a line.
    """
    if by_incident and (follow or brief or rule):
        raise click.UsageError("--incidents goes with none of --follow, --brief and --rule")
    settings = load_settings(config)
    console = stdout_console()

    def show(alert: Alert, value: bytes) -> None:
        if as_json:
            click.echo(value)
        elif brief or alert.data.status == "resolved":
            console.print(alert_line(alert), soft_wrap=True)
        else:
            panel = alert_panel(alert)
            panel.expand = console.is_terminal  # else it is as wide as its text
            console.print(panel)

    with TopicReader(settings.kafka, ALERTS, wait_s) as reader:
        log = AlertLog(reader)
        if by_incident:
            rows = incident_rows(alert for alert, _ in log.to_end())
            _show_incidents(rows if last is None else rows[-last:], as_json=as_json)
            return
        there = (one for one in log.to_end() if rule in {None, one[0].data.rule})
        shown = 0
        for alert, value in there if last is None else deque(there, last):
            show(alert, value)
            shown += 1
        if not shown and not as_json:
            console.print("no alerts")
        for alert, value in log.tail() if follow else ():
            if rule in {None, alert.data.rule}:
                show(alert, value)


def _show_incidents(rows: list[IncidentRow], *, as_json: bool) -> None:
    if as_json:
        for row in rows:
            click.echo(msgspec.json.encode(row))
        return
    if not rows:
        click.echo("no alerts")
        return
    table = Table("incident", "since", "status", "severity", "alerts", "rules", "what fired first")
    for column in table.columns[:4]:
        column.no_wrap = True
    for row in rows:
        status = f"{row.status}, silenced" if row.silenced else row.status
        count = f"{row.firing} of {row.alerts} fire" if row.firing else str(row.alerts)
        cells = (row.incident, row.started_at, status, row.severity, count, ", ".join(row.rules), row.summary)
        table.add_row(*map(printable, cells))
    show_table(table)
