import pytest

from detectors.deployments import DeploymentMark, suspected_cause
from detectors.lifecycle import RENOTIFY_S, Life, Phase, Step, alert_id, fingerprint
from schemas.scores import Series

SERIES = Series("shop", "search", "*", "*")


def decide(life: Life, second: int, breached: bool, inhibited: bool = False) -> Step | None:
    return life.decide(second * 1000, breached=breached, inhibited=inhibited, for_s=20, resolve_s=60)


def test_it_fires_once_the_condition_has_held_long_enough() -> None:
    life = Life()
    assert [decide(life, t, True) for t in (0, 10, 20, 30)] == [None, None, Step.FIRED, None]
    assert life.phase is Phase.FIRING


def test_a_condition_that_goes_away_is_withdrawn_quietly() -> None:
    life = Life()
    assert [decide(life, 0, True), decide(life, 10, False), decide(life, 20, True)] == [None, Step.WITHDRAWN, None]
    assert life.phase is Phase.PENDING


def test_it_resolves_only_after_the_condition_was_gone_without_interruption() -> None:
    life = Life()
    for t in (0, 10, 20):
        decide(life, t, True)
    seen = {t: decide(life, t, t == 70) for t in range(30, 160, 10)}
    assert {t: step for t, step in seen.items() if step} == {140: Step.RESOLVED}


def test_an_explained_alert_stays_pending() -> None:
    life = Life()
    assert [decide(life, t, True, inhibited=True) for t in range(0, 100, 10)] == [None] * 10
    assert decide(life, 100, True) is Step.FIRED


def test_it_is_repeated_weekly_and_counted() -> None:
    life = Life()
    for t in (0, 10, 20):
        decide(life, t, True)
    assert decide(life, 10 + RENOTIFY_S, True) is None
    assert decide(life, 20 + RENOTIFY_S, True) is Step.REPEATED
    assert decide(life, 20 + 2 * RENOTIFY_S, True) is Step.REPEATED
    assert life.repeat == 2


def test_a_change_that_lasts_a_day_is_accepted() -> None:
    life = Life()
    for t in (0, 10, 20):
        decide(life, t, True)
    assert life.accept(20_000 + 86_399_000) is None
    assert life.accept(20_000 + 86_400_000) is Step.ACCEPTED
    assert life.phase is Phase.QUIET


def test_names_are_stable_and_tell_everything_apart() -> None:
    assert fingerprint("match_drop", "match_at_10", SERIES) == "9feca3f2b9ea9469"
    others = {
        fingerprint("a", "b", SERIES),
        fingerprint("ab", "", SERIES),
        fingerprint("a", "b", Series("shop", "search*", "", "*")),
    }
    assert len(others) == 3
    ids = {
        alert_id("f", cohort, step, repeat) for cohort in (1, 2) for step in ("firing", "resolved") for repeat in (0, 1)
    }
    assert len(ids) == 8


@pytest.mark.parametrize(
    ("seconds", "role", "suspected"),
    [
        (-3600, "live", True),
        (-3601, "live", False),
        (0, "canary", True),
        (20, "live", True),
        (21, "live", False),
        (-10, "shadow", False),
        (-10, "retired", False),
    ],
)
def test_a_deployment_is_suspected_by_its_time_and_role(seconds: int, role: str, suspected: bool) -> None:
    start_ms = 10_000_000
    mark = DeploymentMark(start_ms + seconds * 1000, "shop-rank", "4", role)
    cause = suspected_cause([mark], start_ms, 3600, 20)
    assert (cause is not None) is suspected
    if cause is not None:
        assert (cause.version, cause.role, cause.seconds_before) == ("4", role, -seconds)


def test_the_latest_fitting_deployment_is_suspected() -> None:
    marks = [DeploymentMark(t, "m", str(t), "live") for t in (1_000, 5_000, 9_000, 90_000)]
    cause = suspected_cause(marks, 10_000, 3600, 20)
    assert cause is not None
    assert cause.version == "9000"
