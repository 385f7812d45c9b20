"""The score of the Numenta Anomaly Benchmark is the one that its own scorer gives."""

import gzip
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from streams.bench.nab_score import NOTHING_FOUND, Profile, ScoredSeries, nab_score, probation_rows

REFERENCE = msgspec.json.decode(gzip.decompress((Path(__file__).parent / "nab/reference.json.gz").read_bytes()))
STANDARD = Profile(hit_weight=1.0, miss_weight=1.0, false_alarm_weight=0.11)


def profile(name: str) -> Profile:
    costs = REFERENCE["profiles"][name]["CostMatrix"]
    return Profile(costs["tpWeight"], costs["fnWeight"], costs["fpWeight"])


def scored(detector: str) -> list[ScoredSeries]:
    found = []
    for name, series in REFERENCE["series"].items():
        highest = REFERENCE["highest"].get(detector, {}).get(name, {"rows": [], "scores": []})
        scores = np.zeros(series["rows"])
        scores[highest["rows"]] = highest["scores"]
        found.append(ScoredSeries(scores, [tuple(window) for window in series["windows"]]))
    return found


@pytest.mark.parametrize("name", ["standard", "reward_low_FP_rate", "reward_low_FN_rate"])
@pytest.mark.parametrize("detector", ["numenta", "windowedGaussian", "null"])
def test_the_scores_of_the_benchmarks_own_scorer_are_reproduced(detector: str, name: str) -> None:
    expected: dict[str, Any] = REFERENCE["reference"][detector][name]
    score = nab_score(scored(detector), profile(name))
    assert score.normalized == pytest.approx(expected["normalized_score"], abs=1e-9)
    assert score.raw == pytest.approx(expected["raw_score"], abs=1e-9)
    assert score.threshold == pytest.approx(expected["threshold"], abs=1e-9)


def raw_at(threshold: float, all_series: Sequence[ScoredSeries], weights: Profile) -> float:
    """The definition, row by row."""
    raw = 0.0
    for series in all_series:
        best = dict.fromkeys(series.windows, -weights.miss_weight)
        for row, score in enumerate(series.scores):
            if score < threshold or row < probation_rows(len(series.scores)):
                continue
            inside = [(first, last) for first, last in series.windows if first <= row <= last]
            past = [(first, last) for first, last in series.windows if last < row]
            if inside:
                first, last = inside[0]
                place = -(last - row + 1) / (last - first + 1)
                most = 2 / (1 + math.exp(-5)) - 1
                worth = (2 / (1 + math.exp(5 * place)) - 1) / most * weights.hit_weight
                best[inside[0]] = max(best[inside[0]], worth)
            elif past:
                first, last = past[-1]
                raw += weights.false_alarm_weight * (2 / (1 + math.exp(min(5 * (row - last) / (last - first), 15))) - 1)
            else:
                raw -= weights.false_alarm_weight
        raw += sum(best.values())
    return raw


def test_the_one_threshold_is_the_best_of_all() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        windows = [(10, 15), (25, 31), (60, 70)], [], [(90, 99)]
        series = [ScoredSeries(rng.integers(0, 12, 100) / 10, some) for some in windows]
        weights = Profile(1.0, float(rng.integers(1, 3)), float(rng.choice([0.11, 0.22])))
        raws = {
            threshold: raw_at(threshold, series, weights) for threshold in [NOTHING_FOUND + 0.1, *np.arange(12) / 10]
        }
        score = nab_score(series, weights)
        assert score.raw == pytest.approx(max(raws.values()), abs=1e-5)
        if score.threshold != NOTHING_FOUND:
            assert raws[score.threshold] == pytest.approx(score.raw, abs=1e-5)


def test_each_window_at_its_first_row_and_nothing_else_is_a_hundred() -> None:
    scores = np.zeros(1000)
    scores[[400, 700]] = 0.9
    score = nab_score([ScoredSeries(scores, [(400, 449), (700, 749)]), ScoredSeries(np.zeros(500), [])], STANDARD)
    assert (score.normalized, score.threshold) == (pytest.approx(100.0), 0.9)
    assert (score.hits, score.false_alarms) == (2, 0)


def test_one_threshold_serves_all_series_so_a_loud_series_costs_the_others() -> None:
    quiet, loud = np.zeros(1000), np.full(1000, 0.5)
    quiet[400] = 0.4
    window = [(400, 449)]
    alone = nab_score([ScoredSeries(quiet, window)], STANDARD)
    together = nab_score([ScoredSeries(quiet, window), ScoredSeries(loud, [])], STANDARD)
    assert alone.normalized == pytest.approx(100.0)
    assert (together.normalized, together.threshold, together.hits) == (0.0, NOTHING_FOUND, 0)


def test_the_first_rows_of_a_series_count_nothing() -> None:
    assert (probation_rows(1000), probation_rows(4032), probation_rows(20_000)) == (150, 604, 750)
    scores = np.zeros(1000)
    scores[:150] = 1.0
    scores[500] = 0.8
    assert nab_score([ScoredSeries(scores, [(500, 549)])], STANDARD).false_alarms == 0


def test_without_a_window_there_is_nothing_to_score() -> None:
    with pytest.raises(ValueError, match="no series has a window"):
        nab_score([ScoredSeries(np.zeros(10), [])], STANDARD)
