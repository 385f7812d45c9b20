import pytest

from detectors.deployments import DeploymentMark, suspected_cause
from detectors.lifecycle import (
    ACCEPT_S,
    FLAP_FIRINGS,
    FLAP_QUIET_S,
    FLAP_WINDOW_S,
    RENOTIFY_S,
    Life,
    Phase,
    Step,
    alert_id,
    fingerprint,
)
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


def flap(life: Life, first_s: int, times: int, period_s: int) -> list[tuple[int, Step]]:
    """Breach for a minute at the beginning of each period; give what came of it by second."""
    steps = [
        (t, decide(life, t, (t - first_s) % period_s < 60)) for t in range(first_s, first_s + times * period_s, 10)
    ]
    return [(t, step) for t, step in steps if step not in {None, Step.WITHDRAWN}]


def test_what_fires_again_and_again_is_damped_until_it_has_been_quiet_for_long() -> None:
    life = Life()
    steps = flap(life, 0, 8, 300)
    undamped = [Step.FIRED, Step.RESOLVED] * (FLAP_FIRINGS - 1)
    assert [step for _, step in steps] == [*undamped, Step.FIRED]
    assert life.flapping
    last_breach_s = 7 * 300 + 50
    quiet = {t: decide(life, t, False) for t in range(2400, 2400 + FLAP_QUIET_S, 10)}
    assert {t: step for t, step in quiet.items() if step} == {last_breach_s + 10 + FLAP_QUIET_S: Step.RESOLVED}


def test_what_fires_now_and_then_is_not_damped_and_one_that_was_is_not_for_ever() -> None:
    life = Life()
    seldom_s = FLAP_WINDOW_S // (FLAP_FIRINGS - 1)
    assert len(flap(life, 0, 12, seldom_s)) == 24
    assert not life.flapping
    later = 12 * seldom_s + 2 * FLAP_WINDOW_S
    flap(life, later, 5, 300)
    assert life.flapping
    assert decide(life, later + 1500 + FLAP_QUIET_S, False) is Step.RESOLVED
    flap(life, later + 1500 + FLAP_WINDOW_S + FLAP_QUIET_S, 1, 300)
    assert not life.flapping
    assert len(life.fired_ms) == 1


def test_what_is_remembered_of_firings_is_bounded() -> None:
    life = Life()
    for t in range(0, 100_000, 200):
        life.decide(t * 1000, breached=True, inhibited=False, for_s=0, resolve_s=0)
        life.end(t * 1000, Step.RESOLVED)
        assert len(life.fired_ms) <= FLAP_FIRINGS


def test_how_often_it_is_repeated_is_a_rule_s_and_comes_before_a_change_is_taken_as_the_new_level() -> None:
    assert RENOTIFY_S < ACCEPT_S
    life = Life()
    steps = [
        life.decide(t * 1000, breached=True, inhibited=False, for_s=0, resolve_s=60, renotify_s=600)
        for t in range(0, 1900, 10)
    ]
    assert [(t * 10, step) for t, step in enumerate(steps) if step] == [
        (0, Step.FIRED),
        (600, Step.REPEATED),
        (1200, Step.REPEATED),
        (1800, Step.REPEATED),
    ]


def test_it_is_repeated_every_few_hours_and_counted() -> None:
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
