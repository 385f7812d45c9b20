"""`matchwatch counters`: what became of every event so far, live from Redis."""

import time
from pathlib import Path
from typing import Final

import click
import msgspec
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table

from streams.cli.console import show, stdout_console
from streams.readers.counter_store import CounterStore, LiveCounters
from streams.stack.home import load_settings

EVERY_S: Final = 1.0
"""The workers write as often."""


@click.command(
    epilog="\b\nExamples:\n  matchwatch counters --watch\n  matchwatch counters --json | jq .counters.accepted_searches"
)
@click.option("--watch", is_flag=True, help="Again every second, until Ctrl-C.")
@click.option("--wait", "wait_s", type=click.FloatRange(min=0), default=0.0, help="Seconds to wait for Redis.")
@click.option("--config", type=click.Path(path_type=Path), help="Settings (TOML).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object; with --watch one a second.")
def command(*, watch: bool, wait_s: float, config: Path | None, as_json: bool) -> None:
    """Print counters of events accepted, late, repeated, unmatched and so on, added up over partitions.

    Each counts since its log began, also over restarts; `open_searches` are those that wait for clicks now. Partitions
    that no worker has written yet are named.
    """
    settings = load_settings(config)
    with CounterStore(settings) as store:
        counters = store.read(wait_s)
        if as_json:
            click.echo(msgspec.json.encode(counters))
            while watch:
                time.sleep(EVERY_S)
                click.echo(msgspec.json.encode(store.read(wait_s)))
        elif watch:
            with Live(_shown(counters), console=stdout_console(), auto_refresh=False) as live:
                while True:
                    time.sleep(EVERY_S)
                    live.update(_shown(store.read(wait_s)), refresh=True)
        else:
            for table in _tables(counters):
                show(table)
            _warn(counters)


def _shown(counters: LiveCounters) -> RenderableType:
    return Group(*_tables(counters))


def _tables(counters: LiveCounters) -> tuple[Table, Table]:
    numbers = sorted(counters.partitions)
    table = Table("evaluate", "all", *(f"[{number}]" for number in numbers))
    for column in table.columns:
        column.no_wrap = True
    for column in table.columns[1:]:
        column.justify = "right"
    for name, total in counters.counters.items():
        parts = (counters.partitions[number].get(name, 0) for number in numbers)
        table.add_row(name, f"{total:,}", *(f"{part:,}" for part in parts))
    detect = Table("detect", "all")
    detect.columns[1].justify = "right"
    for name, total in counters.detect.items():
        detect.add_row(name, f"{total:,}")
    return table, detect


def _warn(counters: LiveCounters) -> None:
    missing = ", ".join(map(str, counters.missing_partitions))
    if missing:
        click.echo(f"matchwatch: nothing from partition {missing} yet: see that `matchwatch worker` runs", err=True)
    if not counters.detect:
        click.echo("matchwatch: nothing from detect yet: see that `matchwatch worker` runs", err=True)
