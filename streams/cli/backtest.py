"""`matchwatch backtest`: which alerts would have fired over recorded events, and when."""

import asyncio
import sys
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from detectors.rule_settings import rules_of
from schemas.alerts import Alert, encode_alert
from schemas.settings import Settings
from streams.backtest.findings import Findings
from streams.backtest.folder_log import FolderLog
from streams.backtest.outcome import Outcome
from streams.backtest.over_folder import backtest_folder
from streams.backtest.over_topics import backtest_topics
from streams.backtest.report import report_page
from streams.backtest.rules_file import with_rules
from streams.backtest.traces import Traces
from streams.cli.console import stdout_console
from streams.cli.time_option import TIME
from streams.kafka_admin import connect
from streams.readers.printable import printable
from streams.reprocess.span import Span
from streams.stack.home import load_settings


@click.command(
    epilog="\b\nExamples:\n"
    "  matchwatch backtest recording --report report.html\n"
    "  matchwatch backtest recording --rules stricter.toml --json | jq -r '.time + \" \" + .data.summary'\n"
    "  matchwatch backtest --kafka --from 2026-11-23T10:00:00Z --to 2026-11-23T12:00:00Z"
)
@click.argument("folder", required=False, metavar="[DIR]", type=click.Path(path_type=Path))
@click.option("--kafka", "from_kafka", is_flag=True, help="The recorded topics instead of a folder.")
@click.option("--from", "from_ms", type=TIME, help="Event time: the first whole cohort from here on. Default: all.")
@click.option("--to", "to_ms", type=TIME, help="Event time: up to the last cohort that ends by here. Default: all.")
@click.option("--rules", "rules_file", type=click.Path(path_type=Path), help="TOML with [[rules]], for the settings'.")
@click.option("--report", type=click.Path(path_type=Path, dir_okay=False), help="Write a page with plots here.")
@click.option("--wait", "wait_s", type=click.FloatRange(min=0), default=0.0, help="Seconds to wait for a broker.")
@click.option("--config", type=click.Path(path_type=Path), help="Settings (TOML).")
@click.option("--json", "as_json", is_flag=True, help="One CloudEvents alert a line; `time` is event time.")
def command(
    *,
    folder: Path | None,
    from_kafka: bool,
    from_ms: int | None,
    to_ms: int | None,
    rules_file: Path | None,
    report: Path | None,
    wait_s: float,
    config: Path | None,
    as_json: bool,
) -> None:
    """Say which alerts would have fired over recorded events, without a running pipeline.

    DIR is a folder that `simulate --out` wrote: it is scored with the match model of the settings. With --kafka the
    recorded match-scores and click-events are read. Rules begin to learn at --from. The same events and settings give
    the same alerts, with the ids that the running pipeline gives them. Nothing is written to Kafka, nobody is paged.
    """
    if (folder is None) is not from_kafka:
        raise click.UsageError("give a folder, or --kafka" if folder is None else "give a folder or --kafka, not both")
    settings = load_settings(config)
    if rules_file is not None:
        settings = with_rules(settings, rules_file)
    rules = rules_of(settings.rules)
    span = Span.of(from_ms or 0, to_ms, settings.fold.bucket_s)
    if span.is_empty:
        raise click.UsageError(
            f"between --from and --to lies no whole cohort of {settings.fold.bucket_s} s: --to must be later"
        )
    if report is not None and not report.parent.is_dir():
        raise click.UsageError(f"--report {report}: there is no folder {report.parent}")
    traces = None if report is None else Traces(rules)
    findings = Findings(traces)
    began_s = time.monotonic()
    with _progress() as show:
        work = show.add_task("folding", total=None)

        def progress(records: int) -> None:
            show.advance(work, records)

        run: Coroutine[Any, Any, Outcome]
        if folder is not None:
            run = backtest_folder(FolderLog.open(folder, settings.kafka), settings, span, findings, progress)
        else:
            connect(settings.kafka, wait_s)
            run = backtest_topics(settings, span, findings, progress)
        outcome = asyncio.run(run)
    if report is not None and traces is not None:
        report.write_text(report_page(outcome, traces, rules, str(folder or "the topics")), encoding="utf-8")
    if as_json:
        for alert in outcome.alerts:
            click.echo(encode_alert(alert))
    else:
        _show(outcome, settings)
    _tell(outcome, findings, time.monotonic() - began_s, report)


def _progress() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn("{task.completed:,.0f} records"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
        transient=True,
    )


def _show(outcome: Outcome, settings: Settings) -> None:
    console = stdout_console()
    if not outcome.alerts:
        console.print(f"no alert would have fired, with {len(rules_of(settings.rules))} rules")
        return
    table = Table("when", "what", "rule", "alert")
    for alert in outcome.alerts:
        data = alert.data
        table.add_row(alert.time, _step(alert), data.rule, printable(data.summary))
    console.print(table)


def _step(alert: Alert) -> str:
    return (
        f"firing (repeat {alert.data.repeat})"
        if alert.data.repeat and alert.data.status == "firing"
        else (alert.data.status)
    )


def _tell(outcome: Outcome, findings: Findings, seconds: float, report: Path | None) -> None:
    """Say on stderr what was read: stdout is for the alerts."""
    click.echo(
        f"read {outcome.read:,} records in {seconds:.1f} s, {findings.searches:,} searches and "
        f"{findings.signal_points:,} signal points; {len(outcome.alerts):,} alerts and resolutions",
        err=True,
    )
    for topic, reasons in outcome.unreadable.items():
        told = ", ".join(f"{number:,} {reason}" for reason, number in sorted(reasons.items()))
        click.echo(f"{topic}: {sum(reasons.values()):,} break their contract and count nowhere ({told})", err=True)
    late = {name: outcome.totals.get(name, 0) for name in ("late_searches", "late_clicks", "repeated_searches")}
    for name, number in late.items():
        if number:
            click.echo(f"{number:,} {name.replace('_', ' ')} left out", err=True)
    if report is not None:
        click.echo(f"report: {report}", err=True)
