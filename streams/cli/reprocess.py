"""`matchwatch reprocess`: recomputes rollups, signals and alerts of a past time, into topics of their own."""

import asyncio
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click
import msgspec
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from schemas.settings import KafkaSettings, Settings
from streams.cli.time_option import TIME
from streams.kafka_admin import connect
from streams.reprocess.own_topics import drop, make, own_kafka, recomputations
from streams.reprocess.run import ReprocessSummary, reprocess
from streams.reprocess.span import Span
from streams.stack.home import load_settings

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


def _named(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value is not None and not _NAME.fullmatch(value):
        raise click.BadParameter(f"{value!r}: take 1 to 40 lower-case letters, digits and hyphens")
    return value


@click.command(
    epilog="\b\nExamples:\n"
    "  matchwatch reprocess --from 2026-11-23T10:00:00Z --to 2026-11-23T12:00:00Z --id noon\n"
    "  MATCHWATCH_KAFKA_TOPIC_PREFIX=reprocess-noon. matchwatch alerts\n"
    "  matchwatch reprocess --drop noon"
)
@click.option("--from", "from_ms", type=TIME, help="Event time: the first whole cohort from here on.")
@click.option("--to", "to_ms", type=TIME, help="Event time: up to the last cohort that ends by here. Default: all.")
@click.option("--id", "name", callback=_named, help="Name of the result. Default: the time of the call.")
@click.option("--list", "listed", is_flag=True, help="Say which results are there.")
@click.option("--drop", "dropped", metavar="ID", callback=_named, help="Delete a result.")
@click.option("--wait", "wait_s", type=click.FloatRange(min=0), default=0.0, help="Seconds to wait for a broker.")
@click.option("--config", type=click.Path(path_type=Path), help="Settings (TOML).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(
    *,
    from_ms: int | None,
    to_ms: int | None,
    name: str | None,
    listed: bool,
    dropped: str | None,
    wait_s: float,
    config: Path | None,
    as_json: bool,
) -> None:
    """Recompute what the recorded topics tell of a past time, with today's settings and rules.

    Reads match-scores, as they were scored then, and click-events; writes rollups, signals and alerts under a topic
    prefix of their own. Alerts are marked as replayed, so that nobody is paged. With unchanged settings the rollups
    equal the live ones. Nothing of the running pipeline is touched.
    """
    if [from_ms is not None, listed, dropped is not None].count(True) != 1:
        raise click.UsageError("give --from TIME, or --list, or --drop ID")
    settings = load_settings(config)
    client = connect(settings.kafka, wait_s)
    if listed:
        found = recomputations(client, settings.kafka)
        click.echo(msgspec.json.encode(found) if as_json else "\n".join(found) or "no results are there")
    elif dropped is not None:
        gone = drop(client, own_kafka(settings.kafka, dropped))
        if not gone and not as_json:
            click.echo(f"there is no result {dropped}; `matchwatch reprocess --list` shows them", err=True)
        elif not as_json:
            click.echo(f"deleted {', '.join(gone)}")
        else:
            click.echo(msgspec.json.encode(gone))
        sys.exit(0 if gone else 1)
    elif from_ms is not None:
        span = Span.of(from_ms, to_ms, settings.fold.bucket_s)
        if span.is_empty:
            raise click.UsageError(
                f"between --from and --to lies no whole cohort of {settings.fold.bucket_s} s: --to must be later"
            )
        summary = _run(settings, span, name or time.strftime("%Y%m%d-%H%M%S", time.gmtime()))
        click.echo(msgspec.json.encode(summary)) if as_json else _show(summary)


def _run(settings: Settings, span: Span, name: str) -> ReprocessSummary:
    own: KafkaSettings = own_kafka(settings.kafka, name)
    client = connect(settings.kafka)
    make(client, own)
    try:
        with _progress() as show:
            return asyncio.run(reprocess(settings, span, name, own, progress=_counting(show)))
    except BaseException:  # also Ctrl-C: half a result is none
        drop(client, own)
        raise


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


def _counting(show: Progress) -> Callable[[str, int], None]:
    tasks = {what: show.add_task(what, total=None) for what in ("skimming", "recomputing")}
    return lambda what, records: show.advance(tasks[what], records)


def _show(summary: ReprocessSummary) -> None:
    click.echo(f"{summary.id}: cohorts from {summary.from_time} on, with today's settings")
    for horizon_s, end in summary.complete_through.items():
        which = f"clicks within {horizon_s} s" if horizon_s != "0" else "without clicks"
        click.echo(f"  complete before {end}  {which}")
    if summary.open_cohorts:
        click.echo(f"  {summary.open_cohorts:,} cohorts left out: some partition has not passed them yet")
    click.echo(
        f"read {summary.records_read:,} records in {summary.seconds:.1f} s, {summary.events_per_s:,} events/s\n"
        f"wrote {summary.rollups:,} rollups of {summary.searches:,} searches, {summary.signal_points:,} signal points, "
        f"{summary.alerts:,} alerts (marked as replayed)\n"
        f"look at it:  MATCHWATCH_KAFKA_TOPIC_PREFIX={summary.topic_prefix} matchwatch rollups   (or signals, alerts)\n"
        f"delete it:   matchwatch reprocess --drop {summary.id}"
    )
