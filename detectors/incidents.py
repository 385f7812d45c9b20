"""Incidents: alerts of one application that broke together, so that one trouble is one call.

Which incident an alert belongs to must not depend on how far one horizon was decided ahead of another. So a decision
at a horizon about a cohort looks only at alerts that fired at the same or an earlier horizon, about the same or an
earlier cohort, and at what had become of them by then: that has been decided, however the log was read.
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
KEPT_CALLS: Final = 10
"""Changes in what an alert calls for: silences and severities, and its end."""


class Member(msgspec.Struct, array_like=True):
    """An alert that fired."""

    fingerprint: str
    horizon_s: int
    cohort_ms: int
    severity: str
    told: bool
    """Subscribers were called for it when it fired."""
    calls: list[tuple[int, str]] = []
    """What came of that: from which cohort on (its start) it calls as loudly as some severity; empty where it does not,
    because it is silenced or over. The newest."""

    def loudness(self, cohort_ms: int) -> int:
        """Give the rank of the severity that subscribers are called with at a cohort; -1 where they are not."""
        now = self.severity if self.told else ""
        for since_ms, severity in self.calls:
            now = severity if since_ms <= cohort_ms else now
        return severity_rank(now) if now else -1


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
    """Subscribers are called for this trouble, as loudly."""


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
            seen = _visible(found.members, horizon_s, cohort_ms)
            # What fires once more is news, and so is what began later, even if the same deployment is suspected.
            grouped = (
                all(one.fingerprint != data.fingerprint for one in seen)
                and abs(started_ms - found.started_ms) <= TOGETHER_S * 1000
                and _is_called_for(data, seen, cohort_ms)
            )
        if len(found.members) < MAX_MEMBERS:
            told_of = told and not grouped
            found.members.append(Member(data.fingerprint, horizon_s, cohort_ms, data.severity, told_of))
        return Place(found.id, grouped)

    def note(self, data: AlertData, horizon_s: int, cohort_ms: int, *, calls: str) -> None:
        """Learn what has become of an alert that fired.

        Args:
            data: the alert.
            horizon_s: of its rule.
            cohort_ms: start of the cohort of the decision.
            calls: the severity that subscribers are called with from now on; empty: silenced, grouped or over.
        """
        for one in reversed(self._members(data.incident)):
            if one.fingerprint == data.fingerprint and one.horizon_s == horizon_s:
                known = one.calls[-1][1] if one.calls else one.severity if one.told else ""
                if calls != known:
                    one.calls = [*one.calls, (cohort_ms, calls)][-KEPT_CALLS:]
                return

    def is_called_for(self, data: AlertData, horizon_s: int, cohort_ms: int) -> bool:
        """Whether another alert of the same incident calls at a cohort, as loudly as this one is."""
        return _is_called_for(data, self._others_seen(data, horizon_s, cohort_ms), cohort_ms)

    def is_left_alone(self, data: AlertData, horizon_s: int, cohort_ms: int) -> bool:
        """Whether nothing has called for the trouble for `TOGETHER_S`: what was to end with it would have by then."""
        seen = self._others_seen(data, horizon_s, cohort_ms)
        return not any(_is_called_for(data, seen, at_ms) for at_ms in (cohort_ms, cohort_ms - TOGETHER_S * 1000))

    def others(self, data: AlertData, horizon_s: int, cohort_ms: int) -> int:
        """Give how many other alerts belong to the incident that is named after this one; 0 if none is."""
        for incident in self._incidents:
            if incident.id == data.incident and incident.members[0].fingerprint == data.fingerprint:
                return len({one.fingerprint for one in _visible(incident.members, horizon_s, cohort_ms)}) - 1
        return 0

    def state(self) -> dict[str, Any]:
        """Give everything as plain numbers and names."""
        return {"incidents": msgspec.to_builtins(self._incidents)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up where another one gave its `state`."""
        self._incidents = msgspec.convert(state["incidents"], list[Incident])

    def _members(self, name: str) -> list[Member]:
        return next((incident.members for incident in self._incidents if incident.id == name), [])

    def _others_seen(self, data: AlertData, horizon_s: int, cohort_ms: int) -> list[Member]:
        seen = _visible(self._members(data.incident), horizon_s, cohort_ms)
        return [one for one in seen if one.fingerprint != data.fingerprint]

    def _fitting(self, application: str, started_ms: int, cause: str, at: tuple[int, int]) -> Incident | None:
        fitting = []
        for incident in self._incidents:
            apart_ms = abs(started_ms - incident.started_ms)
            same_cause = bool(cause) and cause == incident.cause
            if (
                incident.application == application
                and (same_cause or apart_ms <= TOGETHER_S * 1000)
                and _visible(incident.members, *at)[:1] == incident.members[:1]
                and at[1] - incident.members[0].cohort_ms <= ACCEPT_S * 1000
            ):
                fitting.append((not same_cause, apart_ms, incident.id, incident))
        return min(fitting)[-1] if fitting else None


def _is_called_for(data: AlertData, seen: list[Member], cohort_ms: int) -> bool:
    return any(one.loudness(cohort_ms) >= severity_rank(data.severity) for one in seen)


def _visible(members: list[Member], horizon_s: int, cohort_ms: int) -> list[Member]:
    return [one for one in members if one.horizon_s <= horizon_s and one.cohort_ms <= cohort_ms]


def _cause(data: AlertData) -> str:
    cause = data.suspected_cause
    if cause is None:
        return ""
    deployed_ms = timestamp_ms(data.started_at, "started_at") - round(cause.seconds_before * 1000)
    return f"{deployed_ms} {cause.model} {cause.version} {cause.role}"
