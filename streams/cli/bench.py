"""`matchwatch bench`: how fast it is here, and how soon and how rarely it alarms, against its targets."""

from functools import partial

import click
import msgspec

from streams.bench.table import DETECTION, RATE, RUNS, SEARCHES, run, show
from streams.cli import bench_nab, bench_pool


@click.command()
@click.option(
    "--runs",
    type=click.IntRange(1),
    help="Runs of each; of speed, medians are given.  "
    f"[default: 5; {', '.join(f'{name} {runs}' for name, runs in DETECTION.items())}]",
)
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
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="In benches of detection.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def measured(*, name: str, runs: int | None, searches: int | None, rate: float, seed: int, as_json: bool) -> None:
    """Measure CPU time, in recover seconds, on servers that the bench starts itself, in runs that take turns.

    Benches of detection start no servers: what they watch is drawn from --seed.

    All is measured with the default settings, whatever settings file or MATCHWATCH_ variables there are. A target
    that is not met is said in the figure, and is no error.
    """
    found = run(name, runs or {**RUNS, **DETECTION}[name], searches, rate, seed)
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        show([found])


class Benches(click.Group):
    """Benches by name. Those that measure what they make themselves share their options."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - as click calls it
        """Give the names of all benches."""
        return [*SEARCHES, *DETECTION, "nab", "pool"]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Give the command of a bench; None if there is none."""
        if cmd_name == "nab":
            return bench_nab.command
        if cmd_name == "pool":
            return bench_pool.command
        if cmd_name not in self.list_commands(ctx) or measured.callback is None:
            return None
        callback = partial(measured.callback, name=cmd_name)
        example = f"\b\nExample:\n  matchwatch bench {cmd_name} --json\n"
        short = "On servers of its own." if cmd_name in SEARCHES else "On what is drawn from a seed."
        return click.Command(
            cmd_name, params=measured.params, callback=callback, help=measured.help, short_help=short, epilog=example
        )


@click.command(
    cls=Benches,
    epilog="\b\nExamples:\n  matchwatch bench pipeline\n  matchwatch bench pipeline --runs 7 --searches 40000 --json\n"
    "  matchwatch bench shift --seed 2\n",
)
def command() -> None:
    """Measure how fast matchwatch is here, and how soon and how rarely it alarms, against its targets."""
