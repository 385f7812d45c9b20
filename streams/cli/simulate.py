"""`matchwatch simulate`: a shop that searches, shows and clicks, into Kafka or into files."""

import sys
import time
from collections import Counter
from pathlib import Path
from typing import Literal

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from schemas.errors import BadRecord
from schemas.timestamps import format_timestamp, timestamp_ms
from streams.shop.catalog import build_catalog
from streams.shop.faults import FaultName, parse_fault
from streams.shop.live import send_live
from streams.shop.outbox import Emitted
from streams.shop.recording import RECORDED_TOPICS, record
from streams.shop.settings import DEFAULT_START_MS, ClickModel, SimulationSettings
from streams.shop.truth import truth
from streams.stack.home import load_settings

_EVERY_RECORDS = 500


@click.command(
    epilog="\b\nExamples:\n"
    "  matchwatch simulate --rate 50 --minutes 30 --speed 20 --fault decoy --fault bad_ranker@20\n"
    "  matchwatch simulate --rate 20 --minutes 60 --seed 7 --fault latency --out recording\n\n"
    f"Faults: {', '.join(FaultName)}; none is none."
)
@click.option("--rate", type=float, default=20.0, show_default=True, help="Searches a second, at a mean hour.")
@click.option("--minutes", type=float, default=30.0, show_default=True, help="How long, in event time.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Equal seeds, equal events.")
@click.option(
    "--speed", type=click.FloatRange(min=0), default=1.0, show_default=True, help="Times real time; 0: at once."
)
@click.option("--fault", "faults", multiple=True, metavar="NAME@MINUTE", help="What goes wrong, and when; repeatable.")
@click.option(
    "--start",
    metavar="TIME",
    help="First event time, RFC 3339. Default: so long ago that the last search is now; with --out always "
    f"{format_timestamp(DEFAULT_START_MS)}, so that the files are the same every day. Into a Kafka that has seen an "
    "accelerated run before, start after that run's end: what is older than its events is late, and not counted.",
)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Write files here, send nothing.")
@click.option("--click-model", type=click.Choice(["position", "cascade"]), default="position", show_default=True)
@click.option("--finish", is_flag=True, help="End with a watermark that closes every cohort.")
@click.option("--config", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Settings (TOML).")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as one JSON object.")
def command(
    *,
    rate: float,
    minutes: float,
    seed: int,
    speed: float,
    faults: tuple[str, ...],
    start: str | None,
    out: Path | None,
    click_model: Literal["position", "cascade"],
    finish: bool,
    config: Path | None,
    as_json: bool,
) -> None:
    """Run a bilingual shop: searches, clicks, deployments, and what goes wrong.

    Without --out events go to Kafka as they happen. With --out they are written to DIR, one file per topic in order of
    arrival, with truth.json beside them: what went wrong since when, and which signals should tell.
    """
    if finish and out is not None:
        raise click.UsageError("--finish goes with Kafka: files hold no watermark; `matchwatch replay DIR --finish`")
    if out is not None and any((out / f"{topic}.ndjson").exists() for topic in RECORDED_TOPICS):
        raise click.UsageError(f"{out} holds a recording: name another folder, or remove it first")
    simulation = _simulation(
        rate=rate,
        minutes=minutes,
        seed=seed,
        faults=faults,
        start=start,
        click_model=click_model,
        live=out is None,
    )
    shop = build_catalog(simulation.seed, items=simulation.items, queries=simulation.queries)
    with _progress() as bar:
        step = _Step(bar, simulation)
        if out is not None:
            lines = record(simulation, out, step)
            done: dict[str, object] = {"out": str(out), "lines": lines}
            counts = lines
        else:
            sent = send_live(simulation, load_settings(config), speed=speed, finish=finish, shop=shop, progress=step)
            done = msgspec.to_builtins(sent)
            counts = sent.sent
    told = truth(simulation, shop)
    if as_json:
        click.echo(msgspec.json.encode({**done, "truth": told}))
    else:
        _show(counts, told)


def _simulation(
    *,
    rate: float,
    minutes: float,
    seed: int,
    faults: tuple[str, ...],
    start: str | None,
    click_model: ClickModel,
    live: bool,
) -> SimulationSettings:
    """Check the options together; what is wrong with them is a usage error (exit 2)."""
    try:
        if start is not None:
            start_ms = timestamp_ms(start, "--start")
        elif live:
            start_ms = int(time.time() * 1000 - minutes * 60_000)
        else:
            start_ms = DEFAULT_START_MS
        return SimulationSettings(
            rate=rate,
            minutes=minutes,
            seed=seed,
            start_ms=start_ms,
            faults=tuple(fault for text in faults if (fault := parse_fault(text)) is not None),
            click_model=click_model,
        )
    except (ValueError, OverflowError, BadRecord) as error:
        raise click.UsageError(str(error)) from error


class _Step:
    """Moves the progress bar, now and then rather than per record."""

    def __init__(self, bar: Progress, simulation: SimulationSettings) -> None:
        self._bar = bar
        self._start_ms = simulation.start_ms
        self._task = bar.add_task("simulating", total=simulation.end_ms - simulation.start_ms, records=0)
        self._records = 0

    def __call__(self, emitted: Emitted) -> None:
        self._records += 1
        if self._records % _EVERY_RECORDS == 0:
            self._bar.update(self._task, completed=emitted.arrival_ms - self._start_ms, records=self._records)


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[records]:,} records"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
        transient=True,
    )


def _show(counts: dict[str, int], told: dict[str, object]) -> None:
    console = Console()
    table = Table("topic", "records")
    for topic, count in Counter(counts).most_common():
        table.add_row(topic, f"{count:,}")
    console.print(table)
    faults = told["faults"]
    if isinstance(faults, list):
        for fault in faults:
            console.print(f"{fault['since']}  {fault['name']}: {fault['what_is_wrong']}")
