"""Which searches show best what a signal lost."""

from collections.abc import Sequence

from schemas.rollup import Exemplar

_MODEL_SIGNALS = frozenset({"ctr_proxy_accuracy", "ctr_proxy_lift", "auc", "pointwise_accuracy", "log_loss"})
"""Signals that say how well scores and clicks agree."""
_ORDER_SIGNALS = frozenset({"ndcg_at_10", "mrr"})
_CLICK_SIGNALS = frozenset({"ctr", "click_rate", "coec", "purchase_rate"})


def choose_exemplars(signal: str, exemplars: Sequence[Exemplar], wanted: int = 3) -> list[Exemplar]:
    """Pick the searches that show best what a signal lost, at most `wanted`; ties by the hash of their ids.

    Clicks lost: pages without a click, those first whose items fit least. Agreement of scores with clicks lost: pages
    on which most items that were passed over score higher than the clicked ones. Order lost: pages whose uppermost
    click is lowest. What rollups' exemplars do not say (latency, titles, tokens) cannot be chosen by: then the hash
    alone decides, which is a fair sample.
    """
    return sorted(exemplars, key=lambda exemplar: (_merit(signal, exemplar), exemplar.id_hash))[:wanted]


def _merit(signal: str, exemplar: Exemplar) -> tuple[float, ...]:
    if signal == "zero_result_rate":
        return (len(exemplar.scores),)
    if signal in _CLICK_SIGNALS:
        return (len(exemplar.clicked), _mean_score(exemplar))
    if signal in _MODEL_SIGNALS:
        return (-_disagreement(exemplar), _mean_score(exemplar))
    if signal in _ORDER_SIGNALS:
        return (-min(exemplar.clicked, default=-1), _mean_score(exemplar))
    if signal == "match_at_10":
        return (_mean_score(exemplar),)
    return ()


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
