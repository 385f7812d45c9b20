"""What the demo makes of the alerts that came."""

from typing import Literal

from schemas.alerts import FIRING_TYPE, Alert, AlertData, AlertSeries, SuspectedCause
from schemas.events import ModelRef
from schemas.timestamps import format_timestamp
from streams.demo.plan import Expected
from streams.demo.verdict import judge

FAULT_MS = 1_795_428_000_000
EXPECTED = Expected("bad-ranker", "the ranker is bad", FAULT_MS, {"match_at_10": "down"}, ModelRef("shop-rank", "4"))


def alert(
    detected_s: int,
    signal: str = "match_at_10",
    direction: Literal["up", "down"] = "down",
    version: str | None = "4",
    started_s: int = 0,
) -> Alert:
    cause = None if version is None else SuspectedCause("shop-rank", version, "live", 5.0)
    data = AlertData(
        fingerprint="f",
        rule=signal,
        severity="critical",
        status="firing",
        signal=signal,
        series=AlertSeries("shop", "search", "*", "*"),
        value=0.5,
        expected=0.7,
        threshold=None,
        direction=direction,
        n=100,
        standard_error=None,
        started_at=format_timestamp(FAULT_MS + started_s * 1000),
        detected_at=format_timestamp(FAULT_MS + detected_s * 1000),
        summary=f"{signal} moved",
        suspected_cause=cause,
        runbook_url="",
    )
    return Alert(id="i", source="matchwatch/shop", type=FIRING_TYPE, subject="f", time="t", data=data)


def test_the_right_alert_alone_is_all_that_is_wanted() -> None:
    verdict = judge(EXPECTED, [alert(40)])
    assert verdict.ok
    assert verdict.alert == alert(40)
    assert verdict.others == ()


def test_an_unrelated_alert_between_the_fault_and_the_right_one_is_a_problem() -> None:
    verdict = judge(EXPECTED, [alert(40), alert(30, "latency_p95", "up")])
    assert verdict.problems == ("an alert before the right one: latency_p95 moved",)
    assert verdict.alert == alert(40)


def test_an_alert_before_the_fault_is_a_problem_whether_or_not_the_right_one_comes() -> None:
    early = alert(-30, "latency_p95", "up", started_s=-60)
    assert judge(EXPECTED, [early, alert(40)]).problems == ("an alert before anything was wrong: latency_p95 moved",)
    assert judge(EXPECTED, [early]).problems[0] == "an alert before anything was wrong: latency_p95 moved"


def test_others_at_the_same_moment_or_later_are_no_problem() -> None:
    others = (alert(40, "exposure_js", "up"), alert(50, "ctr", version=None))
    verdict = judge(EXPECTED, [*others, alert(40)])
    assert verdict.ok
    assert verdict.others == others


def test_the_wrong_cause_or_none_is_a_problem() -> None:
    assert judge(EXPECTED, [alert(40, version="3")]).problems == ("the alert suspects shop-rank 3; it was shop-rank 4",)
    assert judge(EXPECTED, [alert(40, version=None)]).problems == (
        "the alert suspects no deployment; it was shop-rank 4",
    )


def test_no_alert_and_one_that_tells_something_else_are_problems() -> None:
    missing = f"no alert on match_at_10 since {format_timestamp(FAULT_MS)}"
    assert judge(EXPECTED, []).problems == (missing,)
    assert judge(EXPECTED, [alert(40, direction="up")]).problems == (missing,)
    assert judge(EXPECTED, [alert(400, started_s=390)]).problems == (missing,)


def test_where_nothing_is_wrong_any_alert_is_a_false_alarm() -> None:
    assert judge(None, []).ok
    assert judge(None, [alert(40)]).problems == ("a false alarm: match_at_10 moved",)
