"""`matchwatch dead-letters`: records that break their contract, by reason, and where they lie; sends them back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import msgspec
from rich.table import Table

from schemas.dead_letters import DeadLetter
from schemas.reasons import Reason
from schemas.topics import DEAD_LETTERS
from streams.cli.console import show
from streams.cli.time_option import TIME
from streams.readers.dead_letter_log import DeadLetterGroup, DeadLetterLog, Selection
from streams.readers.printable import printable
from streams.readers.topic_reader import TopicReader
from streams.retry.judge import EVENT_TOPICS, Verdict
from streams.retry.run import RetrySummary, retry
from streams.stack.home import load_settings

_WORDS: Final = {
    Verdict.SENT: "sent back",
    Verdict.SENT_BEFORE: "was sent back before",
    Verdict.CUT: "not sent: only a part of the record was kept",
    Verdict.STILL_INVALID: "not sent: would be refused again",
    Verdict.RETURNED: "not sent: was sent back before and refused again; do the workers run with these settings?",
    Verdict.LATE: "not sent: its partition's watermark has passed it, it would count nowhere",
    Verdict.SUPERSEDED: "not sent: a newer record of the same key is there",
    Verdict.FOREIGN: "not sent: its origin is no topic of events",
}


@click.command(
    epilog="\b\nExamples:\n"
    "  matchwatch dead-letters --since 2026-11-23T10:00:00Z\n"
    "  matchwatch dead-letters --json | jq -r 'select(.reason == \"not_json\") | .original_base64' | base64 -d\n"
    "  matchwatch dead-letters --retry --reason too_far_ahead --dry-run"
)
@click.option(
    "--reason",
    "reasons",
    multiple=True,
    type=click.Choice(sorted(reason.value for reason in Reason)),
    metavar="REASON",
    help="Only those that broke this rule, such as not_json; may be repeated.",
)
@click.option(
    "--topic",
    "topics",
    multiple=True,
    type=click.Choice(sorted(EVENT_TOPICS)),
    help="Only those of this topic; may be repeated.",
)
@click.option("--since", "since_ms", type=TIME, default=0, help="Only those refused at this time or later.")
@click.option("--retry", "send", is_flag=True, help="Send them back to their topics, each once over all calls.")
@click.option("--force", is_flag=True, help="With --retry: also what would be refused again or count nowhere.")
@click.option("--dry-run", is_flag=True, help="With --retry: say what would be sent, and send nothing.")
@click.option("--groups", is_flag=True, help="With --json: the groups of the table, one a line.")
@click.option("--wait", "wait_s", type=click.FloatRange(min=0), default=0.0, help="Seconds to wait for a broker.")
@click.option("--config", type=click.Path(path_type=Path), help="Settings (TOML).")
@click.option("--json", "as_json", is_flag=True, help="Every dead letter as one JSON object a line.")
def command(
    *,
    reasons: tuple[str, ...],
    topics: tuple[str, ...],
    since_ms: int,
    send: bool,
    force: bool,
    dry_run: bool,
    groups: bool,
    wait_s: float,
    config: Path | None,
    as_json: bool,
) -> None:
    """Print what was refused: how many records of which topic broke which rule, with an example of each.

    With --json every refused record, its bytes in base64.

    --retry sends back what is valid by today's contract and settings and can still count: the bytes as they came, to
    the partition of their key, with their first arrival. A record and the mark that it was sent enter Kafka in one
    transaction, so a second call sends nothing twice. With --json it prints one object.
    """
    if (force or dry_run) and not send:
        raise click.UsageError("--force and --dry-run belong to --retry")
    if groups and (send or not as_json):
        raise click.UsageError("--groups belongs to --json without --retry")
    settings = load_settings(config)
    selection = Selection(frozenset(reasons), frozenset(topics), since_ms)
    if send:
        summary = retry(settings, selection, wait_s=wait_s, force=force, dry_run=dry_run)
        if as_json:
            click.echo(msgspec.json.encode(summary))
        else:
            _show_retry(summary)
        return
    with TopicReader(settings.kafka, DEAD_LETTERS, wait_s, nulls=True) as reader:
        log = DeadLetterLog(reader, selection)
        if as_json and not groups:
            _print_letters(log.letters())
            return
        found = log.groups()
        if as_json:
            for group in found:
                click.echo(msgspec.json.encode(group))
        elif found:
            show(_table(found))
        else:
            click.echo("no dead letters")


def _print_letters(letters: Iterator[tuple[DeadLetter, bytes]]) -> None:
    out = click.get_binary_stream("stdout")
    for _, value in letters:
        out.write(value + b"\n")
    out.flush()


def _table(groups: list[DeadLetterGroup]) -> Table:
    table = Table("topic", "reason", "records", "sent back", "newest at", "field", "what is wrong with it")
    for column in table.columns[:6]:
        column.no_wrap = True
    table.columns[2].justify = table.columns[3].justify = "right"
    for group in groups:
        newest = group.newest
        table.add_row(
            printable(group.topic),
            printable(group.reason),
            f"{group.count:,}",
            f"{group.sent_back:,}",
            f"[{newest.origin.partition}] {newest.origin.offset}",
            printable(newest.path),
            printable(newest.message),
        )
    return table


def _show_retry(summary: RetrySummary) -> None:
    if not summary.lines:
        click.echo("no dead letters")
        return
    table = Table("topic", "was refused as", "records", "what became of them")
    for column in table.columns[:3]:
        column.no_wrap = True
    table.columns[2].justify = "right"
    for line in summary.lines:
        words = _WORDS[line.verdict]
        if summary.dry_run and line.verdict is Verdict.SENT:
            words = "would be sent back"
        words += f" as {line.still}" if line.still else ""
        table.add_row(printable(line.topic), printable(line.reason), f"{line.records:,}", printable(words))
    show(table)
    sent = "would be sent back" if summary.dry_run else "sent back"
    click.echo(f"{summary.sent:,} {sent}, {summary.sent_before:,} before, {summary.not_sent:,} not sent")
