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


def canaries(deployments: Sequence[DeploymentMark], at_ms: int) -> dict[tuple[str, str], str]:
    """Give the (model, version) pairs that are canaries at a time, each with its model's live version; "" if unknown.

    Args:
        deployments: in order of time.
        at_ms: later ones do not count.
    """
    roles: dict[tuple[str, str], str] = {}
    live: dict[str, str] = {}
    for mark in deployments:
        if mark.time_ms > at_ms:
            break
        roles[mark.model, mark.version] = mark.role
        if mark.role == "live":
            live[mark.model] = mark.version
        elif live.get(mark.model) == mark.version:
            del live[mark.model]
    return {name: live.get(name[0], "") for name, role in roles.items() if role == "canary"}


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
