"""`matchwatch demo`: from a shop's events to one alert, with everything started and stopped."""

import sys

import click
import msgspec
from rich.console import Console
from rich.text import Text

from streams.demo.plan import FAULTS, RATE
from streams.demo.run import DemoResult, run_demo
from streams.readers.alert_panel import alert_panel
from streams.stack.home import home_folder

_DEFAULT_FAULT = "bad_ranker"


@click.command(
    epilog="\b\nExamples:\n"
    "  matchwatch demo\n"
    "  matchwatch demo --fault none --seed 7\n"
    "  matchwatch demo --fault latency"
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Another seed, another story.")
@click.option(
    "--fault", type=click.Choice(FAULTS), default=_DEFAULT_FAULT, show_default=True, help="What goes wrong later."
)
@click.option(
    "--rate",
    type=click.FloatRange(min=1, max=200),
    default=RATE,
    show_default=True,
    help="Searches a second of event time.",
)
@click.option("--embedded", is_flag=True, help="Take the broker that needs no Java.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object; the story goes to stderr.")
def command(*, seed: int, fault: str, rate: float, embedded: bool, as_json: bool) -> None:
    """Watch matchwatch at work: a real click log, then a shop in accelerated time, where something breaks.

    Exits with 0 only if the right alert came, named the right deployment, and nothing fired before it; with
    --fault none only if nothing fired at all. Takes two to three minutes.
    """
    console = Console(stderr=as_json, highlight=False)
    home = home_folder()
    result = run_demo(console, seed=seed, fault=fault, rate=rate, embedded=embedded, home=home)
    if as_json:
        click.echo(msgspec.json.encode(result))
    else:
        _show(console, result)
        _show_next_steps(console, home=str(home))
    sys.exit(0 if result.verdict.ok else 1)


def _show(console: Console, result: DemoResult) -> None:
    verdict = result.verdict
    console.print()
    if verdict.alert is not None:
        console.print(alert_panel(verdict.alert))
    if verdict.others:
        console.print(Text(f"{len(verdict.others)} more alerts came:", style="bold"))
        for other in verdict.others:
            console.print(Text(f"  {other.data.summary}"))
    for problem in verdict.problems:
        console.print(Text(f"✗ {problem}", style="bold red"))
    if verdict.ok and verdict.alert is None:
        console.print(Text("✓ nothing went wrong, and no alert came", style="bold green"))
    elif verdict.ok:
        named = "named what was deployed" if verdict.expected_cause else "no deployment did it"
        console.print(Text(f"✓ the alert came, {named}, and nothing fired before it", style="bold green"))
    console.print(Text(f"{result.searches:,} searches and {result.clicks:,} clicks in {result.seconds:.0f} s"))


def _show_next_steps(console: Console, *, home: str) -> None:
    console.print()
    console.print(Text("Where to look next", style="bold"))
    for words, what in (
        ("make demo FAULT=none", "the same shop with nothing wrong; FAULT=latency, category_gone, … are other stories"),
        (".venv/bin/matchwatch up --worker", "Kafka, Redis and the stages in the background, for your own events"),
        (".venv/bin/matchwatch simulate --help", "the shop that you have just seen"),
        ("docs/formats.md, schemas/generated/", "what to send, and what comes out"),
        (f"{home}/demo/*.log", "what the three stages wrote"),
    ):
        console.print(Text(f"  {words:<40} {what}"))
