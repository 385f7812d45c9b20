"""`matchwatch train`: the shop's match model, trained from the simulator's catalogue or from a file of pairs."""

import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import click
import msgspec

from inference.repository import ModelName
from inference.training.pairs import TrainingPair, read_pairs
from schemas.errors import MatchwatchError
from streams.shop.training import training_pairs

_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}")
"""What `inference.repository` takes for the name of a folder; a test holds the two together."""
_LAST_SEED: Final = 2**63 - 1


class _FolderName(click.ParamType):
    """A plain name of a folder, as the model repository reads it back."""

    name = "name"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Give the name back; fails on one that would lead elsewhere."""
        if not _PLAIN.fullmatch(value):
            self.fail(
                f"{value!r} is not a plain folder name; use letters, digits, dots, dashes and underscores", param, ctx
            )
        return value


@click.command(name="train", epilog="Example: matchwatch train --version 2 --seed 7 --json")
@click.option("--name", type=_FolderName(), default="shop-match", show_default=True, help="Name of the model.")
@click.option(
    "--version",
    type=_FolderName(),
    default="1",
    show_default=True,
    help="Version to write; overwritten if there.",
)
@click.option(
    "--models-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("models"),
    show_default=True,
    help="Model repository to write to.",
)
@click.option(
    "--pairs",
    "pairs_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="NDJSON with query, title, label, split, instead of the simulator's shops.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, _LAST_SEED),
    default=1,
    show_default=True,
    help="Seed of the weights and of the first shop.",
)
@click.option(
    "--shops", type=click.IntRange(1), default=4, show_default=True, help="How many simulated shops to learn from."
)
@click.option("--epochs", type=click.IntRange(1), default=8, show_default=True, help="Rounds over the pairs.")
@click.option("--sabotage", type=click.Choice(["wrong-vocabulary"]), help="Spoil the model on purpose.")
@click.option("--json", "as_json", is_flag=True, help="Print the manifest as JSON.")
def command(
    *,
    name: str,
    version: str,
    models_dir: Path,
    pairs_file: Path | None,
    seed: int,
    shops: int,
    epochs: int,
    sabotage: str | None,
    as_json: bool,
) -> None:
    """Train a two-tower match model and write it, with its measured quality, to the model repository.

    Needs the extra `train`. SOURCE_DATE_EPOCH sets the date in the manifest.
    """
    missing = [module for module in ("torch", "onnx") if find_spec(module) is None]
    if missing:
        raise MatchwatchError(f"{' and '.join(missing)} not installed: call `make setup-train`")
    from inference.training.run import Recipe, Sabotage, train  # noqa: PLC0415  # torch and onnx are an extra
    from inference.training.tower import Shape  # noqa: PLC0415

    recipe = Recipe(
        model=ModelName(name, version),
        seed=seed,
        created_at=_date(os.environ.get("SOURCE_DATE_EPOCH")),
        shape=Shape(epochs=epochs),
        sabotage=Sabotage(sabotage) if sabotage else None,
    )
    pairs = read_pairs(pairs_file) if pairs_file else _shop_pairs(range(seed, seed + shops))
    manifest = train(pairs, recipe, models_dir, lambda line: click.echo(line, err=True))
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(manifest), ensure_ascii=False))
    else:
        click.echo(f"wrote {models_dir / name / version}")


def _date(epoch_s: str | None) -> datetime:
    if not epoch_s:
        return datetime.now(UTC)
    try:
        return datetime.fromtimestamp(int(epoch_s), UTC)
    except (ValueError, OverflowError, OSError):
        raise MatchwatchError(f"SOURCE_DATE_EPOCH={epoch_s}: expected whole seconds since 1970") from None


def _shop_pairs(seeds: range) -> Iterator[TrainingPair]:
    for seed in seeds:
        for pair in training_pairs(seed):
            yield TrainingPair(pair.query, pair.title, pair.label, pair.split.value)
