"""`matchwatch models`: what is in the model repository, and whether its files are the ones that were trained."""

import json
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from inference.repository import ModelName, ModelRepository
from inference.two_tower import load_two_tower
from schemas.errors import MatchwatchError, ModelRefused
from streams.cli import models_evaluate


@click.group(
    name="models",
    invoke_without_command=True,
    epilog="\b\nExamples:\n  matchwatch models --models-dir models --json\n"
    "  matchwatch models evaluate shop-match/1 --data pairs.csv",
)
@click.option(
    "--models-dir",
    type=click.Path(path_type=Path),
    default=Path("models"),
    show_default=True,
    help="Model repository to read.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def command(ctx: click.Context, models_dir: Path, *, as_json: bool) -> None:
    """List the match models, hold their files against their manifests, and run each once.

    Exit code 1 if a model would be refused.
    """
    if ctx.invoked_subcommand is not None:
        # What was said before the name of the subcommand holds for it too.
        ctx.default_map = {ctx.invoked_subcommand: {"models_dir": models_dir, "as_json": as_json}}
        return
    repository = ModelRepository(models_dir)
    found = repository.models()
    if not found:
        raise MatchwatchError(f"{models_dir}: no model folder <name>/<version>; train one with `matchwatch train`")
    lines = [_line(repository, model) for model in found]
    if as_json:
        for line in lines:
            click.echo(json.dumps(line, ensure_ascii=False))
    else:
        Console().print(_table(lines))
        for line in lines:
            if line["error"]:
                click.echo(line["error"], err=True)
    if any(line["error"] for line in lines):
        sys.exit(1)


command.add_command(models_evaluate.command)


def _line(repository: ModelRepository, model: ModelName) -> dict[str, object]:
    line: dict[str, object] = {"name": model.name, "version": model.version, "ok": False, "error": None}
    try:
        files = repository.read(model)
        load_two_tower(files)
    except ModelRefused as error:
        return line | {"error": str(error)}
    manifest = files.manifest
    evaluation, training = manifest.evaluation, manifest.training
    return line | {
        "ok": True,
        "kind": manifest.kind,
        "embedding_dim": manifest.embedding_dim,
        "bytes": sum(map(len, files.contents.values())),
        "auc": evaluation.auc if evaluation else None,
        "ece": evaluation.ece if evaluation else None,
        "trained": training.created_at if training else None,
        "sabotage": training.sabotage if training else None,
    }


def _table(lines: list[dict[str, object]]) -> Table:
    table = Table("model", "files", "AUC held out", "ECE", "kB", "trained", "note")
    for line in lines:
        size = line.get("bytes")
        table.add_row(
            f"{line['name']}/{line['version']}",
            "as trained" if line["ok"] else "[red]refused[/red]",
            _shown(line.get("auc")),
            _shown(line.get("ece")),
            str(size // 1000) if isinstance(size, int) else "",
            _shown(line.get("trained")),
            f"spoilt on purpose: {line['sabotage']}" if line.get("sabotage") else "",
        )
    return table


def _shown(value: object) -> str:
    return "" if value is None else str(value)
