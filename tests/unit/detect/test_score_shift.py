"""Distances of scores and exposure from a reference, against SciPy, brute force, and repeated experiments."""

import msgspec
import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy

from detectors.exposure_gini import exposure_gini, gini
from detectors.score_shift import JS_OF_PSI, design_effects, score_groups, score_shift_points
from schemas.rollup import SCORE_BINS, Moments, Rollup
from schemas.signals import SignalPoint
from tests.unit.detect.scored_pages import SERIES, scored_pages


def distances(rollup: Rollup, reference: list[int]) -> tuple[SignalPoint, SignalPoint]:
    psi, js = score_shift_points(rollup, reference)
    assert (psi.signal, js.signal) == ("score_psi", "score_js")
    return psi, js


def test_without_the_chance_part_they_agree_with_scipy() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        reference = scored_pages(rng, 500).rollup().score_bins
        # Pages that are all alike in their mean: the design effect is 1.
        rollup = msgspec.structs.replace(scored_pages(rng, 60, shift=0.5).rollup(), match_at_10=Moments(60, 30.0, 15.0))
        group = score_groups(np.array(reference, dtype=float))
        p, q = (np.array([sum(np.array(x)[group == g]) for g in range(10)]) for x in (rollup.score_bins, reference))
        psi, js = distances(rollup, reference)
        chance = 9 * (1 / p.sum() + 1 / q.sum())
        assert psi.value == pytest.approx(entropy(p + 0.5, q + 0.5) + entropy(q + 0.5, p + 0.5) - chance)
        assert js.value == pytest.approx(jensenshannon(p, q, base=2) ** 2 - JS_OF_PSI * chance)


@pytest.mark.parametrize(("searches", "alike"), [(15, 0.0), (15, 0.5), (150, 0.0), (150, 0.5)])
def test_their_level_without_a_change_is_zero_at_any_traffic_and_error_tells_the_scatter(
    searches: int, alike: float
) -> None:
    rng = np.random.default_rng(2)
    found = [
        distances(
            scored_pages(rng, searches, alike=alike).rollup(), scored_pages(rng, 1500, alike=alike).rollup().score_bins
        )
        for _ in range(400)
    ]
    for number in (0, 1):
        values = np.array([x[number].value for x in found])
        errors = np.array([x[number].standard_error for x in found])
        # The raw distance would lie more than two of its deviations above zero.
        assert abs(values.mean()) < 0.45 * values.std()
        assert values.std() / 1.5 < errors.mean() < 1.7 * values.std()


def test_a_shift_stands_out_by_many_standard_errors() -> None:
    rng = np.random.default_rng(3)
    reference = scored_pages(rng, 1500, alike=0.3).rollup().score_bins
    for found in distances(scored_pages(rng, 150, alike=0.3, shift=-0.8).rollup(), reference):
        assert found.value is not None
        assert found.standard_error is not None
        assert found.value > 5 * found.standard_error


def test_the_design_effect_is_what_repeating_the_experiment_shows() -> None:
    rng = np.random.default_rng(4)
    made = [scored_pages(rng, 100, on_page=20, alike=0.4) for _ in range(600)]
    true = np.var([x.scores.mean() for x in made]) / (made[0].scores.var() / made[0].scores.size)
    rollups = [x.rollup() for x in made]
    told = np.mean([design_effects(x, np.array(x.score_bins, dtype=float), 9)[0] for x in rollups])
    assert told == pytest.approx(true, rel=0.15)


def test_groups_are_neighbouring_bins_with_about_the_same_share() -> None:
    rng = np.random.default_rng(5)
    for concentration in (0.05, 1.0):
        reference = rng.multinomial(5000, rng.dirichlet(np.full(SCORE_BINS, concentration))).astype(float)
        group = score_groups(reference)
        assert (np.diff(group) >= 0).all()
        assert set(group.tolist()) == set(range(group.max() + 1))
        assert (np.bincount(group, reference) > 0).all()
        assert group.max() < 10


def test_too_little_and_references_without_a_shape_give_no_value() -> None:
    rng = np.random.default_rng(6)
    reference = scored_pages(rng, 500).rollup().score_bins
    assert [x.value for x in score_shift_points(scored_pages(rng, 4).rollup(), reference)] == [None, None]
    assert [x.value for x in score_shift_points(scored_pages(rng, 50).rollup(), None)] == [None, None]
    flat = [0] * SCORE_BINS
    flat[30] = 700
    assert [x.value for x in score_shift_points(scored_pages(rng, 50).rollup(), flat)] == [None, None]
    assert [x.value for x in score_shift_points(Rollup(SERIES, 0, 10, 0, 0), reference)] == [None, None]


def test_gini_is_the_mean_difference_of_all_pairs() -> None:
    rng = np.random.default_rng(7)
    for _ in range(20):
        counts = rng.integers(0, 50, 9)
        every_pair = np.abs(counts[:, None] - counts[None, :]).mean()
        assert gini(counts.tolist()) == pytest.approx(every_pair / (2 * counts.mean()))


def test_a_category_that_is_no_longer_shown_makes_exposure_less_equal() -> None:
    def of(exposure: dict[str, int], reference: dict[str, int] | None) -> float | None:
        return exposure_gini(Rollup(SERIES, 0, 10, 0, 0, exposure=exposure), reference).value

    both = {"shoes": 50, "kettles": 50}
    assert of(both, both) == 0
    assert of({"shoes": 100}, both) == 0.5
    assert of({"shoes": 100}, None) is None
    assert of({}, both) is None
    assert of({"shoes": 100}, {"shoes": 3}) is None
