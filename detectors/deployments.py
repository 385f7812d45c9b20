"""Which deployment fits a change, in time."""

from collections.abc import Callable, Sequence

import msgspec

from schemas.alerts import SuspectedCause

CAUSE_ROLES = frozenset({"live", "canary"})
"""A shadow or retired version serves nobody."""


class DeploymentMark(msgspec.Struct, frozen=True, order=True):
    """A deployment as far as it explains a change: ordered by time, then by name."""

    time_ms: int
    model: str
    version: str
    role: str


def suspected_cause(
    deployments: Sequence[DeploymentMark], started_at_ms: int, before_s: int, after_s: float
) -> SuspectedCause | None:
    """Give the latest live or canary deployment from `before_s` before to `after_s` after the change began."""
    fitting = [
        mark
        for mark in deployments
        if mark.role in CAUSE_ROLES
        and started_at_ms - before_s * 1000 <= mark.time_ms <= started_at_ms + after_s * 1000
    ]
    if not fitting:
        return None
    latest = max(fitting)
    return SuspectedCause(
        model=latest.model,
        version=latest.version,
        role=latest.role,
        seconds_before=(started_at_ms - latest.time_ms) / 1000,
    )


def latest_live_ms(
    deployments: Sequence[DeploymentMark], after_ms: int, through_ms: int, serves: Callable[[str], bool]
) -> int | None:
    """Give when the latest live deployment of a model that serves was, later than `after_ms` up to `through_ms`."""
    times = (
        mark.time_ms
        for mark in deployments
        if after_ms < mark.time_ms <= through_ms and mark.role == "live" and serves(mark.model)
    )
    return max(times, default=None)
