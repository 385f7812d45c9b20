"""`matchwatch bench`: how fast it is here, against its targets."""

import importlib
import time
from typing import Final

import click
import msgspec
from rich.console import Console
from rich.table import Table

from schemas.config import parse_settings
from streams.bench.options import Options
from streams.bench.report import Report, report

BENCHES: Final = ("evaluate", "pipeline")
"""Each is a file of `streams/bench` with a function `bench`."""


@click.command(
    epilog="\b\nExamples:\n  matchwatch bench pipeline\n  matchwatch bench pipeline --runs 7 --searches 40000 --json\n"
)
@click.argument("name", type=click.Choice(BENCHES))
@click.option("--runs", type=click.IntRange(1), default=5, show_default=True, help="Runs of each; medians are given.")
@click.option("--searches", type=click.IntRange(100), default=30_000, show_default=True, help="In each run.")
@click.option(
    "--rate", type=click.FloatRange(0.1), default=200.0, show_default=True, help="Searches a second of event time."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(*, name: str, runs: int, searches: int, rate: float, as_json: bool) -> None:
    """Measure CPU time on servers that the bench starts itself, in runs that take turns.

    All is measured with the default settings, whatever settings file or MATCHWATCH_ variables there are. A target
    that is not met is said in the figure, and is no error.
    """

    def tell(line: str) -> None:
        click.echo(line, err=True)

    options = Options(parse_settings({}, {}), runs, searches, rate, tell)
    found = report(name, importlib.import_module(f"streams.bench.{name}").bench(options), time.time_ns() // 1_000_000)
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        _show(found)


def _show(found: Report) -> None:
    table = Table("figure", "value", "unit", "target", "met", "runs")
    for figure in found.figures:
        value = "not measured" if figure.value is None else f"{figure.value:g}"
        met = {None: "", True: "yes", False: "no"}[figure.met]
        table.add_row(
            figure.name, value, figure.unit, figure.target or "", met, " ".join(f"{run:g}" for run in figure.runs)
        )
    console = Console()
    console.print(table)
    console.print(f"{found.bench}, {found.date}, {found.machine}")
