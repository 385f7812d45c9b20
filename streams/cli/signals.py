"""`matchwatch signals`: the value of each signal in each cohort, with its uncertainty."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import click
import msgspec
from rich import box
from rich.table import Table

from detectors.alert_text import shown
from schemas.signals import SignalPoint
from schemas.topics import SIGNALS
from streams.cli.console import show
from streams.cli.rollups import NOTHING_CLOSED
from streams.readers.printable import printable
from streams.readers.shown_time import shown_time
from streams.readers.signal_log import read_signals, series_path, signal_row
from streams.readers.topic_reader import TopicReader
from streams.stack.home import load_settings

_ALL_VERSIONS: Final = "*/[*]"
"""The pattern for series whose version is `*`."""


@click.command(
    epilog="\b\nExamples:\n"
    "  matchwatch signals --signal 'ctr*' --series '*/search/*/3' --last 10\n"
    "  matchwatch signals --signal match_at_10 --json | jq -r '[.cohort_start, .value] | @tsv'"
)
@click.option(
    "--series",
    metavar="GLOB",
    help="Of these series: a pattern for application/surface/model/version. "
    "Default: all with --json or --all, else those of all versions together.",
)
@click.option("--signal", default="*", metavar="GLOB", help="Only these signals: a pattern for their names.")
@click.option("--all", "every", is_flag=True, help="Of every series, also of single versions.")
@click.option(
    "--last",
    type=click.IntRange(min=1),
    help="Only so many of the newest cohorts of each horizon. Default: all with --json, else 1.",
)
@click.option("--wait", "wait_s", type=click.FloatRange(min=0), default=0.0, help="Seconds to wait for a broker.")
@click.option("--config", type=click.Path(path_type=Path), help="Settings (TOML).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def command(
    *,
    series: str | None,
    signal: str,
    every: bool,
    last: int | None,
    wait_s: float,
    config: Path | None,
    as_json: bool,
) -> None:
    """Print what detect computed from each cohort: value, how many units it rests on, standard error.

    A value is null where there is too little data to show one; the reason stands beside it.
    """
    settings = load_settings(config)
    with TopicReader(settings.kafka, SIGNALS, wait_s) as reader:
        kept = last or (None if as_json else 1)
        pattern = series or ("*" if as_json or every else _ALL_VERSIONS)
        points = read_signals(reader, series=pattern, signal=signal, last=kept)
        if as_json:
            out = click.get_binary_stream("stdout")
            for point in points:
                out.write(msgspec.json.encode(signal_row(point)) + b"\n")
            out.flush()
            return
        shown_points = list(points)
        if shown_points:
            show(_table(shown_points))
        else:
            click.echo(NOTHING_CLOSED if series is None and signal == "*" else "no signal of a closed cohort matches")


def _table(points: Iterable[SignalPoint]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=0, pad_edge=False, show_edge=False)
    for name in ("cohort", "series", "signal", "after", "value", "± error", "n"):
        table.add_column(name, no_wrap=True, justify="left" if name in {"series", "signal"} else "right")
    for point in points:
        error = "–" if point.standard_error is None else shown(point.signal, point.standard_error)
        if point.reason is not None:
            error = printable(point.reason.replace("_", " "))
        table.add_row(
            shown_time(point.cohort_start_ms),
            printable(series_path(point.series)),
            point.signal,
            f"{point.horizon_s}s" if point.horizon_s else "–",
            "–" if point.value is None else shown(point.signal, point.value),
            error,
            f"{point.n:,}",
        )
    return table
