"""All benches, one after the other, and one table of what they found: what `make bench` prints."""

import importlib
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import click
import msgspec
from rich.console import Console
from rich.table import Table

from schemas.config import parse_settings
from schemas.errors import MatchwatchError
from streams.bench.options import Options
from streams.bench.reasons import missed
from streams.bench.report import Report, report
from streams.bench.signals import clean_exit_on_signals

SEARCHES: Final[Mapping[str, int]] = {
    "evaluate": 30_000, "pipeline": 30_000, "recover": 1_000_000, "scale": 30_000
}  # fmt: skip
"""The benches, each a file of this folder with a function `bench`, and the searches of a run."""
RUNS: Final[Mapping[str, int]] = {"evaluate": 5, "pipeline": 5, "recover": 5, "scale": 5}
"""A kill with a million open searches takes most of a minute, so there are fewer."""
DETECTION: Final[Mapping[str, int]] = {
    "shift": 240, "faults": 20, "null_weeks": 20, "localize": 100, "false-alarms": 20
}  # fmt: skip
"""The benches of detection, each a module of this folder with a function `bench`, and their runs: see `detection`."""
RATE: Final = 200.0
MET: Final = {None: "", True: "yes", False: "NO"}


def table(reports: Sequence[Report]) -> Table:
    """Lay out every figure of some benches, below each other."""
    found = Table("bench", "figure", "value", "unit", "target", "met", "runs")
    for one in reports:
        for figure in one.figures:
            value = "not measured" if figure.value is None else f"{figure.value:g}"
            runs = " ".join(f"{run:g}" for run in figure.runs)
            found.add_row(
                one.bench, figure.name, value, figure.unit, figure.target or "", MET[figure.met], runs,
                style="bold" if figure.target else None,
            )  # fmt: skip
        found.add_section()
    return found


def run(name: str, runs: int, searches: int | None = None, rate: float = RATE, seed: int = 1) -> Report:
    """Run one bench with the default settings; what goes on is told on standard error."""

    def tell(line: str) -> None:
        click.echo(line, err=True)

    options = Options(parse_settings({}, {}), runs, searches or SEARCHES.get(name, 0), rate, tell, seed)
    with clean_exit_on_signals():
        figures = importlib.import_module(f"streams.bench.{name.replace('-', '_')}").bench(options)
    return report(name, figures, time.time_ns() // 1_000_000)


@click.command(epilog="\b\nExample:\n  python -m streams.bench.table --bench scale --runs 7\n")
@click.option("--bench", "names", type=click.Choice(list(SEARCHES)), multiple=True, help="Which; all without it.")
@click.option(
    "--runs", type=click.IntRange(1), help=f"Runs of each.  [default: {', '.join(f'{n} {r}' for n, r in RUNS.items())}]"
)
@click.option("--searches", type=click.IntRange(100), help="In each run, in place of each bench's own.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="A file for all reports, as JSON.")
def main(*, names: tuple[str, ...], runs: int | None, searches: int | None, out: Path | None) -> None:
    """Run benches and print one table of all targets; a bench that fails is named, and the others go on.

    All of them take most of an hour on two cores.
    """
    reports: list[Report] = []
    failed: list[str] = []
    try:
        for name in names or SEARCHES:
            click.echo(f"bench {name}, {runs or RUNS[name]} runs", err=True)
            try:
                reports.append(run(name, runs or RUNS[name], searches))
            except MatchwatchError as error:
                failed.append(f"bench {name} failed: {error}")
                click.echo(failed[-1], err=True)
    finally:  # also where a signal ends it: what was measured was not for nothing
        if out is not None:
            out.write_bytes(msgspec.json.format(msgspec.json.encode(reports)) + b"\n")
        show(reports)
        small = [one.bench for one in reports if (searches or SEARCHES[one.bench]) < SEARCHES[one.bench]]
        if small:
            click.echo(f"{', '.join(small)}: fewer searches than by default; for a look, not for keeping")
        for line in failed:
            click.echo(line)
    if failed:
        raise SystemExit(1)


def show(reports: Sequence[Report]) -> None:
    """Print a table, where and when each bench ran, and why targets are not met."""
    console = Console(width=None if Console().is_terminal else 160)
    if reports:
        console.print(table(reports))
    for one in reports:
        console.print(f"{one.bench}: {one.date}, {one.machine}", highlight=False)
    for line in filter(None, (missed(figure) for one in reports for figure in one.figures)):
        console.print(line, highlight=False)


if __name__ == "__main__":
    main()
