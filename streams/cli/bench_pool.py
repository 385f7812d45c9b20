"""The command of `matchwatch bench` that measures the scoring pool; it needs no servers but a worker of its own."""

import time

import click
import msgspec

from schemas.config import parse_settings
from streams.bench import pool
from streams.bench.options import Options
from streams.bench.report import report
from streams.bench.signals import clean_exit_on_signals
from streams.bench.table import show


@click.command(name="pool", epilog="\b\nExample:\n  matchwatch bench pool --runs 3 --json\n")
@click.option("--runs", type=click.IntRange(1), default=5, show_default=True, help="Runs; medians are given.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of the texts.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(*, runs: int, seed: int, as_json: bool) -> None:
    """Measure the scoring pool against raw ONNX Runtime at the same batch, tokenising in both.

    All is measured with the default settings and the model that they make live. A target that is not met is said in the
    figure, and is no error.
    """
    options = Options(parse_settings({}, {}), runs, 0, 0.0, lambda line: click.echo(line, err=True), seed)
    with clean_exit_on_signals():
        found = report("pool", pool.bench(options), time.time_ns() // 1_000_000)
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        show([found])
