"""`matchwatch dead-letters`: records that break their contract, by reason, and where they lie."""

from pathlib import Path

import click
from rich.table import Table

from schemas.topics import DEAD_LETTERS
from streams.cli.console import show
from streams.readers.dead_letter_log import DeadLetterGroup, group_dead_letters, read_dead_letters
from streams.readers.printable import printable
from streams.readers.topic_reader import TopicReader
from streams.stack.home import load_settings


@click.command(
    epilog="\b\nExamples:\n"
    "  matchwatch dead-letters\n"
    "  matchwatch dead-letters --json | jq -r 'select(.reason == \"not_json\") | .original_base64' | base64 -d"
)
@click.option("--wait", "wait_s", type=click.FloatRange(min=0), default=0.0, help="Seconds to wait for a broker.")
@click.option("--config", type=click.Path(path_type=Path), help="Settings (TOML).")
@click.option("--json", "as_json", is_flag=True, help="Every dead letter as one JSON object a line.")
def command(*, wait_s: float, config: Path | None, as_json: bool) -> None:
    """Print what was refused: how many records of which topic broke which rule, with an example of each.

    With --json every refused record, its bytes in base64.
    """
    settings = load_settings(config)
    with TopicReader(settings.kafka, DEAD_LETTERS, wait_s) as reader:
        letters = read_dead_letters(reader)
        if as_json:
            out = click.get_binary_stream("stdout")
            for _, value in letters:
                out.write(value + b"\n")
            out.flush()
            return
        groups = group_dead_letters(letters)
        if groups:
            show(_table(groups))
        else:
            click.echo("no dead letters")


def _table(groups: list[DeadLetterGroup]) -> Table:
    table = Table("topic", "reason", "records", "newest at", "field", "what is wrong with it")
    for column in table.columns[:5]:
        column.no_wrap = True
    table.columns[2].justify = "right"
    for group in groups:
        newest = group.newest
        place = f"[{newest.origin.partition}] {newest.origin.offset}"
        table.add_row(
            group.topic, group.reason, f"{group.count:,}", place, printable(newest.path), printable(newest.message)
        )
    return table
