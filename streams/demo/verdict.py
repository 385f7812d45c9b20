"""Whether the demo went as it must: the right alert came, it named the right deployment, and no other came first."""

from collections.abc import Sequence
from typing import Final

import msgspec

from schemas.alerts import FIRING_TYPE, Alert
from schemas.events import ModelRef
from schemas.timestamps import format_timestamp, timestamp_ms
from streams.demo.plan import Expected

EARLIEST_S: Final = 60
"""How long before the fault an alert may date its beginning: the date is an estimate from pooled cohorts."""
LATEST_S: Final = 300
"""How long after the fault it may date it: some faults show only in clicks, and on quiet surfaces slowly."""
SHOWN_BY: Final = {
    "ctr_proxy_accuracy": ("ctr_proxy_accuracy", "ctr_proxy_lift"),
    "ctr": ("ctr", "click_rate"),
}
"""Signals that rules watch in place of the one that a fault moves."""


class Verdict(msgspec.Struct, frozen=True):
    """What came of the demo."""

    problems: tuple[str, ...]
    """What is not as it must be, in words; empty: all is well."""
    alert: Alert | None
    """The first alert that tells what is wrong."""
    others: tuple[Alert, ...]
    """All other alerts, in order of their detection."""
    expected_cause: ModelRef | None = None
    """The deployment that did it, where one did."""

    @property
    def ok(self) -> bool:
        """Whether everything went as it must."""
        return not self.problems


def firing(alerts: Sequence[Alert]) -> list[Alert]:
    """Give the first notification of each episode, in order of detection, among equals the one with most behind it."""
    fired = [alert for alert in alerts if alert.type == FIRING_TYPE and alert.data.repeat == 0]
    return sorted(fired, key=lambda alert: (alert.data.detected_at, -alert.data.n))


def judge(expected: Expected | None, alerts: Sequence[Alert]) -> Verdict:
    """Hold the alerts against what really happened.

    Args:
        expected: what went wrong; None: nothing did, so any alert is a false alarm.
        alerts: all that were published, in any order.
    """
    fired = firing(alerts)
    if expected is None:
        return Verdict(tuple(f"a false alarm: {alert.data.summary}" for alert in fired), None, tuple(fired))
    telling = [alert for alert in fired if _tells(alert, expected)]
    problems = [
        f"an alert before {'anything was wrong' if _detected_ms(alert) < expected.since_ms else 'the right one'}: "
        f"{alert.data.summary}"
        for alert in fired
        if _detected_ms(alert) < (_detected_ms(telling[0]) if telling else expected.since_ms)
    ]
    if not telling:
        wanted = " or ".join(expected.signals)
        problems.append(f"no alert on {wanted} since {format_timestamp(expected.since_ms)}")
        return Verdict(tuple(problems), None, tuple(fired))
    alert = telling[0]
    if expected.cause is not None:
        right = (expected.cause.name, expected.cause.version)
        named = alert.data.suspected_cause
        if named is None:
            problems.append(f"the alert suspects no deployment; it was {' '.join(right)}")
        elif (named.model, named.version) != right:
            problems.append(f"the alert suspects {named.model} {named.version}; it was {' '.join(right)}")
    others = tuple(other for other in fired if other is not alert)
    return Verdict(tuple(problems), alert, others, expected.cause)


def _tells(alert: Alert, expected: Expected) -> bool:
    data = alert.data
    shown = {
        (name, direction) for signal, direction in expected.signals.items() for name in SHOWN_BY.get(signal, (signal,))
    }
    began_after_s = (timestamp_ms(data.started_at, "started_at") - expected.since_ms) / 1000
    return (
        (data.signal, data.direction) in shown
        and -EARLIEST_S <= began_after_s <= LATEST_S
        and _detected_ms(alert) >= expected.since_ms
    )


def _detected_ms(alert: Alert) -> int:
    return timestamp_ms(alert.data.detected_at, "detected_at")
