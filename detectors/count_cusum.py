"""Likelihood-ratio CUSUM for counts: the fastest test for a known size of change, at any number of trials a cohort."""

import math
from typing import Any, Literal

from detectors.drift import Change, Direction

Law = Literal["binomial", "poisson"]


class CountCusum:
    """Looks one way for a change of a rate; takes x events of n trials (or of exposure n) at a time.

    A level that is not given is learned, as the posterior mean under Jeffreys' prior. Counts since the evidence was
    last zero wait and are learned when it is zero again, so a change is not learned while it is being found.

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
        if not (threshold > 0 and overdispersion > 0):
            raise ValueError(f"threshold {threshold} and overdispersion {overdispersion} must be above 0")
        self._direction: Direction = direction
        self._ratio = ratio
        self._threshold = threshold
        self._given = level
        self._law: Law = law
        self._overdispersion = overdispersion
        self._learn_events = learn_events
        self._learn_updates = learn_updates
        self._evidence, self._detected = 0.0, False
        self._run, self._run_x, self._run_n = 0, 0.0, 0.0
        self._learned_x, self._learned_n, self._learned_updates = 0.0, 0.0, 0

    def update(self, x: float, n: float = 1.0) -> None:
        """Take the next count; impossible ones (not finite, negative, more events than trials) are ignored.

        Args:
            x: events.
            n: trials or exposure; with 0 there is no evidence, and no verdict.
        """
        if not (0 <= x < math.inf and 0 <= n < math.inf) or (self._law == "binomial" and x > n) or (n == 0 < x):
            return
        if self._detected:
            self.reset()
        if not self._has_learned:
            self._learn(x, n, updates=1 if n else 0)
            return
        self._evidence += log_likelihood_ratio(x, n, self._level, self._ratio, self._law) / self._overdispersion
        if self._evidence <= 0:
            self._learn(self._run_x + x, self._run_n + n)
            self._evidence, self._run, self._run_x, self._run_n = 0.0, 0, 0.0, 0.0
            return
        if self._run or n:  # a run begins with evidence
            self._run, self._run_x, self._run_n = self._run + 1, self._run_x + x, self._run_n + n
        self._detected = n > 0 and self._evidence >= self._threshold

    @property
    def drift_detected(self) -> bool:
        """Whether the latest update completed the evidence of a change."""
        return self._detected

    @property
    def evidence(self) -> float:
        """Log-likelihood, in nats, that the change has come over that it has not."""
        return self._evidence

    @property
    def estimate(self) -> float:
        """The rate since the change while there is one, else the level; 0 before the first trial."""
        if self._detected:
            return self._run_x / self._run_n
        return self._level if self._given is not None or self._learned_n else 0.0

    @property
    def change(self) -> Change | None:
        """The change, while `drift_detected`; it began when the evidence was last zero, the likeliest time."""
        if not self._detected:
            return None
        return Change(self._direction, self._run, self._level, self._run_x / self._run_n)

    def reset(self) -> None:
        """Forget everything but the settings."""
        self._evidence, self._detected = 0.0, False
        self._run, self._run_x, self._run_n = 0, 0.0, 0.0
        self._learned_x, self._learned_n, self._learned_updates = 0.0, 0.0, 0

    def state(self) -> dict[str, Any]:
        """Give the evidence, what waits, and what was learned."""
        return {
            "evidence": self._evidence, "detected": self._detected,
            "run": [self._run, self._run_x, self._run_n],
            "learned": [self._learned_updates, self._learned_x, self._learned_n],
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Take up where another detector with the same settings gave its `state`."""
        self._evidence, self._detected = state["evidence"], state["detected"]
        self._run, self._run_x, self._run_n = state["run"]
        self._learned_updates, self._learned_x, self._learned_n = state["learned"]

    def _learn(self, x: float, n: float, updates: int = 0) -> None:
        if self._given is None:
            self._learned_x += x
            self._learned_n += n
            self._learned_updates += updates

    @property
    def _has_learned(self) -> bool:
        if self._given is not None:
            return True
        return self._learned_x >= self._learn_events or self._learned_updates >= self._learn_updates

    @property
    def _level(self) -> float:
        if self._given is not None:
            return self._given
        return (self._learned_x + 0.5) / (self._learned_n + (1.0 if self._law == "binomial" else 0.0))


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
