"""Likelihood-ratio CUSUM for counts: the fastest test for a known size of change, at any number of trials a cohort."""

import math
from typing import Literal

from detectors.cusum import Cusum
from detectors.drift import Direction

Law = Literal["binomial", "poisson"]


class CountCusum(Cusum):
    """Looks one way for a change of a rate; takes x events of n trials (or of exposure n) at a time.

    A level that is not given is learned, as the posterior mean under Jeffreys' prior.

    Args:
        direction: the change to look for.
        ratio: level after the change over level before it, of the smallest change worth finding.
        threshold: how much evidence, in nats, makes a change; see `detectors.run_length`.
        level: the rate before the change; learned where it is None.
        law: `binomial`: x of n trials; `poisson`: x events in exposure n.
        overdispersion: variance of the counts over what the law says; evidence is divided by it.
        learn_events: events that are enough to have learned the level.
        learn_updates: updates with n > 0 that are enough, however few the events.

    >>> detector = CountCusum("down", ratio=0.8, threshold=6.0)
    >>> for index, clicks in enumerate([205, 195] * 50 + [160] * 10):
    ...     detector.update(clicks, 10_000)
    ...     if detector.drift_detected:
    ...         print(index, detector.change.updates_ago, detector.change.after)
    ...         break
    101 2 0.016

    References:
        Page (1954), Continuous inspection schemes; Hawkins & Olwell (1998), Cumulative Sum Charts, chapter 5.
    """

    def __init__(
        self,
        direction: Direction,
        ratio: float,
        threshold: float,
        *,
        level: float | None = None,
        law: Law = "binomial",
        overdispersion: float = 1.0,
        learn_events: float = 400.0,
        learn_updates: int = 200,
    ) -> None:
        if not (0 < ratio < 1 if direction == "down" else 1 < ratio < math.inf):
            raise ValueError(f"ratio {ratio} is no change {direction}: give one below 1 for down, above 1 for up")
        if level is not None and not (0 < level < (1 if law == "binomial" else math.inf)):
            raise ValueError(f"level {level} is no rate of a {law} count: give one above 0, and below 1 for binomial")
        super().__init__(direction, threshold, level, overdispersion, learn_updates)
        self._ratio = ratio
        self._law: Law = law
        self._learn_events = learn_events

    def update(self, x: float, n: float = 1.0) -> None:
        """Take the next count; impossible ones (not finite, negative, more events than trials) are ignored.

        Args:
            x: events.
            n: trials or exposure; with 0 there is no evidence, and no verdict.
        """
        if not (0 <= x < math.inf and 0 <= n < math.inf) or (self._law == "binomial" and x > n) or (n == 0 < x):
            return
        self._take(x, n)

    def _says(self, total: float, weight: float) -> float:
        return log_likelihood_ratio(total, weight, self._level, self._ratio, self._law)

    def _learned_level(self, total: float, weight: float) -> float:
        return (total + 0.5) / (weight + (1.0 if self._law == "binomial" else 0.0))

    def _is_sure(self, total: float, weight: float) -> bool:  # noqa: ARG002  (whatever trials so many events took)
        return total >= self._learn_events


def log_likelihood_ratio(x: float, n: float, level: float, ratio: float, law: Law) -> float:
    """Give the log-likelihood of x of n at `changed_level` over that at `level`.

    >>> round(log_likelihood_ratio(0, 100, 0.02, 0.5, "poisson"), 9)
    1.0
    """
    changed = changed_level(level, ratio, law)
    if law == "poisson":
        return x * math.log(changed / level) - n * (changed - level)
    return x * math.log(changed / level) + (n - x) * (math.log1p(-changed) - math.log1p(-level))


def changed_level(level: float, ratio: float, law: Law) -> float:
    """Give the level after the change; a share cannot pass 1, so it goes at most half the way there."""
    return level * ratio if law == "poisson" else min(level * ratio, (1 + level) / 2)
