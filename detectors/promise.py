"""The promise of how often chance alone may alarm, shared among the rules and series that are watched.

Rare alarms of many watches add up: with k equal shares each watch may alarm once in k times the time that was promised
for all. Shares change as series come and go, and with them thresholds, each at its watch's next moment without
evidence.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from detectors.rules import Rule
from detectors.watch import Watch

SHARES: Final[Mapping[str, float]] = {"cusum": 1.0, "absence": 0.05}
"""By detector. Silence that chance makes is as long as promised only if cohorts were endlessly short, so absence hardly
uses its share, and a twentieth is enough."""
PROMISING: Final = frozenset(SHARES)
"""Detectors that keep a promise; the others go by their own settings."""


def promises(rule: Rule) -> bool:
    """Whether chance alone may alarm a rule, as often as is promised."""
    return rule.detector in PROMISING and not {"threshold", "expected"} & set(rule.settings)


def share_promise(every_s: float, watches: Iterable[Watch], horizon_s: int | None = None) -> None:
    """Give each watch its share.

    Args:
        every_s: time between false alarms that was promised for all rules but those that have a promise of their own.
        watches: on all series that are alive.
        horizon_s: give only the watches of this horizon theirs; None: all.
    """
    promising = [watch for watch in watches if promises(watch.rule)]
    total: defaultdict[str, float] = defaultdict(float)
    for watch in promising:
        total[_whose(watch.rule)] += SHARES[watch.rule.detector]
    for watch in promising:
        if horizon_s not in {None, watch.rule.horizon_s}:
            continue
        every = watch.rule.false_alarm_every_s or every_s
        watch.false_alarm_every_s = every * total[_whose(watch.rule)] / SHARES[watch.rule.detector]


def _whose(rule: Rule) -> str:
    """Name the promise that a rule has a share of: its own, or that of all."""
    return rule.name if rule.false_alarm_every_s is not None else ""
