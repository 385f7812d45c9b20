"""The shift watch: what it takes for a change, and what it learns meanwhile."""

from statistics import mean

import numpy as np
import pytest

from detectors.observation import Observation
from detectors.rules import DEFAULT_RULES
from detectors.watch import Watch
from detectors.watches import make_level_watch

RULES = {rule.name: rule for rule in DEFAULT_RULES}
COHORT_MS = 10_000
CTR = 0.03
IMPRESSIONS = 750
SEARCHES = 50
"""Of a cohort."""
LEARNED = 1000
"""Cohorts after which it is known how the level wanders, and how high evidence climbs by chance."""


def show(watch: Watch, number: int, events: int, of: int) -> bool:
    """Show the next cohort, with so many events of so many; whether the watch alarms."""
    x = Observation(events, of, of, events, events, of, counts=True)
    return watch.update(number * COHORT_MS, (number + 1) * COHORT_MS, x).breached


def test_a_small_fall_is_not_taken_for_the_level_while_it_is_being_found() -> None:
    expected = []
    for seed in range(12):
        rng, watch = np.random.default_rng(seed), make_level_watch(RULES["ctr_drop"], "ctr")
        fallen = np.where(np.arange(LEARNED + 600) < LEARNED, 1, 0.88)
        clicks = enumerate(rng.poisson(IMPRESSIONS * CTR * fallen).tolist())
        assert any(show(watch, i, n, IMPRESSIONS) and i >= LEARNED for i, n in clicks)
        expected.append(watch.expected)
    # Learned as everything else, the fall would have moved it by 1.5 % by now.
    assert mean(expected) == pytest.approx(CTR, rel=0.01)


def test_no_single_cohort_is_all_the_evidence_and_two_may_be() -> None:
    watch = make_level_watch(RULES["latency_p95_rise"], "latency_p95")
    slow = np.random.default_rng(1).binomial(SEARCHES, 0.05, LEARNED + 50).tolist()
    assert not any(show(watch, i, n, SEARCHES) for i, n in enumerate(slow[:LEARNED]))
    assert not show(watch, LEARNED, SEARCHES, SEARCHES), "one cohort in which all are slow"
    assert not any(show(watch, i + 1, n, SEARCHES) for i, n in enumerate(slow[LEARNED:], LEARNED))
    assert not show(watch, LEARNED + 51, SEARCHES, SEARCHES)
    assert show(watch, LEARNED + 52, SEARCHES, SEARCHES)
