"""`matchwatch silence`: asks that nobody be paged for some alerts for a while; adds, lists and ends silences."""

import getpass
import os
import time
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import click
import msgspec
from rich.table import Table

from detectors.rule_settings import rules_of
from schemas.errors import MatchwatchError
from schemas.settings import Settings
from schemas.silences import LONGEST_S, MAX_MATCHERS, Silence, SilenceMatcher, encode_silence
from schemas.timestamps import format_timestamp
from streams.cli.console import show
from streams.cli.silence_arguments import DURATION, MATCHER, matcher_text, unknown_rules
from streams.cli.time_option import TIME
from streams.readers.printable import printable
from streams.silence_book import SilenceBook
from streams.stack.home import load_settings

_HOUR_S: Final = 3600


def _options(function: Any) -> Any:
    for option in (
        click.option("--json", "as_json", is_flag=True, help="One JSON object a line."),
        click.option("--config", type=click.Path(path_type=Path), help="Settings (TOML)."),
        click.option(
            "--wait", "wait_s", type=click.FloatRange(min=0), default=0.0, help="Seconds to wait for a broker."
        ),
    ):
        function = option(function)
    return function


@click.group(epilog="Example: matchwatch silence list --json")
def command() -> None:
    """Silence alerts: they live on and are published, marked, and page nobody.

    When a silence ends and its alert still fires, subscribers are told then.
    """


@command.command(
    epilog="\b\nExamples:\n"
    "  matchwatch silence add match_drop --duration 2h --comment 'ranker 5 is being rolled back'\n"
    "  matchwatch silence add application=shop-web surface=~'rec*' severity=warning -d 1d -c 'sale'\n"
    "  matchwatch silence add version=5 --start 2026-11-23T22:00:00Z --end 2026-11-24T06:00:00Z -c 'load test'"
)
@click.argument("matchers", nargs=-1, required=True, type=MATCHER, metavar="MATCHER...")
@click.option("-c", "--comment", required=True, help="Why: for whoever wonders later.")
@click.option("-a", "--author", help="Who asks. Default: the user who calls.")
@click.option("-d", "--duration", "duration_s", type=DURATION, help="How long: 30m, 2h30m, 1d. Default: 1h.")
@click.option("--start", "start_ms", type=TIME, help="Event time from which on it holds. Default: now.")
@click.option("--end", "end_ms", type=TIME, help="Event time at which it ends, in place of --duration.")
@_options
def add(
    *,
    matchers: tuple[SilenceMatcher, ...],
    comment: str,
    author: str | None,
    duration_s: int | None,
    start_ms: int | None,
    end_ms: int | None,
    wait_s: float,
    config: Path | None,
    as_json: bool,
) -> None:
    """Silence the alerts that all MATCHERs fit; prints the id.

    A MATCHER is name=value, name!=value, or with =~ and !~ a shell pattern, of application, surface, model, version,
    rule, signal or severity; a bare word names a rule. Times are event times: for a shop that is not replayed, its
    clock.
    """
    if duration_s is not None and end_ms is not None:
        raise click.UsageError("give --duration or --end, not both")
    if len(matchers) > MAX_MATCHERS:
        raise click.UsageError(f"a silence has at most {MAX_MATCHERS} matchers")
    starts_ms = _now_ms() if start_ms is None else start_ms
    ends_ms = starts_ms + 1000 * (duration_s or _HOUR_S) if end_ms is None else end_ms
    if ends_ms <= starts_ms:
        raise click.UsageError("the silence would end before it begins: --end must be later than --start")
    if ends_ms - starts_ms > 1000 * LONGEST_S:
        raise click.UsageError("the silence would last more than 366 days: --end must be sooner")
    settings = load_settings(config)
    silence = Silence(
        id=str(uuid.uuid4()),
        matchers=list(matchers),
        starts_at=format_timestamp(starts_ms),
        ends_at=format_timestamp(ends_ms),
        created_by=author or _user(),
        comment=comment,
    )
    for line in unknown_rules(matchers, [rule.name for rule in rules_of(settings.rules)]):
        click.echo(line, err=True)
    SilenceBook(settings.kafka, wait_s).write(silence)
    click.echo(encode_silence(silence) if as_json else silence.id)


@command.command("list", epilog="Example: matchwatch silence list --expired --json | jq -r .comment")
@click.option("--expired", is_flag=True, help="Also those that have ended.")
@click.option("--at", "at_ms", type=TIME, help="Event time to look from. Default: now.")
@_options
def list_silences(*, expired: bool, at_ms: int | None, wait_s: float, config: Path | None, as_json: bool) -> None:
    """List silences that hold or will hold."""
    now_ms = _now_ms() if at_ms is None else at_ms
    found = SilenceBook(load_settings(config).kafka, wait_s).read().values()
    wanted = sorted((one for one in found if expired or one.ends_ms > now_ms), key=lambda one: (one.ends_ms, one.id))
    if as_json:
        for one in wanted:
            click.echo(msgspec.json.encode({**msgspec.to_builtins(one), "state": _state(one, now_ms)}))
    elif wanted:
        show(_table(wanted, now_ms))
    else:
        click.echo("no silences")


@command.command(epilog="Example: matchwatch silence expire 5a0e6b1c-6a5e-4d0e-9a51-1f0d0c1f3c55")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option("--at", "at_ms", type=TIME, help="Event time at which they end. Default: now.")
@_options
def expire(*, ids: tuple[str, ...], at_ms: int | None, wait_s: float, config: Path | None, as_json: bool) -> None:
    """End silences now; whose alerts still fire are told."""
    settings: Settings = load_settings(config)
    now_ms = _now_ms() if at_ms is None else at_ms
    book = SilenceBook(settings.kafka, wait_s)
    known = book.read()
    unknown = [one for one in ids if one not in known]
    if unknown:
        raise MatchwatchError(f"no silence has the id {unknown[0]!r}: see `matchwatch silence list --expired`")
    for silence in (known[one] for one in dict.fromkeys(ids)):
        # One that has not begun never does; one that has ended stays as it is.
        ends_ms = min(silence.ends_ms, max(silence.starts_ms, now_ms))
        ended = msgspec.structs.replace(silence, ends_at=format_timestamp(ends_ms))
        book.write(ended)
        if as_json:
            click.echo(encode_silence(ended))


def _table(silences: Iterable[Silence], now_ms: int) -> Table:
    table = Table("id", "matchers", "state", "from", "until", "by", "comment")
    for column in table.columns[:1]:
        column.no_wrap = True
    for one in silences:
        matchers = " ".join(matcher_text(matcher) for matcher in one.matchers)
        cells = (one.id, matchers, _state(one, now_ms), one.starts_at, one.ends_at, one.created_by, one.comment)
        table.add_row(*map(printable, cells))
    return table


def _state(silence: Silence, now_ms: int) -> str:
    if silence.ends_ms <= now_ms:
        return "expired"
    return "active" if silence.starts_ms <= now_ms else "pending"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user has no name
        return str(os.getuid())
