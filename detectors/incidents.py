"""Incidents: alerts of one application that broke together, so that one trouble is one call.

Which incident an alert belongs to must not depend on how far one horizon was decided ahead of another. So a decision
at a horizon about a cohort looks only at alerts that fired at the same or an earlier horizon, about the same or an
earlier cohort: those have been decided by then, however the log was read.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from detectors.lifecycle import ACCEPT_S, alert_id
from detectors.severity import severity_rank
from schemas.alerts import AlertData
from schemas.timestamps import timestamp_ms

TOGETHER_S: Final = 600
"""Estimated beginnings as near as this may be the same: how exactly a change is dated depends on the traffic."""
MAX_INCIDENTS: Final = 50
MAX_MEMBERS: Final = 50
"""Of more alerts it is not remembered that they belong: they are no longer counted."""


class Member(msgspec.Struct, array_like=True):
    """An alert that fired."""

    fingerprint: str
    horizon_s: int
    cohort_ms: int
    severity: str
    told: bool
    """Subscribers were called for it."""


class Incident(msgspec.Struct):
    """What broke together."""

    id: str
    application: str
    started_ms: int
    """Estimated beginning of the change that fired first."""
    cause: str
    """The deployment that is suspected of the first alert; empty where none is."""
    members: list[Member]
    """The first is the one that the incident is named after."""


class Place(NamedTuple):
    """Where an alert belongs."""

    incident: str
    grouped: bool
    """Subscribers have been called for this trouble, as loudly."""


class Incidents:
    """Those of the last day."""

    def __init__(self) -> None:
        self._incidents: list[Incident] = []

    def place(self, data: AlertData, horizon_s: int, cohort_ms: int, *, told: bool) -> Place:
        """Give the incident of an alert that fires, a new one where none fits.

        Args:
            data: the alert.
            horizon_s: of its rule.
            cohort_ms: start of the cohort of the decision.
            told: whether it is to be told at all; a silenced one is not.
        """
        started_ms, cause = timestamp_ms(data.started_at, "started_at"), _cause(data)
        found = self._fitting(data.series.application, started_ms, cause, (horizon_s, cohort_ms))
        if found is None:
            name = alert_id(data.fingerprint, cohort_ms, "incident", 0)
            found = Incident(name, data.series.application, started_ms, cause, [])
            self._incidents = [*self._incidents, found][-MAX_INCIDENTS:]
            grouped = False
        else:
            seen = _visible(found, horizon_s, cohort_ms)
            # What fires once more is news, and so is what began later, even if the same deployment is suspected.
            grouped = (
                all(one.fingerprint != data.fingerprint for one in seen)
                and abs(started_ms - found.started_ms) <= TOGETHER_S * 1000
                and any(one.told and severity_rank(one.severity) >= severity_rank(data.severity) for one in seen)
            )
        if len(found.members) < MAX_MEMBERS:
            told_of = told and not grouped
            found.members.append(Member(data.fingerprint, horizon_s, cohort_ms, data.severity, told_of))
        return Place(found.id, grouped)

    def others(self, data: AlertData, horizon_s: int, cohort_ms: int) -> int:
        """Give how many other alerts belong to the incident that is named after this one; 0 if none is."""
        for incident in self._incidents:
            if incident.id == data.incident and incident.members[0].fingerprint == data.fingerprint:
                return len({one.fingerprint for one in _visible(incident, horizon_s, cohort_ms)}) - 1
        return 0

    def state(self) -> dict[str, Any]:
        """Give everything as plain numbers and names."""
        return {"incidents": msgspec.to_builtins(self._incidents)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up where another one gave its `state`."""
        self._incidents = msgspec.convert(state["incidents"], list[Incident])

    def _fitting(self, application: str, started_ms: int, cause: str, at: tuple[int, int]) -> Incident | None:
        fitting = []
        for incident in self._incidents:
            apart_ms = abs(started_ms - incident.started_ms)
            same_cause = bool(cause) and cause == incident.cause
            if (
                incident.application == application
                and (same_cause or apart_ms <= TOGETHER_S * 1000)
                and _visible(incident, *at)[:1] == incident.members[:1]
                and at[1] - incident.members[0].cohort_ms <= ACCEPT_S * 1000
            ):
                fitting.append((not same_cause, apart_ms, incident.id, incident))
        return min(fitting)[-1] if fitting else None


def _visible(incident: Incident, horizon_s: int, cohort_ms: int) -> list[Member]:
    return [one for one in incident.members if one.horizon_s <= horizon_s and one.cohort_ms <= cohort_ms]


def _cause(data: AlertData) -> str:
    cause = data.suspected_cause
    if cause is None:
        return ""
    deployed_ms = timestamp_ms(data.started_at, "started_at") - round(cause.seconds_before * 1000)
    return f"{deployed_ms} {cause.model} {cause.version} {cause.role}"
