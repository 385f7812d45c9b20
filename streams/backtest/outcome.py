"""What a backtest found."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from schemas.alerts import Alert
from schemas.events import Deployment

_INVALID_CLICKS: Final = "invalid_clicks_"


class Outcome(NamedTuple):
    """Alerts in the order of their decisions, and what they rest on."""

    alerts: list[Alert]
    deployments: list[Deployment]
    read: int
    """Lines, or records of match-scores and click-events."""
    unreadable: dict[str, dict[str, int]]
    """What broke its contract, by topic and reason."""
    totals: dict[str, int]
    """Counters of the folds."""


def invalid_clicks(totals: Mapping[str, int]) -> dict[str, int]:
    """Give the clicks that broke their contract, by reason, from the folds' counters."""
    return {
        name.removeprefix(_INVALID_CLICKS): number
        for name, number in totals.items()
        if name.startswith(_INVALID_CLICKS)
    }
