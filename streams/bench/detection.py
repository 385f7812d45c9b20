"""The benches of detection, and their tables in docs/detection.md: what `make bench-detection` runs.

A bench's table stands between two marks that name it. A bench whose module has a function `markdown` lays its own table
out; of the others every figure is a row.
"""

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import click

from schemas.errors import MatchwatchError
from streams.bench.reasons import missed
from streams.bench.report import Figure, Report
from streams.bench.table import DETECTION, MET, run

BEGIN: Final = "<!-- Bench {}, written by `make bench-detection`; do not edit. -->\n"
END: Final = "<!-- The end of bench {}. -->\n"
DOCUMENT: Final = Path("docs/detection.md")


def written(document: str, report: Report) -> str:
    """Give the document with a bench's table between its marks.

    Raises:
        MatchwatchError: it has no such marks.
    """
    begin, end = BEGIN.format(report.bench), END.format(report.bench)
    head, found, rest = document.partition(begin)
    _, closed, tail = rest.partition(end)
    if not found or not closed:
        raise MatchwatchError(
            f"the document has no lines {begin.strip()!r} and {end.strip()!r}: put them where the table is wanted"
        )
    return head + begin + markdown(report) + end + tail


def markdown(report: Report) -> str:
    """Lay a bench's figures out, with where and when they were measured and why targets are not met."""
    module = importlib.import_module(f"streams.bench.{report.bench.replace('-', '_')}")
    own: Callable[[Sequence[Figure]], str] = getattr(module, "markdown", rows)
    reasons = "".join(f"- {line}\n" for line in filter(None, map(missed, report.figures)))
    where = f"`matchwatch bench {report.bench}`, {report.date[:10]}, {report.machine}.\n"
    return f"\n{own(report.figures)}\n{where}" + (f"\n{reasons}" if reasons else "") + "\n"


def rows(figures: Sequence[Figure]) -> str:
    """Give every figure a row."""
    head = "| figure | value | unit | target | met |\n|---|---|---|---|---|\n"
    return head + "".join(
        f"| {one.name} | {value(one)} | {one.unit} | {one.target or ''} | {MET[one.met]} |\n" for one in figures
    )


def value(figure: Figure) -> str:
    """Give a figure's value for people."""
    return "not measured" if figure.value is None else f"{figure.value:,.4g}"


@click.command(epilog="\b\nExample:\n  python -m streams.bench.detection --bench shift --write\n")
@click.option("--bench", "names", type=click.Choice(list(DETECTION)), multiple=True, help="Which; all without it.")
@click.option("--runs", type=click.IntRange(1), help="Runs of each.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of what is drawn.")
@click.option("--write", is_flag=True, help=f"Put the tables into {DOCUMENT}.")
def main(*, names: tuple[str, ...], runs: int | None, seed: int, write: bool) -> None:
    """Run the benches of detection and print their tables, as Markdown."""
    for name in names or DETECTION:
        report = run(name, runs or DETECTION[name], seed=seed)
        click.echo(markdown(report))
        if write:  # at once: what was measured stays, whatever becomes of the next
            DOCUMENT.write_text(written(DOCUMENT.read_text("utf-8"), report), "utf-8")


if __name__ == "__main__":
    main()
