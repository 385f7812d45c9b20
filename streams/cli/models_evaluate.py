"""`matchwatch models evaluate`: how good a match model is on a file of labelled pairs."""

import sys
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from inference.datasets.pair_file import PairFile
from inference.evaluation.evaluate import Report, evaluate
from inference.evaluation.figures import Figures
from inference.evaluation.judge import open_judge
from inference.manifest import MANIFEST_FILE
from inference.repository import ModelFiles, ModelName, ModelRepository
from streams.cli.console import stdout_console


@click.command(
    name="evaluate",
    epilog="\b\nExamples:\n"
    "  matchwatch models evaluate shop-match/1 --data pairs.csv\n"
    "  matchwatch models evaluate models/shop-match/1 --data pairs.parquet --json | jq .all.auc",
)
@click.argument("model", metavar="MODEL")
@click.option(
    "--data",
    "data_file",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Pairs: CSV, JSON lines or Parquet with query, item, label[, weight, group, split, category, query_count].",
)
@click.option(
    "--models-dir",
    type=click.Path(path_type=Path),
    default=Path("models"),
    show_default=True,
    help="Model repository, for a MODEL that is no folder.",
)
@click.option("--strict", is_flag=True, help="Refuse the file at its first bad row.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as one JSON object.")
def command(*, model: str, data_file: Path, models_dir: Path, strict: bool, as_json: bool) -> None:
    """Measure a match model on labelled pairs.

    MODEL is a folder NAME/VERSION with its manifest, or NAME/VERSION in the model repository. Figures: AUC, NDCG@10 by
    group, log loss and calibration error, of all pairs and by script, by how often queries are asked and by split; what
    typing errors and unknown words cost; who would be shown. A match is a label of 0.5 or more; weights count.
    """
    judge = open_judge(_files(model, models_dir))
    file = PairFile(data_file, strict=strict)
    with _progress() as show:
        work = show.add_task(f"scoring with {judge.model}", total=None)
        report = evaluate(judge, file, lambda rows: show.advance(work, rows))
    if as_json:
        click.echo(msgspec.json.encode(report))
    else:
        _show(report)
    for line in file.examples:
        click.echo(line, err=True)
    if report.bad_rows:
        told = ", ".join(f"{number:,} {reason}" for reason, number in report.bad_rows.items())
        click.echo(f"left out {sum(report.bad_rows.values()):,} of {report.rows:,} rows: {told}", err=True)


def _files(model: str, models_dir: Path) -> ModelFiles:
    folder = Path(model)
    if (folder / MANIFEST_FILE).is_file():
        folder = folder.resolve()
        return ModelRepository(folder.parents[1]).read(ModelName(folder.parent.name, folder.name))
    name, _, version = model.partition("/")
    if not version or "/" in version:
        raise click.BadParameter(
            f"{model!r} is neither a folder with a {MANIFEST_FILE} nor NAME/VERSION in {models_dir}", param_hint="MODEL"
        )
    return ModelRepository(models_dir).read(ModelName(name, version))


def _progress() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn("{task.completed:,.0f} rows"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
        transient=True,
    )


def _show(report: Report) -> None:
    console = stdout_console()
    table = Table("of", "pairs", "queries", "AUC", "NDCG@10", "log loss", "ECE", "ECE refitted")
    parts = {
        "all": {"all": report.all},
        "script": report.by_language,
        "asked": report.by_band,
        "split": report.by_split,
    }
    for kind, figures in parts.items():
        for name, one in figures.items():
            table.add_row(name if kind == "all" else f"{kind} {name}", *_cells(one))
    console.print(table)
    robust = Table("queries changed", "pairs", "AUC", "AUC changed", "mean change of P")
    for name, change in report.robustness.items():
        robust.add_row(name, f"{change.pairs:,}", *map(_shown, (change.auc, change.auc_changed, change.mean_change)))
    console.print(robust)
    if report.exposure is not None:
        shares = Table("category", "share of matches", "share of first ten")
        for name, share in report.exposure.categories.items():
            shares.add_row(name, _shown(share.matches), _shown(share.first_ten))
        console.print(shares)
    if report.unscored:
        console.print(f"{report.unscored:,} pairs have a text without tokens and are left out")


def _cells(one: Figures) -> list[str]:
    return [
        f"{one.pairs:,}",
        f"{one.queries:,}",
        _shown(one.auc, one.auc_se),
        _shown(one.ndcg_at_10, one.ndcg_se),
        _shown(one.log_loss),
        _shown(one.ece),
        _shown(None if one.recalibrated is None else one.recalibrated.ece),
    ]


def _shown(value: float | None, error: float | None = None) -> str:
    if value is None:
        return "–"
    return f"{value:.4f}" if error is None else f"{value:.4f} ± {error:.4f}"
