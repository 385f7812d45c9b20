"""One model on one file of labelled pairs: all figures, by language, by band, by split.

A pair costs about 80 bytes until the end; texts are kept of a bounded sample only.
"""

from collections.abc import Callable
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from inference.datasets.pair import LabelledPair
from inference.datasets.pair_file import PairFile
from inference.evaluation.bands import BANDS, bands_of
from inference.evaluation.exposure import Exposure, exposure_of
from inference.evaluation.figures import Figures, Scored, figures_of
from inference.evaluation.judge import Judge
from inference.evaluation.languages import script_of
from inference.evaluation.robustness import Robustness, robustness_of
from inference.evaluation.sampled_queries import SampledQueries, query_hash
from schemas.errors import UnusableFile

SAMPLED_PAIRS: Final = 20_000
_MOST_NAMES: Final = 1_000
"""Of categories or splits; further ones are together `other`."""


class Report(msgspec.Struct, frozen=True):
    """What was found."""

    model: str
    data: str
    rows: int
    bad_rows: dict[str, int]
    """By reason; left out."""
    unscored: int
    """Pairs with a text that has no tokens; left out."""
    all: Figures
    by_language: dict[str, Figures]
    """By the script of the query."""
    by_band: dict[str, Figures]
    """By how often the query is asked; empty where all are asked equally often."""
    by_split: dict[str, Figures]
    """Empty where the file has no such column."""
    robustness: dict[str, Robustness]
    """Of at most 20,000 pairs: whole queries, chosen by hash."""
    exposure: Exposure | None
    """None where the file has no categories, or no query with more than ten pairs."""


class _Names:
    """Numbers for the few values of a column; −1 for none."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def number(self, name: str | None) -> int:
        if name is None:
            return -1
        if name not in self.numbers and len(self.numbers) >= _MOST_NAMES:
            name = "other"
        return self.numbers.setdefault(name, len(self.numbers))


class _Columns(msgspec.Struct):
    """What is kept of one batch."""

    scored: Scored
    queries: NDArray[np.uint64]
    counts: NDArray[np.float64]
    numbers: dict[str, NDArray[np.int64]]
    """By the kind of name: language, split, category."""


def evaluate(judge: Judge, file: PairFile, progress: Callable[[int], None] = lambda _rows: None) -> Report:
    """Score every pair of a file and judge the scores.

    Args:
        judge: the model.
        file: the pairs.
        progress: gets the number of rows read.

    Raises:
        UnusableFile: the file cannot be read, or holds nothing that can be scored.
    """
    names = {kind: _Names() for kind in ("language", "split", "category")}
    sample = SampledQueries(SAMPLED_PAIRS)
    batches = []
    for batch in file.batches():
        batches.append(_score(judge, batch, names))
        sample.add(batch)
        progress(len(batch))
    scored = Scored.joined([one.scored for one in batches])
    kinds = {kind: np.concatenate([one.numbers[kind] for one in batches]) for kind in names}
    queries = np.concatenate([one.queries for one in batches])
    counts = np.concatenate([one.counts for one in batches])
    batches.clear()
    told = ~np.isnan(scored.raw)
    unscored = int((~told).sum())
    if unscored:
        scored, queries, counts = scored.part(told), queries[told], counts[told]
        kinds = {kind: numbers[told] for kind, numbers in kinds.items()}
    of_all = figures_of(scored)
    if of_all is None:
        raise UnusableFile(f"{file.path}: no pair has weight and tokens on both sides; see its texts and weights")
    bands = bands_of(queries, counts)
    return Report(
        model=str(judge.model),
        data=str(file.path),
        rows=file.rows,
        bad_rows=dict(sorted(file.bad.items())),
        unscored=unscored,
        all=of_all,
        by_language=_by(scored, kinds["language"], list(names["language"].numbers)),
        by_band={} if bands is None else _by(scored, bands, list(BANDS)),
        by_split=_by(scored, kinds["split"], list(names["split"].numbers)),
        robustness=robustness_of(judge, sample.pairs()),
        exposure=exposure_of(scored, kinds["category"], list(names["category"].numbers)),
    )


def _score(judge: Judge, batch: list[LabelledPair], names: dict[str, _Names]) -> _Columns:
    raw = judge.raw([pair.query for pair in batch], [pair.item for pair in batch])
    values: dict[str, list[str] | list[str | None]] = {
        "language": [script_of(pair.query) for pair in batch],
        "split": [pair.split for pair in batch],
        "category": [pair.category for pair in batch],
    }
    return _Columns(
        Scored(
            raw.astype(np.float64),
            judge.probabilities(raw).astype(np.float64),
            np.array([pair.label for pair in batch], np.float64),
            np.array([pair.weight for pair in batch], np.float64),
            np.array([query_hash(pair.group) for pair in batch], np.uint64),
        ),
        np.array([query_hash(pair.query) for pair in batch], np.uint64),
        np.array([np.nan if pair.query_count is None else pair.query_count for pair in batch], np.float64),
        {kind: np.array([names[kind].number(one) for one in values[kind]], np.int64) for kind in names},
    )


def _by(scored: Scored, numbers: NDArray[np.int64], names: list[str]) -> dict[str, Figures]:
    found = {name: figures_of(scored.part(numbers == number)) for number, name in enumerate(names)}
    return {name: figures for name, figures in sorted(found.items()) if figures is not None}
