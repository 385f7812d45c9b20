"""What is left of a model's order when queries are mistyped, hold an unknown word, or ask in another language."""

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import xxhash
from numpy.typing import NDArray

from inference.datasets.pair import LabelledPair
from inference.evaluation.figures import MATCH
from inference.evaluation.judge import Judge
from inference.evaluation.languages import MIXED, OTHER, script_of
from inference.evaluation.measures import auc
from inference.evaluation.spoilt_texts import with_typo, with_unseen_word


class Robustness(msgspec.Struct, frozen=True):
    """AUC of some pairs, before and after their queries were changed; None where it cannot be told."""

    pairs: int
    """Those whose query could be changed; of `other_language` those whose query and item differ in script."""
    auc: float | None
    """As they are."""
    auc_changed: float | None
    """With changed queries; of `other_language`: None, since nothing is changed."""
    mean_change: float | None
    """Of the probability, without its sign."""


def robustness_of(judge: Judge, pairs: Sequence[LabelledPair]) -> dict[str, Robustness]:
    """Measure on a sample of pairs.

    There is no translator here, so another language is what the file has of it: pairs whose query is written in
    another script than their item, as `running shoes` for 男士跑步鞋.
    """
    found = {
        name: _changed(judge, pairs, change)
        for name, change in (("typos", with_typo), ("unseen_words", with_unseen_word))
    }
    across = [pair for pair in pairs if _differ(script_of(pair.query), script_of(pair.item))]
    _, figure = _auc(judge, across, [pair.query for pair in across])
    return found | {"other_language": Robustness(len(across), figure, None, None)}


def _changed(
    judge: Judge, pairs: Sequence[LabelledPair], change: Callable[[np.random.Generator, str], str]
) -> Robustness:
    changed = {}
    for query in sorted({pair.query for pair in pairs}):
        # By the query's own number, so that a query is spoilt alike in every file.
        other = change(np.random.default_rng(xxhash.xxh3_64_intdigest(query.encode())), query)
        if other != query:
            changed[query] = other
    chosen = [pair for pair in pairs if pair.query in changed]
    before, figure = _auc(judge, chosen, [pair.query for pair in chosen])
    after, figure_changed = _auc(judge, chosen, [changed[pair.query] for pair in chosen])
    moved = judge.probabilities(after) - judge.probabilities(before)
    change_seen = float(np.nanmean(np.abs(moved))) if chosen and not np.isnan(moved).all() else None
    return Robustness(len(chosen), figure, figure_changed, None if change_seen is None else round(change_seen, 5))


def _auc(
    judge: Judge, pairs: Sequence[LabelledPair], queries: Sequence[str]
) -> tuple[NDArray[np.float32], float | None]:
    raw = judge.raw(queries, [pair.item for pair in pairs])
    told = ~np.isnan(raw)
    matches = np.array([pair.label >= MATCH for pair in pairs], np.bool_)[told]
    weights = np.array([pair.weight for pair in pairs], np.float64)[told]
    if not (weights[matches].sum() > 0 and weights[~matches].sum() > 0):
        return raw, None
    return raw, round(auc(matches, raw[told].astype(np.float64), weights), 5)


def _differ(one: str, other: str) -> bool:
    return one != other and OTHER not in {one, other} and MIXED not in {one, other}
