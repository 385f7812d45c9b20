"""How high a CUSUM's threshold must be, so that false alarms are as rare as promised.

A run length is the mean number of updates from a fresh detector to its first false alarm. Where updates are
independent and their evidence has a known distribution, a Markov chain gives it; where they are not, simulation does,
as far as it can be simulated, and beyond that the logarithm of the run length is a straight line over the threshold.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from detectors.count_cusum import Law, log_likelihood_ratio

Floats = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator, int, int], Floats]
"""Gives evidence of null updates, shape (updates, streams)."""

STATES: Final = 200
ENOUGH_ALARMS: Final = 100
"""Alarms behind a simulated run length that is used: its standard error is then a tenth."""


def markov_run_length(evidence: Floats, probability: Floats, threshold: float, states: int = STATES) -> float:
    """Give the run length of a CUSUM whose updates are independent.

    Args:
        evidence: values that an update's evidence takes.
        probability: of each.
        threshold: of the CUSUM.
        states: steps that the way to the threshold is cut into.

    References:
        Brook & Evans (1972), An approach to the probability distribution of cusum run length.
    """
    # Evidence that falls between two states goes to both, nearer ones more: its mean stays what it is, or few trials a
    # cohort, whose evidence takes few values, would be rounded into another run length.
    position = np.clip(evidence * (states / threshold), -states, states)
    lower = np.floor(position)
    steps = np.concatenate((lower, lower + 1)).astype(np.int64) + states
    shares = np.concatenate((lower + 1 - position, position - lower)) * np.tile(probability, 2)
    step = np.bincount(steps, shares, minlength=2 * states + 2)
    here, there = np.meshgrid(np.arange(states), np.arange(states), indexing="ij")
    to_zero = np.cumsum(step)[states - np.arange(states)]
    chain = np.where(there == 0, to_zero[:, None], step[there - here + states])
    return float(np.linalg.solve(np.eye(states) - chain, np.ones(states))[0])


@lru_cache(maxsize=1024)
def count_threshold(
    run_length: float, n: int, level: float, *, ratio: float, law: Law = "binomial", overdispersion: float = 1.0
) -> float:
    """Give the threshold at which a `CountCusum` with this level has the run length; arguments may come rounded.

    Args:
        run_length: updates between false alarms, at least 2.
        n: trials or exposure of an update.
        level: rate before the change.
        ratio: that the detector looks for.
        law: of the counts.
        overdispersion: of the counts; they are then beta-binomial or negative binomial.
    """
    counts, probability = count_distribution(n, level, law, overdispersion)
    # Evidence is linear in the counts: what no event at all says, and what each event adds.
    nothing = log_likelihood_ratio(0, n, level, ratio, law)
    each = log_likelihood_ratio(1, n, level, ratio, law) - nothing
    evidence = (nothing + each * counts) / overdispersion
    low, high = 0.0, 1.0
    while markov_run_length(evidence, probability, high) < run_length:
        low, high = high, 2 * high
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if markov_run_length(evidence, probability, middle) < run_length else (low, middle)
    return high


def count_distribution(n: int, level: float, law: Law, overdispersion: float) -> tuple[Floats, Floats]:
    """Give the counts that are likelier than 1e-15 or so, and their probabilities.

    Args:
        n: trials or exposure.
        level: rate.
        law: of the counts without overdispersion.
        overdispersion: variance over the law's own, at least 1; below n for binomial counts.
    """
    mean = n * level
    width = 12 * math.sqrt(overdispersion * mean) + 40 * overdispersion
    last = mean + width if law == "poisson" else min(n, mean + width)
    counts = np.arange(max(0, math.floor(mean - width)), math.floor(last) + 1, dtype=np.float64)
    gamma = np.vectorize(math.lgamma, otypes=[np.float64])
    if law == "poisson" and overdispersion == 1:
        logs = counts * math.log(mean) - mean - gamma(counts + 1)
    elif law == "poisson":
        size = mean / (overdispersion - 1)
        logs = gamma(counts + size) - gamma(counts + 1) - math.lgamma(size)
        logs += counts * math.log1p(-1 / overdispersion) - size * math.log(overdispersion)
    else:
        logs = math.lgamma(n + 1) - gamma(counts + 1) - gamma(n - counts + 1)
        if overdispersion == 1:
            logs += counts * math.log(level) + (n - counts) * math.log1p(-level)
        else:
            total = (n - overdispersion) / (overdispersion - 1)
            a, b = level * total, (1 - level) * total
            logs += gamma(counts + a) + gamma(n - counts + b) - math.lgamma(n + total)
            logs += math.lgamma(total) - math.lgamma(a) - math.lgamma(b)
    probability: Floats = np.exp(logs)
    return counts, probability / probability.sum()


def simulated_threshold(
    draw: Draw, run_length: float, rng: np.random.Generator, updates: int = 2000, streams: int = 500
) -> float:
    """Give the threshold at which a CUSUM has the run length under noise that can only be drawn.

    Run lengths with too few alarms in the simulation are extrapolated: their logarithm is linear in the threshold.

    Args:
        draw: the noise, as evidence.
        run_length: updates between false alarms.
        rng: random numbers.
        updates: simulated of each stream.
        streams: simulated side by side.

    Raises:
        ValueError: the noise alarms too rarely or too evenly to tell.
    """
    evidence = draw(rng, updates, streams)
    level, highest = np.zeros(streams), np.empty((updates, streams))
    for i in range(updates):
        level = np.maximum(0.0, level + evidence[i])
        highest[i] = level if i == 0 else np.maximum(highest[i - 1], level)
    thresholds: list[float] = []
    lengths: list[float] = []
    for threshold in np.quantile(highest[-1], np.linspace(0.0, 1 - ENOUGH_ALARMS / streams, 12)):
        waited = (highest < threshold).sum(axis=0)
        alarms = int((waited < updates).sum())
        # Censored streams count by the time that they were watched.
        length = (int(waited.sum()) + alarms) / max(alarms, 1)
        if alarms >= ENOUGH_ALARMS and threshold > 0 and threshold not in thresholds:
            thresholds.append(float(threshold))
            lengths.append(math.log(length))
    if len(thresholds) < 2:
        raise ValueError(f"{len(thresholds)} thresholds with {ENOUGH_ALARMS} alarms each: simulate more updates")
    slope, start = np.polyfit(thresholds, lengths, 1)
    return float((math.log(run_length) - start) / slope)
