"""`matchwatch bench`: how fast it is here, against its targets."""

import click
import msgspec

from streams.bench.table import RATE, SEARCHES, run, show


@click.command(
    epilog="\b\nExamples:\n  matchwatch bench pipeline\n  matchwatch bench pipeline --runs 7 --searches 40000 --json\n"
)
@click.argument("name", type=click.Choice(list(SEARCHES)))
@click.option("--runs", type=click.IntRange(1), default=5, show_default=True, help="Runs of each; medians are given.")
@click.option(
    "--searches",
    type=click.IntRange(100),
    help="In each run; in recover, how many are open.  [default: 30000, in recover 1000000]",
)
@click.option(
    "--rate",
    type=click.FloatRange(0.1),
    default=RATE,
    show_default=True,
    help="Searches a second of event time; in recover it follows from how many are open.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(*, name: str, runs: int, searches: int | None, rate: float, as_json: bool) -> None:
    """Measure CPU time, in recover seconds, on servers that the bench starts itself, in runs that take turns.

    All is measured with the default settings, whatever settings file or MATCHWATCH_ variables there are. A target
    that is not met is said in the figure, and is no error.
    """
    found = run(name, runs, searches, rate)
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        show([found])
