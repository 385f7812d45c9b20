from typing import Any

import msgspec

from schemas.alerts import RESOLVED_TYPE, SILENCED_TYPE, Alert
from streams.readers.incident_list import incident_rows
from tests.unit.readers.alert_example import ALERT


def alert(fingerprint: str, incident: str = "i1", *, kind: str = "", at: str = "", **changes: Any) -> Alert:
    data = msgspec.structs.replace(ALERT.data, fingerprint=fingerprint, incident=incident, **changes)
    data = msgspec.structs.replace(data, started_at=at or data.started_at)
    return msgspec.structs.replace(ALERT, subject=fingerprint, data=data, type=kind or ALERT.type)


def resolved(fingerprint: str, incident: str = "i1", **changes: Any) -> Alert:
    return alert(fingerprint, incident, kind=RESOLVED_TYPE, status="resolved", **changes)


def test_alerts_are_summed_up_by_incident_in_the_order_in_which_these_began() -> None:
    one, two = incident_rows(
        [
            alert("a", severity="warning", summary="first"),
            alert("b", rule="match_drop", at="2026-11-23T10:06:00.000Z", summary="second"),
            alert("x", "i2", kind=SILENCED_TYPE),
            resolved("b", rule="match_drop", at="2026-11-23T10:06:00.000Z"),
            alert("a", severity="warning", summary="first, still", repeat=1),
            alert("x", "i2", kind=SILENCED_TYPE, status="resolved"),
        ]
    )
    assert (one.incident, one.status, one.severity, one.alerts, one.firing) == ("i1", "firing", "critical", 2, 1)
    assert (one.rules, one.started_at) == (["ctr_drop", "match_drop"], "2026-11-23T10:06:00.000Z")
    assert (one.summary, one.silenced) == ("first, still", False)
    assert (two.incident, two.status, two.silenced, two.firing) == ("i2", "resolved", True, 0)


def test_alerts_from_before_there_were_incidents_are_each_their_own() -> None:
    rows = incident_rows([alert("a", ""), alert("b", ""), resolved("a", "")])
    assert [(row.alerts, row.status) for row in rows] == [(1, "resolved"), (1, "firing")]
