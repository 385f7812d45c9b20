"""`matchwatch down`: stops what `up` started, and nothing else."""

import json

import click

from streams.stack.home import home_folder
from streams.stack.stack import bring_down, locked


@click.command(epilog="Example: matchwatch down --purge")
@click.option("--purge", is_flag=True, help="Also delete the records that Kafka keeps in $MATCHWATCH_HOME.")
@click.option("--json", "as_json", is_flag=True, help="The names of what was stopped as a JSON array.")
def command(*, purge: bool, as_json: bool) -> None:
    """Stop workers, Redis and Kafka. Kafka's records stay and are there again after the next `up`."""
    home = home_folder()
    stopped: list[str] = []
    if home.is_dir():
        with locked(home):
            stopped = bring_down(home, purge=purge)
    if as_json:
        click.echo(json.dumps(stopped))
    elif stopped:
        click.echo(f"stopped {', '.join(stopped)}")
    else:
        click.echo("nothing ran")
