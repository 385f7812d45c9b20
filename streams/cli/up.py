"""`matchwatch up`: Kafka and Redis in the background, and the workers if you wish."""

from pathlib import Path

import click
import msgspec

from streams.kafka_admin import connect, ensure_topics
from streams.stack.embedded import LIMITS
from streams.stack.home import Stack, home_folder, load_settings, read_stack
from streams.stack.stack import bring_up, locked
from streams.stack.workers import start_workers


@click.command(epilog="Example: matchwatch up --worker")
@click.option(
    "--worker", "workers", is_flag=True, help="Also start a worker of each role, and wait until all are ready."
)
@click.option(
    "--from-next-cohort", is_flag=True, help="With --worker: begin anew where the last commit cannot be used."
)
@click.option("--embedded", is_flag=True, help="Take the embedded broker: no Java, but in memory only.")
@click.option("--config", type=click.Path(path_type=Path), help="Settings (TOML).")
@click.option("--json", "as_json", is_flag=True, help="The stack as one JSON object.")
def command(*, workers: bool, from_next_cohort: bool, embedded: bool, config: Path | None, as_json: bool) -> None:
    """Start the local stack and make the topics; what runs already is left as it is.

    All other commands find it through $MATCHWATCH_HOME (default .matchwatch/), until `matchwatch down`.
    """
    if from_next_cohort and not workers:
        raise click.UsageError("--from-next-cohort belongs to --worker")
    home = home_folder()

    def tell(line: str) -> None:
        click.echo(line, err=True)

    with locked(home):
        before = read_stack(home)
        ended = [worker for worker in (before.workers if before is not None else ()) if not worker.process.alive]
        stack = bring_up(home, load_settings(config).kafka, embedded=embedded, tell=tell)
        settings = load_settings(config)  # now with the stack's addresses
        made = ensure_topics(connect(settings.kafka, wait_s=10), settings.kafka)
        # Workers of an earlier `up` come along where a server has moved.
        if workers or any(worker.looks_elsewhere(settings) for worker in stack.workers):
            options = ["--from-next-cohort"] if from_next_cohort else []
            stack = start_workers(home, stack, settings, config, tell, options=options)
        running = {worker.name for worker in stack.workers}
        for worker in ended:
            cure = "it is started anew" if worker.name in running else "start it with `matchwatch up --worker`"
            tell(f"{worker.name} had ended (log: {worker.process.log}): {cure}")
    if as_json:
        click.echo(msgspec.json.encode({**msgspec.to_builtins(stack), "topics_made": made}))
    else:
        _show(stack, made)


def _show(stack: Stack, made: list[str]) -> None:
    if stack.kind == "embedded":
        click.echo(f"this is the embedded broker, no Kafka: {LIMITS}")
    for server in stack.servers:
        click.echo(f"{server.name:<16} {server.address}   (log: {server.process.log})")
    if made:
        click.echo(f"made {len(made)} topics; `matchwatch topics` lists them")
    click.echo("stop with `matchwatch down`")
