"""Queries stranger than those of an earlier window, held against NumPy's quantiles of the queries themselves."""

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.detect_fold import DetectFold
from detectors.label_free import unknown_share_slots
from detectors.observation import observe, watchable
from detectors.outputs import SignalBatch, Transition
from detectors.query_ood import query_ood_rate
from detectors.reference import Reference
from detectors.rules import Rule
from detectors.signal_reference import SignalReference
from schemas.rollup import UNKNOWN_SHARES, Rollup, RollupControl
from tests.unit.detect.scored_pages import SERIES
from tests.unit.detect.shop_rollups import START_MS

Ints = NDArray[np.int64]


def queries(rng: np.random.Generator, n: int, unknown: float, strange: float = 0.0) -> tuple[Ints, Ints]:
    tokens = rng.integers(1, 9, n)
    return rng.binomial(tokens, np.where(rng.random(n) < strange, 0.9, unknown)), tokens


def rollup(unknown: Ints, tokens: Ints, start_ms: int = 0, model: str = "shop-match/1") -> Rollup:
    bins = np.bincount(unknown_share_slots(unknown, tokens), minlength=UNKNOWN_SHARES).tolist()
    return Rollup(
        SERIES, start_ms, 10, 0, 0, searches=tokens.size, match_models={model: tokens.size}, unknown_share_bins=bins
    )


@pytest.mark.parametrize("unknown", [0.0, 0.002, 0.01, 0.04])
def test_it_is_the_share_of_queries_beyond_the_quantile_of_the_reference(unknown: float) -> None:
    rng = np.random.default_rng(1)
    earlier, now = queries(rng, 5000, unknown), queries(rng, 700, unknown, strange=0.2)
    sixteenths = [np.ceil(16 * u / t) for u, t in (earlier, now)]
    limit = np.quantile(sixteenths[0], 0.99, method="inverted_cdf")
    point = query_ood_rate(rollup(*now), rollup(*earlier).unknown_share_bins)
    share = float((sixteenths[1] > limit).mean())
    assert point.value == pytest.approx(share)
    assert point.standard_error == pytest.approx(np.sqrt(share * (1 - share) / 700))
    own = query_ood_rate(rollup(*earlier), rollup(*earlier).unknown_share_bins).value
    assert own is not None
    assert own <= 0.01


def test_only_a_query_without_unknown_tokens_is_in_the_first_slot() -> None:
    unknown, tokens = np.array([0, 1, 1, 16, 17, 34, 1]), np.array([9, 1, 1000, 256, 256, 34, 2])
    assert unknown_share_slots(unknown, tokens).tolist() == [0, 16, 1, 1, 2, 16, 8]


def test_rules_see_it_once_there_is_a_reference_that_goes_with_the_match_model() -> None:
    rng = np.random.default_rng(2)
    learned = SignalReference()
    assert watchable("query_ood_rate")
    for i in range(30):
        assert observe("query_ood_rate", rollup(*queries(rng, 50, 0.01)), Reference(), learned) is None or i >= 20
        learned.learn(rollup(*queries(rng, 50, 0.01), start_ms=10_000 * i))
    seen = observe("query_ood_rate", rollup(*queries(rng, 50, 0.01, 0.5)), Reference(), learned)
    assert seen is not None
    assert seen.counts
    assert seen.ratio > 0.3
    learned.forget_scores()
    assert learned.ready_queries() is None


def test_another_match_model_has_another_vocabulary_and_alerts_nobody() -> None:
    rule = Rule(name="strange", signal="query_ood_rate", settings={"min_effect": 0.05}, direction="up", min_n=40)
    rng = np.random.default_rng(3)
    fold, outputs = DetectFold(rules=[rule]), []
    for i in range(300):
        start_ms = START_MS + i * 10_000
        model, unknown = ("shop-match/1", 0.002) if i < 100 else ("shop-match/2", 0.03)
        made = rollup(*queries(rng, 60, unknown, 0.4 if i >= 220 else 0.0), start_ms, model)
        control = RollupControl(0, 1, {0: start_ms + 10_000}, start_ms, start_ms + 9_000, False, start_ms)
        outputs += [*fold.apply(made, 2 * i), *fold.apply(control, 2 * i + 1)]
    fired = [x for x in outputs if isinstance(x, Transition)]
    assert [(x.data.signal, x.data.status) for x in fired] == [("query_ood_rate", "firing")]
    assert fired[0].cohort_start_ms >= START_MS + 220 * 10_000
    values = [p.value for x in outputs if isinstance(x, SignalBatch) for p in x.points if p.signal == "query_ood_rate"]
    assert values[:19] == [None] * 19
    assert values[100:119] == [None] * 19
