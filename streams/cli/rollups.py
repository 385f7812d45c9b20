"""`matchwatch rollups`: counts of every closed cohort, by series and horizon."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import click
import msgspec
from rich import box
from rich.table import Table

from schemas.rollup import LABEL_FREE, Rollup
from schemas.topics import ROLLUPS
from streams.cli.console import show
from streams.readers.printable import printable
from streams.readers.rollup_log import RollupLog
from streams.readers.rollup_row import rollup_row
from streams.readers.shown_time import shown_time
from streams.readers.topic_reader import TopicReader
from streams.stack.home import load_settings

NOTHING_CLOSED: Final = "no cohort is closed yet"
_TABLE_COHORTS = 12


@click.command(
    epilog="\b\nExamples:\n"
    "  matchwatch rollups                     # the newest cohorts as a table\n"
    "  matchwatch rollups --json | jq 'select(.horizon_s == 60) | .ctr'"
)
@click.option("--all", "every", is_flag=True, help="Also the series of all versions together (*); JSON with segments.")
@click.option("--label-free", is_flag=True, help="Also the early counts that wait for no clicks (horizon 0).")
@click.option(
    "--last",
    type=click.IntRange(min=1),
    help=f"Only so many of the newest cohorts of each horizon. Default: all with --json, else {_TABLE_COHORTS}.",
)
@click.option("--follow", is_flag=True, help="Go on as cohorts close, until Ctrl-C.")
@click.option("--wait", "wait_s", type=click.FloatRange(min=0), default=0.0, help="Seconds to wait for a broker.")
@click.option("--config", type=click.Path(path_type=Path), help="Settings (TOML).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def command(
    *,
    every: bool,
    label_free: bool,
    last: int | None,
    follow: bool,
    wait_s: float,
    config: Path | None,
    as_json: bool,
) -> None:
    """Print what was counted of each closed cohort, merged over partitions.

    A cohort is closed at a horizon when no partition will add to it any more. Lines come by cohort, horizon, series.
    """
    settings = load_settings(config)
    with TopicReader(settings.kafka, ROLLUPS, wait_s) as reader:
        kept = last or (None if as_json else _TABLE_COHORTS)
        log = RollupLog(settings, reader, every=every, label_free=label_free, last=kept)
        log.read_to_end()
        closed = log.closed()
        if closed or as_json:
            _print(closed, every=every, as_json=as_json)
        else:
            click.echo(NOTHING_CLOSED)
        if log.merged.differing:
            click.echo(
                f"matchwatch: {log.merged.differing} repeated rollups differ from the first of their kind, "
                "which is the one shown",
                err=True,
            )
        for closed in log.follow() if follow else ():
            if closed:
                _print(closed, every=every, as_json=as_json)


def _print(rollups: list[Rollup], *, every: bool, as_json: bool) -> None:
    if not as_json:
        show(_table(rollups))
        return
    out = click.get_binary_stream("stdout")
    for rollup in rollups:
        out.write(msgspec.json.encode(rollup_row(rollup, segments=every)) + b"\n")
    out.flush()


def _table(rollups: Iterable[Rollup]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=0, pad_edge=False, show_edge=False)
    for name in ("cohort", "after", "series", "searches", "shown", "clicks", "CTR", "match", "p95 ms"):
        number = name != "series"  # which has spaces, between which it may wrap
        table.add_column(name, no_wrap=number, justify="right" if number else "left")
    for rollup in rollups:
        row = rollup_row(rollup)
        horizon = "–" if rollup.horizon_s == LABEL_FREE else f"{rollup.horizon_s}s"
        series = rollup.series
        table.add_row(
            shown_time(rollup.cohort_start_ms),
            horizon,
            printable(f"{series.application}/{series.surface} {series.model} {series.version}"),
            f"{rollup.searches:,}",
            f"{rollup.impressions:,}",
            _shown(row["clicks"], ",d"),
            _shown(row["ctr"], ".2%"),
            _shown(row["match_at_10"], ".3f"),
            _shown(row["latency_ms"]["p95"], ".1f"),
        )
    return table


def _shown(value: float | None, pattern: str) -> str:
    return "–" if value is None else format(value, pattern)
