"""Alerts by incident: what broke together, since when, and whether it still fires."""

from collections.abc import Iterable

import msgspec

from schemas.alerts import Alert

_LOUD = {"critical": 0, "warning": 1, "info": 2}


class IncidentRow(msgspec.Struct):
    """One incident."""

    incident: str
    application: str
    status: str
    """`firing` while any of its alerts does."""
    severity: str
    """The highest of its alerts."""
    started_at: str
    """The earliest estimated beginning."""
    alerts: int
    firing: int
    rules: list[str]
    surfaces: list[str]
    silenced: bool
    """Nobody was told of any of its alerts."""
    summary: str
    """Of the alert that it is named after."""


def incident_rows(alerts: Iterable[Alert]) -> list[IncidentRow]:
    """Give the incidents of alerts in the order of the topic, each once; an alert of old that names none is its own."""
    by_incident: dict[str, dict[str, Alert]] = {}
    told: set[str] = set()
    firsts: dict[str, str] = {}
    for alert in alerts:
        name = alert.data.incident or f"{alert.subject}-{alert.data.started_at}"
        by_incident.setdefault(name, {})[alert.subject] = alert
        if alert.type != "matchwatch.alert.silenced":
            told.add(name)
        if alert.data.status == "firing":
            first = next(iter(by_incident[name]))
            if first == alert.subject:
                firsts[name] = alert.data.summary
    return [
        _row(name, list(latest.values()), firsts.get(name, ""), name in told) for name, latest in by_incident.items()
    ]


def _row(name: str, latest: list[Alert], summary: str, told: bool) -> IncidentRow:
    data = [alert.data for alert in latest]
    firing = [one for one in data if one.status == "firing"]
    return IncidentRow(
        incident=name,
        application=data[0].series.application,
        status="firing" if firing else "resolved",
        severity=min((one.severity for one in data), key=lambda severity: _LOUD.get(severity, -1)),
        started_at=min(one.started_at for one in data),
        alerts=len(data),
        firing=len(firing),
        rules=sorted({one.rule for one in data}),
        surfaces=sorted({one.series.surface for one in data}),
        silenced=not told,
        summary=summary or data[0].summary,
    )
