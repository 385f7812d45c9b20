"""Another match model scores a series' searches: whether one does, and what of its watches must begin anew.

The shop's ranking model is another thing: it is part of the series' name.
"""

from collections.abc import Iterable
from typing import Final

from detectors.lifecycle import Step
from detectors.watched import Decision, Watched
from schemas.rollup import Rollup

MATCH_MODEL_SIGNALS: Final = frozenset({"match_at_10", "query_ood_rate"})
"""Their level belongs to the match model that scored. `ctr_proxy_*` is not among them: it judges the match model, so
it must see a new one that is worse."""


def scoring_model(rollup: Rollup) -> str:
    """Give name/version of the match model that scored a cohort, empty where none did.

    The majority counts: while two workers differ, or a canary runs, nothing has changed yet.
    """
    models = (name for name, searches in rollup.match_models.items() if searches and name.strip("/"))
    return max(models, key=lambda name: (rollup.match_models[name], name), default="")


def begin_with_model(watched: Iterable[Watched], end_ms: int) -> list[Decision]:
    """Let levels that belonged to the previous model begin anew; give the ends of the alerts about them."""
    decisions = []
    for x in watched:
        if x.watch.signal not in MATCH_MODEL_SIGNALS:
            continue
        if x.fires:
            decisions.append(Decision(x, x.life.end(end_ms, Step.ACCEPTED)))
        else:
            x.begin_anew()
    return decisions
