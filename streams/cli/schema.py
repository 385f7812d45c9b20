"""`matchwatch schema`: the contracts as files."""

import json
from pathlib import Path

import click

from schemas.errors import MatchwatchError
from schemas.export import export


@click.group(name="schema", epilog="Example: matchwatch schema export contracts/")
def command() -> None:
    """Write the event contracts as JSON Schema and AsyncAPI."""


@command.command(name="export", epilog="Example: matchwatch schema export contracts/ --json")
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="The written files as one JSON array.")
def export_command(directory: Path, *, as_json: bool) -> None:
    """Write a JSON Schema (2020-12) for every record and an AsyncAPI 3 document into DIRECTORY."""
    try:
        written = export(directory)
    except OSError as error:
        raise MatchwatchError(f"{directory}: {error.strerror}; choose a directory that can be written") from error
    if as_json:
        click.echo(json.dumps([str(path) for path in written]))
    else:
        for path in written:
            click.echo(path)
