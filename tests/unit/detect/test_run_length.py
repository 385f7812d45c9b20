"""Evidence and promised run lengths, against SciPy and against simulation."""

import math

import numpy as np
import pytest
from scipy import stats

from detectors.count_cusum import CountCusum, Law, log_likelihood_ratio
from detectors.run_length import count_distribution, count_threshold, markov_run_length, simulated_threshold


@pytest.mark.parametrize("x", [0, 1, 20, 31])
def test_the_evidence_of_counts_is_the_ratio_of_scipys_likelihoods(x: int) -> None:
    binomial = stats.binom.logpmf(x, 1000, 0.016) - stats.binom.logpmf(x, 1000, 0.02)
    assert log_likelihood_ratio(x, 1000, 0.02, 0.8, "binomial") == pytest.approx(binomial, abs=1e-9)
    poisson = stats.poisson.logpmf(x, 30.0) - stats.poisson.logpmf(x, 20.0)
    assert log_likelihood_ratio(x, 1000, 0.02, 1.5, "poisson") == pytest.approx(poisson, abs=1e-9)


@pytest.mark.parametrize(("law", "overdispersion"), [("binomial", 1), ("binomial", 2), ("poisson", 1), ("poisson", 2)])
def test_the_distribution_of_counts_is_scipys(law: Law, overdispersion: int) -> None:
    counts, probability = count_distribution(1000, 0.02, law, overdispersion)
    total = 998.0  # (n − overdispersion) / (overdispersion − 1)
    expected = {
        ("binomial", 1): stats.binom(1000, 0.02),
        ("binomial", 2): stats.betabinom(1000, 0.02 * total, 0.98 * total),
        ("poisson", 1): stats.poisson(20.0),
        ("poisson", 2): stats.nbinom(20.0, 0.5),
    }[law, overdispersion]
    assert probability == pytest.approx(expected.pmf(counts), abs=1e-10)
    own = 1000 * 0.02 * (0.98 if law == "binomial" else 1.0)
    assert float(np.sum(probability * (counts - 20) ** 2)) == pytest.approx(overdispersion * own, rel=1e-6)


@pytest.mark.parametrize(("n", "overdispersion"), [(2000, 1.0), (2000, 2.0), (20, 1.0)])
def test_a_count_detector_keeps_the_run_length_that_the_markov_chain_promises(n: int, overdispersion: float) -> None:
    promised, level = 100.0, 0.02
    threshold = count_threshold(promised, n, level, ratio=0.8, overdispersion=overdispersion)
    counts, probability = count_distribution(n, level, "binomial", overdispersion)
    detector = CountCusum("down", 0.8, threshold, level=level, overdispersion=overdispersion)
    updates, alarms = 60_000, 0
    for x in np.random.default_rng(3).choice(counts, updates, p=probability):
        detector.update(float(x), n)
        alarms += detector.drift_detected
    # 600 alarms are expected, nearly Poisson: ± 15 % is more than three standard errors.
    assert updates / alarms == pytest.approx(promised, rel=0.15)


def test_the_run_length_does_not_hang_on_how_finely_the_chain_is_cut() -> None:
    # With 20 trials the evidence takes three likely values; rounding them to states gave 239, 543 and 379.
    counts, probability = count_distribution(20, 0.02, "binomial", 1.0)
    evidence = np.array([log_likelihood_ratio(x, 20, 0.02, 0.8, "binomial") for x in counts])
    lengths = [markov_run_length(evidence, probability, 1.7, states) for states in (100, 200, 400)]
    assert lengths == pytest.approx([lengths[-1]] * 3, rel=0.03)


def test_where_it_cannot_be_simulated_the_run_length_is_extrapolated() -> None:
    counts, probability = count_distribution(2000, 0.02, "binomial", 1.0)
    evidence = np.array([log_likelihood_ratio(x, 2000, 0.02, 0.8, "binomial") for x in counts])

    def draw(rng: np.random.Generator, updates: int, streams: int) -> np.ndarray:
        return rng.choice(evidence, (updates, streams), p=probability)

    exact = count_threshold(1e5, 2000, 0.02, ratio=0.8)
    found = simulated_threshold(draw, 1e5, np.random.default_rng(4))
    # The evidence is in nats: half a nat is a factor of 1.6 in the run length.
    assert found == pytest.approx(exact, abs=math.log(1.6))
