"""Alerts against what went wrong: the right rule, in time, and the right deployment suspected."""

import pytest

from schemas.alerts import Alert, AlertData, AlertSeries, SuspectedCause
from schemas.timestamps import format_timestamp
from streams.bench.fault_scenarios import SCENARIOS, Outcome, Scenario, judge, tell
from streams.bench.faults import fault_figures
from streams.bench.stated_delays import STATED
from streams.shop.faults import SYMPTOMS, Fault, FaultName
from streams.shop.settings import DEFAULT_START_MS, SimulationSettings

SHOP = SimulationSettings(rate=10, minutes=30, faults=(Fault(FaultName.DECOY, 9.0), Fault(FaultName.BAD_RANKER, 15.0)))
SCENARIO = Scenario("decoy_and_bad_ranker", (FaultName.DECOY, FaultName.BAD_RANKER))


def fired(minute: float, rule: str = "match_drop", suspected: tuple[str, str] | None = ("shop-rank", "5")) -> Alert:
    data = AlertData(
        fingerprint="f", rule=rule, severity="critical", status="firing", signal="match_at_10",
        series=AlertSeries("shop-web", "search", "*", "*"), value=0.5, expected=0.7, threshold=0.6, direction="down",
        n=50, standard_error=0.01, started_at="", summary="", segments=[], samples=[], runbook_url="",
        detected_at=format_timestamp(DEFAULT_START_MS + round(minute * 60_000)),
        suspected_cause=None if suspected is None else SuspectedCause(*suspected, "live", 0.0),
    )  # fmt: skip
    return Alert(id="i", source="s", type="t", subject="f", time="", data=data)


def judged(*alerts: Alert) -> Outcome:
    return judge(SCENARIO, SHOP, list(alerts))


def test_the_right_rule_in_time_with_the_deployment_that_caused_it_names_a_fault() -> None:
    found = judged(fired(16.0, "ctr_drop"), fired(16.5), fired(17.5))
    assert found == Outcome("decoy_and_bad_ranker", 1, {"bad_ranker": 90.0}, 0, 0)
    assert found.named


@pytest.mark.parametrize(
    ("alert", "delay_s"),
    [
        (fired(18.0), 180.0),
        (fired(16.0, "ctr_drop"), None),
        (fired(16.0, suspected=None), None),
        (fired(16.0, suspected=("shop-rank", "4")), None),
    ],
    ids=["too late", "another rule", "nothing suspected", "the decoy suspected"],
)
def test_anything_else_does_not(alert: Alert, delay_s: float | None) -> None:
    found = judged(alert)
    assert found.delays_s == {"bad_ranker": delay_s}
    assert not found.named
    assert found.decoy_blamed == (alert.data.suspected_cause is not None and alert.data.suspected_cause.version == "4")


def test_alerts_before_the_fault_are_counted_as_such() -> None:
    assert judged(fired(14.9, suspected=None), fired(15.5)).early == 1
    nothing_wrong = Scenario("decoy", (FaultName.DECOY,))
    shop = SimulationSettings(rate=10, minutes=30, faults=(Fault(FaultName.DECOY, 9.0),))
    found = judge(nothing_wrong, shop, [fired(20.0, suspected=("shop-rank", "4"))])
    assert (found.early, found.decoy_blamed) == (1, 1)


def test_every_fault_of_the_shop_has_a_stated_delay_and_a_scenario_and_shows_in_what_its_rule_watches() -> None:
    assert set(STATED) == {fault for fault, symptom in SYMPTOMS.items() if symptom.signals}
    told = {fault for scenario in SCENARIOS for fault in scenario.faults}
    assert told == set(FaultName)


def test_figures_say_in_which_share_of_seeds_all_was_named() -> None:
    outcomes = [
        Outcome("latency", seed, {"latency": delay_s}, 0, 0) for seed, delay_s in enumerate([50.0, 130.0, None])
    ]
    found = {one.name: one for one in fault_figures(outcomes)}
    assert found["faults_named_latency"].value == pytest.approx(1 / 3, abs=1e-3)
    assert found["faults_named_latency"].met is False
    assert found["faults_longest_s_latency"].value == 130
    assert found["faults_median_s_latency"].value == 90


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [101, 102])
def test_two_faults_at_once_are_both_named_within_their_stated_delays(seed: int) -> None:
    scenario = next(one for one in SCENARIOS if one.name == "bad_ranker_and_latency")
    found = tell(scenario, seed)
    assert found.named, found
    assert (found.early, found.decoy_blamed) == (0, 0), found
