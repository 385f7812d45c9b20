"""`matchwatch rules`: what the rules look for, and what they cost in false alarms."""

from pathlib import Path

import click
import msgspec
from rich.table import Table

from detectors.rule_settings import rules_of
from detectors.rule_words import RuleCost, rule_costs
from schemas.durations import duration_s, format_duration, in_words
from streams.cli.console import stdout_console
from streams.stack.home import load_settings


@click.group(name="rules", epilog="Example: matchwatch rules check stricter.toml")
def command() -> None:
    """Look at rules before they are used."""


@command.command(
    epilog="\b\nExamples:\n  matchwatch rules check\n  matchwatch rules check stricter.toml --series 4 --json"
)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--series", type=click.IntRange(1), default=1, show_default=True, help="Surfaces (or versions) watched.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def check(file: Path | None, *, series: int, as_json: bool) -> None:
    """Explain each rule in words, with how often chance alone may alarm it; errors are said, with exit code 2.

    FILE is a TOML with [[rules]], alone or with the rest of the settings; without it the rules of the settings are
    shown, by default those that come with matchwatch.
    """
    settings = load_settings(file)
    every = settings.detect.false_alarm_every
    costs = rule_costs(rules_of(settings.rules), duration_s(every), series)
    if as_json:
        click.echo(msgspec.json.encode({"false_alarm_every": every, "series": series, "rules": costs}))
        return
    table = Table("rule", "what it looks for", "share", "by chance once in", "on one series")
    for cost in costs:
        table.add_row(cost.rule, cost.words, *_rarely(cost))
    console = stdout_console()
    console.print(table)
    sharing = sum(cost.share > 0 for cost in costs)
    together = f"the {sharing} that share it: by chance one alarm in {in_words(every)}" if sharing else "none promises"
    console.print(f"{len(costs)} rule{'s' * (len(costs) != 1)}, {together}, on {series} series together")
    if file is not None and settings.rules is None:
        console.print(f"{file} has no [[rules]]: these are the rules that come with matchwatch")


def _rarely(cost: RuleCost) -> tuple[str, str, str]:
    if cost.every_s is None or cost.every_on_one_s is None:
        return "", "as its settings have it", ""
    share = f"{cost.share:.1%}" if cost.share else "its own"
    return share, format_duration(cost.every_s), format_duration(cost.every_on_one_s)
