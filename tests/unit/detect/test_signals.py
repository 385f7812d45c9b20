import math

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon

from detectors import click_signals, shown_signals, signals
from detectors.divergence import divergence_terms, jensen_shannon
from detectors.sketch import sketch_of
from schemas.rollup import Clicks, Moments, Pairs, Rollup
from schemas.scores import Series

SERIES = Series("shop", "search", "*", "*")


def rollup(**fields: object) -> Rollup:
    return Rollup(SERIES, 0, 10, 60, 0, **fields)  # type: ignore[arg-type]


def pages(rng: np.random.Generator, searches: int) -> tuple[np.ndarray, np.ndarray]:
    """Clicked and shown impressions of pages whose items depend on each other."""
    shown = rng.integers(1, 21, searches)
    return rng.binomial(shown, rng.beta(0.5, 4.5, searches)), shown


def test_the_standard_error_of_ctr_is_what_repeating_the_experiment_shows() -> None:
    rng = np.random.default_rng(1)
    ratios, errors = [], []
    for _ in range(4000):
        x, m = pages(rng, 200)
        point = click_signals.ctr(
            rollup(
                searches=200,
                impressions=int(m.sum()),
                labels=Clicks(int(x.sum()), 0, 0, int((x * x).sum()), int((x * m).sum()), int((m * m).sum())),
            )
        )
        assert point.value == pytest.approx(x.sum() / m.sum())
        ratios.append(point.value)
        errors.append(point.standard_error)
    assert np.mean(errors) == pytest.approx(np.std(ratios), rel=0.05)
    # Counting impressions as if they were independent would promise half of that.
    assert np.sqrt(0.1 * 0.9 / (200 * 10.5)) < 0.7 * np.std(ratios)


def test_the_standard_error_of_pair_accuracy_is_what_repeating_the_experiment_shows() -> None:
    rng = np.random.default_rng(2)
    values, errors = [], []
    for _ in range(4000):
        total = rng.integers(1, 9, 60)
        wins = rng.binomial(total, rng.beta(3, 2, 60))
        a, b = 2 * wins, 2 * total
        pairs = Pairs(int(wins.sum()), int((total - wins).sum()), 0, 60, *(int(s.sum()) for s in (a * a, a * b, b * b)))
        point = click_signals.ctr_proxy_accuracy(rollup(pairs=pairs))
        values.append(point.value)
        errors.append(point.standard_error)
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.06)


def test_ties_count_one_half_and_lift_is_the_difference_of_the_two_orders() -> None:
    both = rollup(
        pairs=Pairs(6, 2, 4, 5, 60, 100, 140),
        shown_pairs=Pairs(3, 9, 0, 5, 20, 60, 140),
    )
    assert click_signals.ctr_proxy_accuracy(both).value == pytest.approx(8 / 12)
    assert click_signals.shown_order_accuracy(both).value == pytest.approx(3 / 12)
    lift = click_signals.ctr_proxy_lift(both)
    assert lift.value == pytest.approx(5 / 12)
    assert (lift.n, lift.numerator, lift.denominator) == (12, 5.0, 12.0)


def test_match_at_10_is_a_mean_with_its_usual_standard_error() -> None:
    x = np.random.default_rng(3).uniform(0, 1, 50)
    point = shown_signals.match_at_10(rollup(match_at_10=Moments(50, float(x.sum()), float((x * x).sum()))))
    assert point.value == pytest.approx(x.mean())
    assert point.standard_error == pytest.approx(x.std(ddof=1) / math.sqrt(50))


def test_the_standard_error_of_a_quantile_is_what_repeating_the_experiment_shows() -> None:
    rng = np.random.default_rng(4)
    for name, n in (("latency_p50", 400), ("latency_p95", 1000)):
        values, errors = [], []
        for _ in range(500):
            sketch = sketch_of(rng.lognormal(3.7, 0.5, n))
            point = shown_signals.latency_quantile(rollup(latency_ms=sketch), name)
            values.append(point.value)
            errors.append(point.standard_error)
        assert np.mean(errors) == pytest.approx(np.std(values), rel=0.15)


def test_quantiles_lie_within_one_percent() -> None:
    x = np.random.default_rng(5).lognormal(3.7, 0.8, 3000)
    sketch = sketch_of(x)
    for name, q in shown_signals.LATENCY_QUANTILES.items():
        exact = np.sort(x)[math.floor(q * (len(x) - 1))]
        assert shown_signals.latency_quantile(rollup(latency_ms=sketch), name).value == pytest.approx(exact, rel=0.0101)


def test_a_quantile_needs_enough_values_to_differ_from_their_maximum() -> None:
    sketch = sketch_of(np.linspace(1, 2, 19))
    assert shown_signals.latency_quantile(rollup(latency_ms=sketch), "latency_p95").value is None
    sketch = sketch_of(np.linspace(1, 2, 20))
    assert shown_signals.latency_quantile(rollup(latency_ms=sketch), "latency_p95").value is not None


def test_nothing_to_divide_by_gives_no_value_and_no_clicks_give_zero() -> None:
    assert click_signals.ctr(rollup(searches=3)).value is None
    assert click_signals.ctr(rollup(searches=3, impressions=30)).value == 0
    assert shown_signals.zero_result_rate(rollup()).value is None
    assert shown_signals.search_rate(rollup()).value == 0
    assert shown_signals.exposure_js(rollup(exposure={"shoes": 3}), None).value is None


def test_rates_are_events_per_second() -> None:
    point = shown_signals.search_rate(rollup(searches=25))
    assert (point.value, point.standard_error) == (2.5, 0.5)
    assert click_signals.click_rate(rollup(impressions=90, labels=Clicks(clicks=9, xx=16))).value == 0.9


def test_divergence_agrees_with_scipy() -> None:
    rng = np.random.default_rng(6)
    for _ in range(50):
        p, q = rng.integers(0, 30, 8), rng.integers(0, 30, 8)
        left = {str(i): int(x) for i, x in enumerate(p) if x}
        right = {str(i): int(x) for i, x in enumerate(q) if x}
        assert jensen_shannon(left, right) == pytest.approx(jensenshannon(p, q, base=2) ** 2)
        assert min(divergence_terms(left, right).values()) >= -1e-12


def test_each_horizon_tells_its_own_signals() -> None:
    free = Rollup(SERIES, 0, 10, 0, 0, searches=1)
    assert [x.signal for x in signals.signal_points(free)] == [
        "search_rate",
        "zero_result_rate",
        "match_at_10",
        "latency_p50",
        "latency_p95",
        "latency_p99",
        "exposure_js",
        "missing_field_rate",
        "unknown_token_rate",
        "unscored_rate",
        "exposure_gini",
        "score_psi",
        "score_js",
        "scoring_p50",
        "scoring_p95",
        "scoring_p99",
        "query_ood_rate",
    ]
    assert [x.signal for x in signals.signal_points(rollup())] == [
        "ctr",
        "click_rate",
        "ctr_proxy_accuracy",
        "shown_order_accuracy",
        "ctr_proxy_lift",
        "purchase_rate",
        "coec",
        "pointwise_accuracy",
        "auc",
        "log_loss",
        "normalized_entropy",
        "ece",
        "calibration_ratio",
        "ndcg_at_10",
        "mrr",
    ]
