"""A stream of `bench shift`: one shop's cohorts, as a rule sees them and as somebody sees them who knows all levels."""

import math
from collections.abc import Iterator
from statistics import NormalDist
from typing import Final, NamedTuple

import numpy as np

from detectors.observation import LATENCY_MARGIN_BINS, Observation, observe
from detectors.reference import Reference
from detectors.rules import DEFAULT_RULES, Rule
from streams.bench.shift_traffic import LOG_GAMMA, LONGEST, SHORTEST, Floats, Shift, Shop, draw_rollups, draw_shop

LEARNED: Final = 720
"""Cohorts (two hours) after which every detector has learned what is usual."""
GUARD: Final = 120
"""Cohorts before a change in which a detector must not have alarmed: a run in which it has is left out."""
LONGEST_DELAY: Final = 600
"""Cohorts (100 minutes) after which a change counts as not found, and its delay as so long."""
RULES: Final = {rule.name: rule for rule in DEFAULT_RULES}


class Stream(NamedTuple):
    """One shop's cohorts."""

    shop: Shop
    observations: list[Observation | None]
    """What the rule sees of each cohort; None while a reference is learned."""
    slow_bin: int | None
    """Where the latency of a slow search begins, see `detectors.reference`."""

    @property
    def ratios(self) -> Floats:
        """What the rule compares, cohort by cohort; nan while a reference is learned."""
        return np.array([math.nan if x is None else x.ratio for x in self.observations])

    @property
    def standardised(self) -> Floats:
        """Ratios in deviations from their mean in the first half of what is learned from; none is left out."""
        ratios = self.ratios
        known = ratios[: LEARNED // 2]
        known = known[np.isfinite(known)]
        found: Floats = np.nan_to_num((ratios - known.mean()) / known.std())
        return found


def draw_stream(seed: list[int], rule: Rule, cohorts: int, shift: Shift | None = None, change_at: int = 0) -> Stream:
    """Draw a shop and its traffic; equal seeds give equal streams."""
    rng = np.random.default_rng(seed)
    shop = draw_shop(rng)
    factor = np.ones(cohorts)
    if shift is not None:
        factor[change_at:] = shift.factor
    reference = Reference()
    observations = []
    for rollup in draw_rollups(rng, shop, rule.name, factor):
        reference.learn(rollup)
        observations.append(observe(rule.signal, rollup, reference))
    slow = reference.latency_bin(0.95)
    return Stream(shop, observations, None if slow is None else slow + LATENCY_MARGIN_BINS)


def evidence(stream: Stream, shift: Shift) -> Floats:
    """Give each cohort's log-likelihood ratio of the shift against no shift, all levels and deviations known."""
    shop = stream.shop
    x = np.array([0.0 if one is None else one.numerator_total for one in stream.observations])
    n = np.array([0.0 if one is None else one.denominator_total for one in stream.observations])
    if shift.rule == "match_drop":
        level, step = shop.match, shop.match * (shift.factor - 1)
        variance = shop.match_deviation**2 / np.maximum(n, 1) + (shop.match_between * level) ** 2
        means = np.divide(x, n, out=np.full(len(x), level + step / 2), where=n > 0)
        found: Floats = step * (means - level - step / 2) / variance
        return found
    if shift.rule == "ctr_drop":
        before, after = shop.ctr, shop.ctr * shift.factor
        sizes = np.arange(SHORTEST, LONGEST + 1)
        alike = float(np.average(1 + (sizes - 1) / (shop.appetite + 1), weights=sizes))
        between = n * before * shop.ctr_between**2
    else:
        assert stream.slow_bin is not None  # noqa: S101  (its cohorts would be none)
        spread = math.hypot(shop.latency_sigma, shop.latency_between)
        z = (stream.slow_bin * LOG_GAMMA - math.log(shop.latency_ms)) / spread
        normal = NormalDist()
        before, after = normal.cdf(-z), normal.cdf(math.log(shift.factor) / spread - z)
        alike = 1.0
        between = n * (normal.pdf(z) * shop.latency_between / spread) ** 2 / (before * (1 - before))
    counted: Floats = (x * math.log(after / before) + (n - x) * math.log((1 - after) / (1 - before))) / (
        alike + between
    )
    return counted


def delay(alarms: Iterator[int], change_at: int) -> int | None:
    """Give the cohorts from a change to the first alarm; None where an alarm came shortly before the change.

    Args:
        alarms: cohorts at which a detector alarmed, in order; no more than needed are asked for.
        change_at: the first changed cohort.
    """
    for cohort in alarms:
        if cohort >= change_at:
            return min(cohort - change_at + 1, LONGEST_DELAY)
        if cohort >= change_at - GUARD:
            return None
    return LONGEST_DELAY
