"""What is learned from one cohort to the next about how sure a value is."""

import numpy as np
import pytest

from detectors.cohort_scatter import LEAST, LONGEST_MS, CohortScatter
from detectors.signals import signal_points
from schemas.rollup import Rollup
from schemas.signals import SignalPoint
from tests.unit.detect.scored_pages import SERIES, scored_pages
from tests.unit.detect.test_click_signals import learned_from

WITHOUT_OWN = ("auc", "pointwise_accuracy", "log_loss", "normalized_entropy", "ece")


def point(
    number: int, value: float | None, n: int = 100, *, error: float | None = None, name: str = "auc"
) -> SignalPoint:
    return SignalPoint(
        signal=name,
        series=SERIES,
        cohort_start_ms=number * 10_000,
        bucket_s=10,
        horizon_s=60,
        n=n,
        value=value,
        numerator=0.0 if value is None else value * n,
        denominator=float(n),
        standard_error=error,
    )


def fed(scatter: CohortScatter, points: list[SignalPoint]) -> list[float | None]:
    return [scatter.widen([x])[0].standard_error for x in points]


def test_signals_without_an_error_of_their_own_scatter_as_they_are_told_to() -> None:
    rng = np.random.default_rng(1)
    reference, scatter = learned_from(scored_pages(rng, 2000)), CohortScatter()
    cohorts = [scored_pages(rng, 60, alike=0.3).rollup(60, number * 10_000) for number in range(700)]
    told = [{x.signal: x for x in scatter.widen(signal_points(rollup, None, reference))} for rollup in cohorts]
    for name in WITHOUT_OWN:
        errors = [x[name].standard_error for x in told]
        assert errors[: int(LEAST)] == [None] * int(LEAST)
        values = [x[name].value for x in told]
        assert np.mean(errors[100:]) == pytest.approx(np.std(values), rel=0.1)  # type: ignore[arg-type]
        last = told[-1][name]
        assert last.variance == pytest.approx((last.standard_error * last.denominator) ** 2)  # type: ignore[operator]


def test_an_error_is_that_of_as_many_units_as_the_value_rests_on() -> None:
    rng = np.random.default_rng(2)
    sizes = rng.integers(20, 2000, 600)
    errors = fed(CohortScatter(), [point(i, 0.5 + rng.normal() / np.sqrt(n), int(n)) for i, n in enumerate(sizes)])
    expected = 1 / np.sqrt(sizes[200:])
    assert np.mean(errors[200:] / expected) == pytest.approx(1, abs=0.1)
    # Of events a second, the variance grows with their number.
    rates = [point(i, rng.poisson(n) / 10, int(n), name="click_rate") for i, n in enumerate(sizes)]
    errors = fed(CohortScatter(), rates)
    assert np.mean(errors[200:] / (np.sqrt(sizes[200:]) / 10)) > 1  # the level itself goes up and down here


def test_the_larger_of_both_errors_counts() -> None:
    rng = np.random.default_rng(3)
    values = 0.5 + rng.normal(0, 0.02, 200)
    assert fed(CohortScatter(), [point(i, x, error=0.5) for i, x in enumerate(values)])[-1] == 0.5
    wide = fed(CohortScatter(), [point(i, x, error=0.001) for i, x in enumerate(values)])
    assert wide[0] == 0.001
    assert wide[-1] == pytest.approx(0.02, rel=0.2)


def test_a_level_that_jumps_or_drifts_and_a_gap_are_no_scatter() -> None:
    rng = np.random.default_rng(4)
    still = fed(CohortScatter(), [point(i, x) for i, x in enumerate(0.5 + rng.normal(0, 0.01, 400))])
    rng = np.random.default_rng(4)
    level = np.where(np.arange(400) < 200, 0.5, 0.9) + np.linspace(0, 0.3, 400)
    moved = fed(CohortScatter(), [point(i, x) for i, x in enumerate(level + rng.normal(0, 0.01, 400))])
    assert moved[-1] < 1.2 * still[-1]  # type: ignore[operator]
    gap, scatter = LONGEST_MS // 10_000 + 1, CohortScatter()
    assert fed(scatter, [point(i * gap, 0.5 + i) for i in range(50)]) == [None] * 50


def test_what_never_varies_and_what_has_no_value_tell_nothing() -> None:
    assert fed(CohortScatter(), [point(i, 0.5) for i in range(50)])[-1] is None
    assert fed(CohortScatter(), [point(i, None) for i in range(50)]) == [None] * 50
    assert fed(CohortScatter(), [point(i, 0.0, 0, name="search_rate") for i in range(50)]) == [None] * 50


def test_a_successor_goes_on_where_its_predecessor_stopped() -> None:
    rng = np.random.default_rng(5)
    points = [point(i, float(x)) for i, x in enumerate(rng.random(100))]
    whole, first, second = CohortScatter(), CohortScatter(), CohortScatter()
    fed(first, points[:50])
    second.restore(first.state())
    assert fed(whole, points)[50:] == fed(second, points[50:])
    empty: Rollup = Rollup(SERIES, 0, 10, 60, 0)
    assert second.widen(signal_points(empty))
