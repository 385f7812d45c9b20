"""Which alerts of a series wait for another one of it: a rule's `inhibited_by` names those that may explain it.

What waits stays pending. It fires if its condition outlives the explanation, and is let go of when that resolves.
"""

from collections.abc import Iterable

from detectors.lifecycle import Phase
from detectors.missing_scores import may_explain
from detectors.rules import Rule
from detectors.watched import Watched
from detectors.watches import AnyWatch


def is_explained(watch: AnyWatch, among: Iterable[Watched]) -> bool:
    """Whether what goes on in another watch of the series may explain a condition."""
    # Breached but quiet is what has been accepted in this cohort: it goes on.
    return any(
        (other.life.phase is not Phase.QUIET or other.verdict.suspicious or other.verdict.breached)
        and may_explain(watch, other.watch)
        for other in among
        if other.watch.rule.name in watch.rule.inhibited_by
    )


def let_go_of_explained(rule: Rule, among: Iterable[Watched]) -> None:
    """End what waited behind a rule that has resolved: it saw the same trouble, which is over."""
    for other in among:
        if rule.name in other.watch.rule.inhibited_by and other.life.phase is Phase.PENDING:
            other.let_go()
