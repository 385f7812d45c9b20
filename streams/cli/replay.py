"""`matchwatch replay`: recordings, and search logs in UBI format, into Kafka."""

import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from schemas.timestamps import format_timestamp
from streams.readers.printable import printable
from streams.replay.records import Record
from streams.replay.replay import Format, ReplaySummary, files_of, replay
from streams.stack.home import load_settings

_EVERY_RECORDS = 500


@click.command(
    epilog="\b\nExamples:\n"
    "  matchwatch replay recording --finish\n"
    "  matchwatch replay --format ubi ubi_queries_events.ndjson.gz --finish\n"
)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path))
@click.option("--format", "format_", type=click.Choice(["matchwatch", "ubi"]), default="matchwatch", show_default=True)
@click.option(
    "--speed",
    type=click.FloatRange(min=0),
    default=0.0,
    show_default=True,
    help="Times real time; 0: at once. Gaps of more than a day are passed over.",
)
@click.option("--finish", is_flag=True, help="End with a watermark that closes every cohort.")
@click.option("--config", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Settings (TOML).")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as one JSON object.")
def command(
    *, paths: tuple[Path, ...], format_: Format, speed: float, finish: bool, config: Path | None, as_json: bool
) -> None:
    """Send recordings to Kafka: folders that `simulate --out` wrote, files of them, or UBI logs.

    Each file keeps the order of its lines; several are merged by time. Lines that are no events are sent as they are,
    for the pipeline to judge; in UBI logs they are counted by reason and shown.

    An event that alone is dated more than fold.max_ahead_s ahead of this machine's clock gets the arrival of now, so
    that it is refused as too_far_ahead. A recording that is ahead as a whole is taken where search-events is empty.
    """
    settings = load_settings(config)
    with _progress() as bar:
        task = bar.add_task("sending", total=_total_bytes(paths, format_), records=0)
        done = [0, 0]

        def step(record: Record) -> None:
            done[0] += 1
            done[1] += 1 + len(record.value or b"")
            if done[0] % _EVERY_RECORDS == 0:
                bar.update(task, completed=done[1], records=done[0])

        summary = replay(paths, settings, format=format_, speed=speed, finish=finish, progress=step)
    if as_json:
        click.echo(msgspec.json.encode(summary))
    else:
        _show(summary, finish=finish)


def _total_bytes(paths: tuple[Path, ...], format_: Format) -> int | None:
    """Guess how much there is to send; None where it cannot be told: packed files, pipes, and logs to be converted."""
    files = [file for found in files_of(paths, format_).values() for file in found]
    if format_ == "ubi" or any(file.suffix == ".gz" or not file.is_file() for file in files):
        return None
    return sum(file.stat().st_size for file in files)


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[records]:,} records"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
        transient=True,
    )


def _show(summary: ReplaySummary, *, finish: bool) -> None:
    # Names of actions come from a log: nothing in them is markup, a picture or a command to the terminal.
    console = Console(markup=False, emoji=False)
    for title, counts in (
        ("sent", summary.sent),
        ("sent without a key", summary.without_key),
        ("larger than the broker takes, not sent", summary.refused),
        ("lines read", summary.lines),
        ("lines not used", summary.dropped),
        ("query ids", summary.queries),
    ):
        if counts:
            console.print(_table(title, counts))
    if summary.dated_ahead:
        told = ", ".join(f"{count:,} of {topic}" for topic, count in summary.dated_ahead.items())
        console.print(
            f"dated ahead of this machine's clock: {told}; they go to dead-letters as too_far_ahead, for they would "
            "make all that comes after them late. A recording of the future wants topics of its own "
            "(MATCHWATCH_KAFKA_TOPIC_PREFIX)"
        )
    if summary.first_ms is not None and summary.last_ms is not None:
        console.print(
            f"events from {format_timestamp(summary.first_ms)} to {format_timestamp(summary.last_ms)}, "
            f"sent in {summary.seconds:.1f} s"
        )
    if summary.watermark_ms is not None:
        console.print(f"finished: watermark {format_timestamp(summary.watermark_ms)} in every source partition")
    elif finish:
        console.print("not finished: no search or click has a time that could be read, so there is no watermark")


def _table(title: str, counts: Mapping[str, int]) -> Table:
    table = Table(title, "count")
    for name, count in Counter(counts).most_common():
        table.add_row(printable(name), f"{count:,}")
    return table
