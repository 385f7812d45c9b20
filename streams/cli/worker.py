"""`matchwatch worker`: the pipeline itself."""

import json
import os
import sys
from pathlib import Path
from typing import Final

import click

from detectors.rule_settings import rules_of
from streams.parent_pipe import watch_parent
from streams.preflight import check_model, check_servers
from streams.roles import ROLES, port_of_role
from streams.stack.home import load_settings
from streams.supervisor import supervise
from streams.worker import run_role

WAIT_S: Final = 300.0


@click.command(
    epilog="\b\nExamples:\n"
    "  matchwatch worker                    # all three stages, restarted when they fail\n"
    "  matchwatch worker --role score --wait"
)
@click.option(
    "--role", type=click.Choice(["all", *ROLES]), default="all", show_default=True, help="Which stage to run."
)
@click.option("--wait", is_flag=True, help=f"Wait up to {WAIT_S:.0f} s for Kafka and Redis instead of failing at once.")
@click.option("--from-next-cohort", is_flag=True, help="Begin anew where the last commit cannot be used.")
@click.option("--address-file", type=click.Path(path_type=Path, dir_okay=False), help="Write the HTTP address there.")
@click.option("--config", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Settings (TOML).")
def command(*, role: str, wait: bool, from_next_cohort: bool, address_file: Path | None, config: Path | None) -> None:
    """Consume events, score, count and alert, until SIGTERM or Ctrl-C.

    Each stage serves /metrics, /live and /ready on an address that it prints.
    """
    watch_parent()  # first: its variable is no setting
    settings = load_settings(config)
    rules_of(settings.rules)  # here and not in detect alone: what is wrong with them shall not wait for servers
    check_servers(settings, WAIT_S if wait else 0.0)
    if role in {"all", "score"}:
        check_model(settings)
    if role == "all":
        flags = [*(["--wait"] if wait else []), *(["--from-next-cohort"] if from_next_cohort else [])]
        flags += ["--config", str(config)] if config else []
        ports = {name: port_of_role(settings.http.port, name) for name in ROLES}
        sys.exit(supervise([(name, _command(name, flags, address_file)) for name in ROLES], ports))

    def announce(address: str) -> None:
        click.echo(json.dumps({"role": role, "pid": os.getpid(), "http": address}))
        if address_file is not None:
            address_file.write_text(address + "\n", encoding="ascii")

    run_role(role, settings, from_next_cohort=from_next_cohort, announce=announce)


def _command(role: str, flags: list[str], address_file: Path | None) -> list[str]:
    named = ["--address-file", f"{address_file}.{role}"] if address_file else []
    return [sys.executable, "-m", "streams.cli.main", "worker", "--role", role, *flags, *named]
