"""Which searches show best what a signal lost."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from schemas.rollup import Exemplar


def choose_exemplars(signal: str, exemplars: Sequence[Exemplar], wanted: int = 3) -> list[Exemplar]:
    """Pick the searches that show best what a signal lost, at most `wanted`; ties by the hash of their ids.

    Clicks lost: pages without a click, those first whose items fit least. Agreement of scores with clicks lost: pages
    on which most items that were passed over score higher than the clicked ones. Order lost: pages whose uppermost
    click is lowest. What rollups' exemplars do not say (latency, titles, tokens) cannot be chosen by: then the hash
    alone decides, which is a fair sample.
    """
    merit = _MERITS.get(signal, _unknown)
    return sorted(exemplars, key=lambda exemplar: (*merit(exemplar), exemplar.id_hash))[:wanted]


def _mean_score(exemplar: Exemplar) -> float:
    scored = [score for score in exemplar.scores if score is not None]
    return sum(scored) / len(scored) if scored else float("inf")


def _disagreement(exemplar: Exemplar) -> float:
    """Give the share of (clicked, passed-over) pairs in which the item that was passed over scores higher; 0 without.

    As in `ctr_proxy_accuracy`, people have looked as far as one item below the lowest click.
    """
    looked_at = exemplar.scores[: max(exemplar.clicked, default=-1) + 2]
    clicked = [score for place, score in enumerate(looked_at) if place in exemplar.clicked and score is not None]
    passed = [score for place, score in enumerate(looked_at) if place not in exemplar.clicked and score is not None]
    pairs = len(clicked) * len(passed)
    return sum(mine < other for mine in clicked for other in passed) / pairs if pairs else 0.0


def _unknown(_: Exemplar) -> tuple[float, ...]:
    return ()


def _without_clicks(exemplar: Exemplar) -> tuple[float, ...]:
    return len(exemplar.clicked), _mean_score(exemplar)  # an empty page has no mean and comes last


def _disagreeing(exemplar: Exemplar) -> tuple[float, ...]:
    return -_disagreement(exemplar), _mean_score(exemplar)


def _clicked_low(exemplar: Exemplar) -> tuple[float, ...]:
    return -min(exemplar.clicked, default=-1), _mean_score(exemplar)


def _without_scores(exemplar: Exemplar) -> tuple[float, ...]:
    return (-exemplar.scores.count(None),)  # what has no text has no score


_MERITS: Final[Mapping[str, Callable[[Exemplar], tuple[float, ...]]]] = {
    "zero_result_rate": lambda exemplar: (len(exemplar.scores),),
    "match_at_10": lambda exemplar: (_mean_score(exemplar),),
    **dict.fromkeys(("ctr", "click_rate", "coec", "purchase_rate"), _without_clicks),
    **dict.fromkeys(("ctr_proxy_accuracy", "ctr_proxy_lift", "auc", "pointwise_accuracy", "log_loss"), _disagreeing),
    **dict.fromkeys(("mrr", "ndcg_at_10", "shown_order_accuracy"), _clicked_low),
    **dict.fromkeys(("missing_field_rate", "unscored_rate"), _without_scores),
}
"""By signal: what sorts the searches that show best what was lost to the front."""
