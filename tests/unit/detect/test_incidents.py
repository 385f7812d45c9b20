import itertools
import random
from dataclasses import replace

import msgspec
import pytest

from detectors.detect_fold import DetectFold
from detectors.incidents import MAX_INCIDENTS, MAX_MEMBERS, TOGETHER_S, Incidents, Place
from detectors.outputs import Transition
from schemas.alerts import FIRING_TYPE, SILENCED_TYPE, AlertData, AlertSeries, SuspectedCause
from schemas.silences import Silence, SilenceMatcher
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


def test_who_is_called_for_what_is_over_or_silenced_is_called_again() -> None:
    incidents = Incidents()
    first = place(incidents, alert("a"), 50)
    called = msgspec.structs.replace(alert("a"), incident=first.incident)
    incidents.note(called, 0, START_MS + 300_000, calls="")
    grouped = place(incidents, alert("b"), 290)
    assert grouped == Place(first.incident, True), "it was decided later, but is about an earlier cohort"
    again = place(incidents, alert("c"), 300)
    assert again == Place(first.incident, False)
    waiting = msgspec.structs.replace(alert("d"), incident=first.incident)
    assert incidents.is_called_for(waiting, 0, START_MS + 300_000), "by what came instead"


def test_a_repeat_is_called_for_no_longer_once_it_is_louder_or_the_other_is_over() -> None:
    incidents = Incidents()
    first = place(incidents, alert("a", severity="warning"), 50)
    place(incidents, alert("b", severity="warning"), 60)
    second = msgspec.structs.replace(alert("b", severity="warning"), incident=first.incident)
    louder = msgspec.structs.replace(second, severity="critical")
    assert incidents.is_called_for(second, 0, START_MS + 900_000)
    assert not incidents.is_called_for(louder, 0, START_MS + 900_000)
    incidents.note(
        msgspec.structs.replace(alert("a"), incident=first.incident), 0, START_MS + 1_000_000, calls="critical"
    )
    assert incidents.is_called_for(louder, 0, START_MS + 1_000_000)
    incidents.note(msgspec.structs.replace(alert("a"), incident=first.incident), 0, START_MS + 1_100_000, calls="")
    assert not incidents.is_called_for(second, 0, START_MS + 1_100_000)
    assert not incidents.is_left_alone(second, 0, START_MS + 1_100_000)
    assert incidents.is_left_alone(second, 0, START_MS + 1_100_000 + TOGETHER_S * 1000)
    restored = Incidents()
    restored.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(incidents.state())))
    assert restored.is_left_alone(second, 0, START_MS + 1_100_000 + TOGETHER_S * 1000)
    assert restored.state() == incidents.state()


def overlapping(t: float) -> Behaviour:
    """Matches are bad from the break for some minutes; searches find nothing from soon after, and go on so."""
    behaviour = changed_at(BROKE_S, match=0.6)(t) if t < BROKE_S + 240 else HEALTHY
    return replace(behaviour, zero_results=0.3) if t >= BROKE_S + 120 else behaviour


def test_what_goes_on_when_the_called_alert_has_been_over_for_long_is_called() -> None:
    followed = follow(Shop(rate=40, minutes=55, seed=6, story=overlapping, surfaces=("search",)))
    over = next(x for x in followed.transitions if x.data.status == "resolved" and x.data.rule == "match_drop")
    first, second = followed.fired("zero_results_rise")
    assert (first.data.grouped, second.data.grouped, second.data.repeat) == (True, False, 1)
    assert second.cohort_start_ms == over.cohort_start_ms + TOGETHER_S * 1000
    assert second.data.incident == over.data.incident


def test_when_the_silence_of_a_grouped_alert_ends_it_is_called() -> None:
    fold = DetectFold()
    hush = Silence(
        id="s",
        matchers=[SilenceMatcher("rule", "zero_results_rise")],
        starts_at=format_timestamp(START_MS),
        ends_at=format_timestamp(START_MS + (BROKE_S + 600) * 1000),
        created_by="dana",
        comment="known",
    )
    fold.apply_silence("s", hush)
    story = changed_at(BROKE_S, match=0.6, zero_results=0.3)
    shop = Shop(rate=40, minutes=40, seed=6, story=story, surfaces=("search",))
    outputs = [x for offset, record in enumerate(shop.records()) for x in fold.apply(record, offset)]
    found = [x for x in outputs if isinstance(x, Transition) and x.data.rule == "zero_results_rise"]
    assert [(x.type, x.data.repeat) for x in found] == [(SILENCED_TYPE, 0), (FIRING_TYPE, 1)]
    assert not found[1].data.grouped


Event = tuple[AlertData, float, int, bool | None]
"""An alert that fires, the cohort, the horizon, and whether it is told; None where it is over."""


def place_and_end(order: list[Event]) -> dict[str, Place]:
    incidents = Incidents()
    found: dict[str, Place] = {}
    for data, at, horizon_s, told in order:
        if told is None:
            over = msgspec.structs.replace(data, incident=found[data.fingerprint].incident)
            incidents.note(over, horizon_s, START_MS + int(at * 1000), calls="")
        else:
            found[data.fingerprint] = place(incidents, data, at, horizon_s, told=told)
    return found


def test_the_order_in_which_horizons_are_decided_changes_nothing() -> None:
    drawing = random.Random(7)
    severities = ("info", "warning", "critical")
    for _ in range(200):
        fired: list[Event] = [
            (
                alert(f"f{number}", drawing.choice([0, 300, 500, 900, 1200]), severity=drawing.choice(severities)),
                drawing.choice([100, 200, 300, 400, 500]),
                horizon_s,
                drawing.random() < 0.8,
            )
            for number, horizon_s in enumerate([0, 0, 0, 60, 60, 1800])
        ]
        fired += [(data, at + drawing.choice([50, 150, 1000]), horizon_s, None) for data, at, horizon_s, _ in fired]
        # Each horizon in the order of its cohorts, an earlier one never behind a later one about the same cohort.
        fired.sort(key=lambda one: (one[1], one[2], one[0].fingerprint))
        expected: dict[str, Place] | None = None
        ahead = sorted(fired, key=lambda one: one[2])
        live = sorted(fired, key=lambda one: (one[1] + one[2], one[2]))
        for order in (fired, ahead, live):
            found = place_and_end(order)
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
