"""The command of `matchwatch bench` that reads what others recorded and labelled."""

import time
from pathlib import Path

import click
import msgspec

from streams.bench import nab
from streams.bench.report import Figure, report
from streams.bench.table import show

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(
    name="nab",
    epilog="\b\nExamples:\n"
    "  matchwatch bench nab --data NAB/data --windows NAB/windows.json --profiles NAB/profiles.json --out /tmp/nab\n"
    "  matchwatch bench nab --data NAB/data --out /tmp/nab        # detect only\n",
)
@click.option(
    "--data", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Series, as <category>/<file>.csv."
)
@click.option("--windows", type=FILE, help="JSON: the labelled windows of each series.")
@click.option("--profiles", type=FILE, help="JSON: what misses and false alarms cost.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder for the results, as <category>/matchwatch_<file>.csv.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(*, data: Path | None, windows: Path | None, profiles: Path | None, out: Path, as_json: bool) -> None:
    """Find anomalies in the series of the Numenta Anomaly Benchmark, and score what was found.

    With --data, every series is read and its results are written before any window is looked at. With --windows and
    --profiles, the results in --out are scored, and their rows labelled.
    """
    if (windows is None) != (profiles is None):
        raise click.UsageError("--windows and --profiles belong together")
    if data is None and windows is None:
        raise click.UsageError("give --data to detect, --windows and --profiles to score, or all three")
    figures: list[Figure] = []
    if data is not None:
        figures += nab.detect(data, out, lambda line: click.echo(line, err=True))
    if windows is not None and profiles is not None:
        figures += nab.score(windows, profiles, out)
    found = report("nab", figures, time.time_ns() // 1_000_000)
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        show([found])
