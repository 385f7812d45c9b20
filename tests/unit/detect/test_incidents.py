import itertools
import random

import msgspec
import pytest

from detectors.incidents import MAX_INCIDENTS, MAX_MEMBERS, TOGETHER_S, Incidents, Place
from schemas.alerts import AlertData, AlertSeries, SuspectedCause
from schemas.timestamps import format_timestamp
from tests.unit.detect.following import follow, seconds
from tests.unit.detect.shop_rollups import HEALTHY, START_MS, SURFACES, Behaviour, Shop, changed_at
from tests.unit.readers.alert_example import ALERT

BROKE_S = 1500


def alert(
    fingerprint: str,
    started_s: float = 0,
    *,
    severity: str = "critical",
    application: str = "shop",
    deployed_s: float | None = None,
) -> AlertData:
    cause = None if deployed_s is None else SuspectedCause("rank", "5", "live", started_s - deployed_s)
    return msgspec.structs.replace(
        ALERT.data,
        fingerprint=fingerprint,
        severity=severity,
        started_at=format_timestamp(START_MS + int(started_s * 1000)),
        series=AlertSeries(application, "search", "*", "*"),
        suspected_cause=cause,
    )


def place(incidents: Incidents, data: AlertData, cohort_s: float, horizon_s: int = 0, *, told: bool = True) -> Place:
    return incidents.place(data, horizon_s, START_MS + int(cohort_s * 1000), told=told)


def test_what_broke_together_in_an_application_is_one_incident_and_one_call() -> None:
    incidents = Incidents()
    first = place(incidents, alert("a", 100), 150)
    assert not first.grouped
    assert place(incidents, alert("b", 40), 150) == Place(first.incident, True)
    assert place(incidents, alert("c", 100 + TOGETHER_S), 800, 60) == Place(first.incident, True)
    assert place(incidents, alert("d", 101 + TOGETHER_S), 800).incident != first.incident
    assert place(incidents, alert("e", 100, application="other"), 800).incident != first.incident
    assert incidents.others(msgspec.structs.replace(alert("a"), incident=first.incident), 60, START_MS + 800_000) == 2
    assert incidents.others(msgspec.structs.replace(alert("a"), incident=first.incident), 0, START_MS + 800_000) == 1
    assert incidents.others(msgspec.structs.replace(alert("b"), incident=first.incident), 0, START_MS + 800_000) == 0


def test_one_deployment_is_one_incident_however_slowly_it_shows_but_what_began_later_calls() -> None:
    incidents = Incidents()
    first = place(incidents, alert("a", 100, deployed_s=90), 150)
    assert place(incidents, alert("b", 2000, deployed_s=90), 2100) == Place(first.incident, False)
    assert place(incidents, alert("c", 2000, deployed_s=1990), 2100).incident != first.incident


def test_what_is_more_severe_or_fires_once_more_calls_again() -> None:
    incidents = Incidents()
    first = place(incidents, alert("a", severity="warning"), 50)
    assert place(incidents, alert("b", severity="warning"), 60).grouped
    assert place(incidents, alert("c"), 70) == Place(first.incident, False)
    assert place(incidents, alert("e"), 70) == Place(first.incident, True)
    assert place(incidents, alert("d", severity="info"), 70).grouped
    assert place(incidents, alert("a", severity="warning"), 80) == Place(first.incident, False)


def test_who_was_not_called_because_the_first_was_silenced_is_called_for_the_next() -> None:
    incidents = Incidents()
    place(incidents, alert("a"), 50, told=False)
    assert not place(incidents, alert("b"), 60).grouped
    assert place(incidents, alert("c"), 60).grouped


def test_the_order_in_which_horizons_are_decided_changes_nothing() -> None:
    drawing = random.Random(7)
    severities = ("info", "warning", "critical")
    for _ in range(200):
        fired = [
            (
                alert(f"f{number}", drawing.choice([0, 300, 500, 900, 1200]), severity=drawing.choice(severities)),
                drawing.choice([100, 200, 300, 400, 500]),
                horizon_s,
                drawing.random() < 0.8,
            )
            for number, horizon_s in enumerate([0, 0, 0, 60, 60, 1800])
        ]
        # Each horizon in the order of its cohorts, an earlier one never behind a later one about the same cohort.
        fired.sort(key=lambda one: (one[1], one[2], one[0].fingerprint))
        expected: dict[str, Place] | None = None
        ahead = sorted(fired, key=lambda one: one[2])
        live = sorted(fired, key=lambda one: (one[1] + one[2], one[2]))
        for order in (fired, ahead, live):
            incidents = Incidents()
            found = {
                data.fingerprint: place(incidents, data, at, horizon, told=told) for data, at, horizon, told in order
            }
            expected = found if expected is None else expected
            assert found == expected


def test_it_is_bounded_and_comes_back_as_it_was() -> None:
    incidents = Incidents()
    for number, member in itertools.product(range(MAX_INCIDENTS + 10), range(3)):
        place(incidents, alert(f"{number}-{member}", number * 2 * TOGETHER_S), number * 2 * TOGETHER_S + 50)
    last = (MAX_INCIDENTS + 9) * 2 * TOGETHER_S
    for member in range(MAX_MEMBERS + 10):
        place(incidents, alert(f"more-{member}", last), last + 60)
    state = incidents.state()
    assert len(state["incidents"]) == MAX_INCIDENTS
    assert max(len(one["members"]) for one in state["incidents"]) == MAX_MEMBERS
    assert len(msgspec.msgpack.encode(state)) < 1_000_000
    restored = Incidents()
    restored.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(state)))
    assert restored.state() == state


@pytest.mark.parametrize("rate", [20.0, 100.0])
def test_a_bad_rollout_is_one_incident_over_surfaces_and_signals(rate: float) -> None:
    story = changed_at(BROKE_S, match=0.6, ctr=0.06, version="4")
    followed = follow(Shop(rate=rate, minutes=35, seed=6, story=story, versions=True), [(BROKE_S, "4", "live")])
    fired = followed.fired()
    assert {x.data.series.surface for x in fired} == set(SURFACES)
    assert len({x.data.rule for x in fired}) > 1
    assert len({x.data.incident for x in fired}) == 1
    assert [x.data.grouped for x in fired] == [False] + [True] * (len(fired) - 1)
    first = fired[0]
    together = [x for x in fired if (x.cohort_start_ms, x.data.rule) == (first.cohort_start_ms, "match_drop")]
    more = len(together) - 1
    assert f"{more} more alert" in first.data.summary or not more


def test_troubles_an_hour_apart_are_two_incidents_and_the_end_names_the_first() -> None:
    def story(t: float) -> Behaviour:
        return changed_at(0, match=0.6)(t) if 1500 <= t < 2000 or t >= 5600 else HEALTHY

    followed = follow(Shop(rate=40, minutes=110, seed=6, story=story, surfaces=("search",)))
    fired, resolved, again = followed.transitions
    assert resolved.data.incident == fired.data.incident != again.data.incident
    assert not again.data.grouped
    assert abs(seconds(again.data.started_at) - 5600) < 60
