"""From which window references come, and when they are learned again."""

from collections.abc import Iterable, Iterator

import msgspec
import numpy as np

from detectors.detect_fold import DetectFold
from detectors.detect_fold_settings import DetectFoldSettings
from detectors.outputs import SignalBatch, Transition
from detectors.rules import Rule
from detectors.signal_reference import SignalReference
from schemas.rollup import Rollup, RollupControl
from schemas.scores import Series
from schemas.signals import SignalPoint
from tests.unit.detect.scored_pages import scored_pages
from tests.unit.detect.shop_rollups import START_MS

ACCEPT_S = 600
SHIFT_S = 1000
SETTINGS = DetectFoldSettings(accept_s=ACCEPT_S)
# A rule that never fires: what is looked at here are signals.
RULES = (Rule(name="quiet", signal="zero_result_rate", detector="threshold", settings={"limit": 2.0}, direction="up"),)


def cohorts(until_s: int, model_of: str = "shop-match/1", model_then: str = "shop-match/1") -> Iterator[Rollup]:
    """Scores and clicks become lower at SHIFT_S and stay so; there the match model may be another one."""
    rng = np.random.default_rng(1)
    for second in range(0, until_s, 10):
        shifted = second >= SHIFT_S
        pages = scored_pages(rng, 60, shift=-1.0 if shifted else 0.0)
        rollup = pages.rollup(0, START_MS + second * 1000)
        model = {model_then if shifted else model_of: rollup.searches}
        for horizon_s in (0, 60):
            for series in (rollup.series, Series("shop", "search", "shop-rank", "4")):
                yield msgspec.structs.replace(rollup, series=series, horizon_s=horizon_s, match_models=model)


def points(
    fold: DetectFold, rollups: Iterable[Rollup], told: list[Transition] | None = None
) -> dict[str, dict[int, SignalPoint]]:
    """Give the points of the series of all versions by signal and second; alerts are added to `told`."""
    found: dict[str, dict[int, SignalPoint]] = {}
    offset = fold.offset
    for rollup in rollups:
        end_ms = rollup.cohort_start_ms + 10_000
        ends = RollupControl(0, 1, {0: end_ms, 60: end_ms}, end_ms, end_ms, False, end_ms)
        is_last = rollup.horizon_s == 60 and rollup.series.model != "*"
        for record in [rollup, ends] if is_last else [rollup]:
            offset += 1
            for output in fold.apply(record, offset):
                if isinstance(output, Transition) and told is not None:
                    told.append(output)
                if isinstance(output, SignalBatch) and output.series == Series("shop", "search", "*", "*"):
                    for point in output.points:
                        second = (point.cohort_start_ms - START_MS) // 1000
                        found.setdefault(point.signal, {})[second] = point
    return found


def values(found: dict[int, SignalPoint], first_s: int, last_s: int) -> list[float]:
    inside = [point.value for second, point in found.items() if first_s <= second < last_s]
    return [value for value in inside if value is not None]


def test_the_shift_of_a_deployment_shows_until_it_counts_as_the_new_level() -> None:
    fold = DetectFold(SETTINGS, RULES)
    fold.apply_deployment(START_MS + SHIFT_S * 1000, "shop-rank", "4", "live")
    found = points(fold, cohorts(2400))
    again_s = SHIFT_S + ACCEPT_S
    js, coec = found["score_js"], found["coec"]
    assert values(js, 0, 190) == []
    assert max(values(js, 200, SHIFT_S)) < 0.02
    assert min(values(js, SHIFT_S, again_s)) > 0.05
    assert np.mean(values(coec, SHIFT_S, again_s)) < 0.8
    # Nothing is shown while it is learned again, and then all is as it was.
    assert values(js, again_s, again_s + 190) == []
    assert values(coec, again_s, again_s + 190) == []
    assert max(values(js, again_s + 200, 2400)) < 0.02
    assert abs(np.mean(values(coec, again_s + 200, 2400)) - 1) < 0.1


def test_without_a_deployment_of_a_model_that_serves_here_the_reference_stays() -> None:
    fold = DetectFold(SETTINGS, RULES)
    fold.apply_deployment(START_MS + SHIFT_S * 1000, "another-shops-model", "4", "live")
    fold.apply_deployment(START_MS + SHIFT_S * 1000, "shop-rank", "5", "shadow")
    found = points(fold, cohorts(2400))
    assert min(values(found["score_js"], SHIFT_S, 2400)) > 0.05


def test_another_match_model_starts_new_references_for_scores_alone() -> None:
    found = points(DetectFold(SETTINGS, RULES), cohorts(1800, model_then="shop-match/2"))
    assert values(found["score_js"], SHIFT_S, SHIFT_S + 190) == []
    assert max(values(found["score_js"], SHIFT_S + 200, 1800)) < 0.02
    assert len(values(found["coec"], SHIFT_S, 1800)) == 80


def test_a_reference_says_which_window_it_was_learned_from() -> None:
    reference = SignalReference()
    for rollup in cohorts(1000):
        if rollup.series.model == "*":
            reference.learn(rollup)
    scores, clicks = reference.scores.window, reference.clicks[60].window
    assert (scores.start_ms, scores.through_ms) == (START_MS, START_MS + 200_000)
    assert (clicks.start_ms, clicks.searches) == (START_MS, 20 * 60)


def test_the_state_of_a_predecessor_without_these_references_is_read_and_they_are_learned() -> None:
    rollups = list(cohorts(800))
    before = DetectFold(SETTINGS, RULES)
    half = len(rollups) // 2
    points(before, rollups[:half])
    state = msgspec.msgpack.decode(msgspec.msgpack.encode(before.state()), strict=False)
    removed = [part["part"].pop("learned") for name, part in state.items() if name.startswith("series:")]
    assert len(removed) == 2
    found = points(DetectFold.from_state(state, SETTINGS, RULES), rollups[half:])
    assert values(found["score_js"], 400, 590) == []
    assert len(values(found["score_js"], 600, 800)) == 20


COEC_RULES = tuple(
    Rule(
        name=f"coec_{direction}",
        signal="coec",
        direction=direction,
        horizon_s=60,
        settings={"min_effect": 0.1},
        min_n=300,
    )
    for direction in ("down", "up")
)


def test_a_rule_on_clicks_over_expected_clicks_finds_the_shift_and_nothing_before_it() -> None:
    told: list[Transition] = []
    points(DetectFold(DetectFoldSettings(), COEC_RULES), cohorts(2000), told)
    (fired,) = told
    assert (fired.data.rule, fired.data.status) == ("coec_down", "firing")
    assert fired.data.expected is not None
    assert abs(fired.data.expected - 1) < 0.1
    assert fired.data.value is not None
    assert fired.data.value < 0.8


def test_a_new_reference_is_no_rise_of_what_is_compared_with_it() -> None:
    told: list[Transition] = []
    fold = DetectFold(DetectFoldSettings(accept_s=ACCEPT_S), (COEC_RULES[1],))  # nothing that fires at the fall
    fold.apply_deployment(START_MS + SHIFT_S * 1000, "shop-rank", "4", "live")
    found = points(fold, cohorts(2800), told)
    assert np.mean(values(found["coec"], SHIFT_S + 100, SHIFT_S + ACCEPT_S)) < 0.8
    assert abs(np.mean(values(found["coec"], SHIFT_S + ACCEPT_S + 300, 2800)) - 1) < 0.1
    assert told == []
