"""Alerts: CloudEvents 1.0 in JSON, one for each time that a condition fires, is repeated or resolves."""

from typing import Any, Final, Literal

import msgspec

from schemas.ours import decode_ours

FIRING_TYPE: Final = "matchwatch.alert.firing"
RESOLVED_TYPE: Final = "matchwatch.alert.resolved"
SILENCED_TYPE: Final = "matchwatch.alert.silenced"
"""Fires or resolves, as `data.status` says, and nobody is to be told: a silence covers it."""

SEVERITIES: Final = ("info", "warning", "critical")
"""In order."""
AlertType = Literal["matchwatch.alert.firing", "matchwatch.alert.resolved", "matchwatch.alert.silenced"]


class AlertSeries(msgspec.Struct, frozen=True):
    """The series that the alert is about."""

    application: str
    surface: str
    model: str
    version: str


class AlertSegment(msgspec.Struct, frozen=True):
    """A slice of the traffic that stands out, and its share of the change."""

    name: str
    value: str
    share_of_change: float
    kind: Literal["within", "mix"] = "within"
    """`within`: the signal changed in this slice. `mix`: the slice became a larger or smaller part of the traffic."""
    before: float | None = None
    """The signal in the slice; of `mix` the slice's part of the traffic."""
    after: float | None = None
    n: int | None = None
    """Searches, impressions or pairs of the slice since the change; of volumes, cohorts."""
    p_value: float | None = None
    """Chance of such a difference from the other slices by chance alone, all slices that were looked at counted."""


class AlertSurface(msgspec.Struct, frozen=True):
    """Another surface of the same application, and whether it changed as well."""

    surface: str
    verdict: Literal["changed", "unchanged", "unclear"]
    """`unchanged`: surely less than half as much; `unclear`: too little traffic to tell."""
    before: float
    after: float


class ResolvesWhen(msgspec.Struct, frozen=True):
    """What it would take to resolve."""

    side: Literal["above", "below"]
    """On which side of `value` the signal must be."""
    value: float | None
    """In the signal's unit; None where the rule compares in another one (see docs/detection.md): back to `expected`."""
    for_s: int
    """How long, event time."""


class SuspectedCause(msgspec.Struct, frozen=True):
    """The deployment that fits in time."""

    model: str
    version: str
    role: str
    seconds_before: float
    """Seconds from the deployment to `started_at`; negative where it came up to two cohorts after."""


class SampleItem(msgspec.Struct, frozen=True):
    """One shown item of a sample search."""

    object_id: str
    position: int
    title: str | None
    score: float | None
    """P(match | query, item); None where it could not be scored."""
    clicked: bool


class SampleSearch(msgspec.Struct, frozen=True):
    """One search of the episode, as people saw it."""

    query_id: str
    user_query: str
    timestamp: str
    version: str
    items: list[SampleItem]


class AlertData(msgspec.Struct, frozen=True, kw_only=True):
    """What the on-call engineer needs to know."""

    fingerprint: str
    rule: str
    severity: str
    status: Literal["firing", "resolved"]
    signal: str
    series: AlertSeries
    value: float | None
    expected: float | None
    threshold: float | None
    direction: Literal["up", "down"]
    n: int
    standard_error: float | None
    started_at: str
    """Estimated time of the change, event time, RFC 3339."""
    detected_at: str
    """Largest accepted event time when it fired."""
    resolved_at: str | None = None
    repeat: int = 0
    """0 when it fires first, counted up by each re-notification."""
    summary: str
    segments: list[AlertSegment] = []
    spread: Literal["everywhere", "slices", "mix", "unclear"] = "unclear"
    """Whether all slices changed alike, some stand out, or traffic moved between slices that stayed as they were."""
    other_surfaces: list[AlertSurface] = []
    suspected_cause: SuspectedCause | None = None
    samples: list[SampleSearch] = []
    runbook_url: str
    resolves_when: ResolvesWhen | None = None
    false_alarm_every: str | None = None
    """Expected time between false alarms of this rule on this series, as in the settings (`1310d`); None where the rule
    goes by settings of its own."""
    replayed: bool = False
    """Recomputed over old events: never page for it."""
    flapping: bool = False
    """It has fired several times within an hour, so it resolves only after a longer quiet."""
    incident: str = ""
    """Alerts of an application that broke together share it; hash of the first one's fingerprint and cohort."""
    grouped: bool = False
    """Subscribers have been called for another alert of the incident, of this severity or a higher one."""
    silenced_by: list[str] = []
    """Ids of the silences that cover it at the decision's event time; then nobody is told that it fires."""


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """The CloudEvents envelope."""

    id: str
    """Hash of fingerprint, cohort of the decision, transition and repeat number: the same from every writer."""
    source: str
    type: AlertType
    subject: str
    """The fingerprint."""
    time: str
    """When it was sent."""
    data: AlertData
    specversion: Literal["1.0"] = "1.0"
    datacontenttype: Literal["application/json"] = "application/json"


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(Alert)


def encode_alert(alert: Alert) -> bytes:
    """Encode an alert, without the optional fields that are not set."""
    plain: dict[str, Any] = msgspec.to_builtins(alert)
    for name in ("resolved_at", "suspected_cause", "resolves_when", "false_alarm_every"):
        if plain["data"][name] is None:
            del plain["data"][name]
    return _encoder.encode(plain)


def decode_alert(raw: bytes) -> Alert:
    """Decode an alert.

    Raises:
        msgspec.DecodeError: the bytes are not an alert of ours.
    """
    return decode_ours(_decoder, raw)
