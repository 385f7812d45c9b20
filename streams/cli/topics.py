"""`matchwatch topics`: the topics, their offsets, and whether they are as the catalogue says."""

import sys
from collections.abc import Mapping
from pathlib import Path

import click
import msgspec
from rich.table import Table

from streams.cli.console import show
from streams.group_lag import group_lags
from streams.kafka_admin import TopicState, connect, ensure_topics, topic_states
from streams.stack.home import load_settings
from streams.topic_repair import repair_topics


@click.command(epilog="Example: matchwatch topics --create --json")
@click.option("--create", is_flag=True, help="Make those that are missing.")
@click.option("--repair", is_flag=True, help="Set those that differ as the catalogue says; partitions stay.")
@click.option("--wait", "wait_s", type=click.FloatRange(min=0), default=0.0, help="Seconds to wait for a broker.")
@click.option("--config", type=click.Path(path_type=Path), help="Settings (TOML).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def command(*, create: bool, repair: bool, wait_s: float, config: Path | None, as_json: bool) -> None:
    """List the topics of the catalogue with their partitions and offsets, and how far the workers are behind.

    Exit code 1 if one is missing or differs from the catalogue.
    """
    settings = load_settings(config)
    client = connect(settings.kafka, wait_s)
    keep_s = settings.fold.keep_s
    if repair:
        for what in repair_topics(client, settings.kafka, keep_s=keep_s):
            click.echo(f"matchwatch: set {what}", err=True)
    if create:
        ensure_topics(client, settings.kafka, keep_s=keep_s)
    states = topic_states(client, settings.kafka, keep_s=keep_s)
    lags: dict[str, dict[str, int]] = {}
    for one in group_lags(client, settings.kafka, states):
        lags.setdefault(one.topic, {})[one.group] = one.lag
    if as_json:
        for state in states:
            more = {"records": state.records, "lag": lags.get(state.name, {})}
            click.echo(msgspec.json.encode({**msgspec.to_builtins(state), **more}))
    else:
        show(_table(states, lags))
    if any(not state.exists or state.differences for state in states):
        if not as_json:
            cure = "`matchwatch topics --create` makes missing topics, `--repair` sets those that differ"
            click.echo(f"matchwatch: {cure}", err=True)
        sys.exit(1)


def _table(states: list[TopicState], lags: Mapping[str, Mapping[str, int]]) -> Table:
    table = Table("topic", "partitions", "records", "not yet read by", "end offsets", "as it should be")
    for column in table.columns[:4]:
        column.no_wrap = True
    for state in states:
        said = "missing" if not state.exists else "; ".join(map(str, state.differences)) or "yes"
        ends = " ".join(map(str, state.end_offsets))
        behind = "\n".join(f"{group.rpartition('-')[2]}: {lag}" for group, lag in lags.get(state.name, {}).items())
        table.add_row(state.name, str(len(state.end_offsets)), str(state.records), behind, ends, said)
    return table
