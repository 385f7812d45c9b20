"""One-sided CUSUM against a level: how evidence gathers, what waits meanwhile, and when the level has been learned."""

from abc import ABC, abstractmethod
from typing import Any

from detectors.drift import Change, Direction


class Cusum(ABC):
    """The part that is the same whatever an update tells, as long as totals and weights add up over updates.

    A level that is not given is learned. What came since the evidence was last zero waits and is learned when it is
    zero again, so a change is not learned while it is being found. After a verdict the next update begins anew.

    Args:
        direction: the change to look for.
        threshold: how much evidence, in nats, makes a change; see `detectors.run_length`.
        level: before the change; learned where it is None.
        overdispersion: variance of what comes over what is expected of it; evidence is divided by it.
        learn_updates: updates with weight that are enough to have learned the level, however unsure it is.

    References:
        Page (1954), Continuous inspection schemes; Hawkins (1987), Self-starting cusum charts.
    """

    def __init__(
        self, direction: Direction, threshold: float, level: float | None, overdispersion: float, learn_updates: int
    ) -> None:
        if not (threshold > 0 and overdispersion > 0):
            raise ValueError(f"threshold {threshold} and overdispersion {overdispersion} must be above 0")
        self._direction: Direction = direction
        self._threshold = threshold
        self._given = level
        self._overdispersion = overdispersion
        self._learn_updates = learn_updates
        self.reset()

    def reset(self) -> None:
        """Forget everything but the settings."""
        self._evidence, self._detected = 0.0, False
        self._run, self._run_total, self._run_weight = 0, 0.0, 0.0
        self._learned_updates, self._learned_total, self._learned_weight = 0, 0.0, 0.0

    @abstractmethod
    def _says(self, total: float, weight: float) -> float:
        """Give the log-likelihood of an update after the change over that before it, in nats."""

    @abstractmethod
    def _learned_level(self, total: float, weight: float) -> float:
        """Give the level that all that was learned tells."""

    @abstractmethod
    def _is_sure(self, total: float, weight: float) -> bool:
        """Whether what was learned tells the level well enough."""

    def _take(self, total: float, weight: float) -> None:
        """Take the next update, a possible one; without weight there is no verdict."""
        if self._detected:
            self.reset()
        if not self._has_learned:
            self._learn(total, weight, updates=1 if weight else 0)
            return
        self._evidence += self._says(total, weight) / self._overdispersion
        if self._evidence <= 0:
            self._learn(self._run_total + total, self._run_weight + weight)
            self._evidence, self._run, self._run_total, self._run_weight = 0.0, 0, 0.0, 0.0
            return
        if self._run or weight:  # a run begins with evidence
            self._run, self._run_total = self._run + 1, self._run_total + total
            self._run_weight += weight
        self._detected = weight > 0 and self._evidence >= self._threshold

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
        """The level since the change while there is one, else the level before it; 0 while nothing is known."""
        if self._detected:
            return self._run_total / self._run_weight
        return self._level if self._given is not None or self._learned_weight else 0.0

    @property
    def change(self) -> Change | None:
        """The change, while `drift_detected`; it began when the evidence was last zero, the likeliest time."""
        return Change(self._direction, self._run, self._level, self.estimate) if self._detected else None

    def state(self) -> dict[str, Any]:
        """Give the evidence, what waits, and what was learned."""
        return {
            "evidence": self._evidence, "detected": self._detected,
            "run": [self._run, self._run_total, self._run_weight],
            "learned": [self._learned_updates, self._learned_total, self._learned_weight],
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Take up where another detector with the same settings gave its `state`."""
        self._evidence, self._detected = state["evidence"], state["detected"]
        self._run, self._run_total, self._run_weight = state["run"]
        self._learned_updates, self._learned_total, self._learned_weight = state["learned"]

    def _learn(self, total: float, weight: float, updates: int = 0) -> None:
        if self._given is None:
            self._learned_total += total
            self._learned_weight += weight
            self._learned_updates += updates

    @property
    def _has_learned(self) -> bool:
        if self._given is not None or self._learned_updates >= self._learn_updates:
            return True
        return self._is_sure(self._learned_total, self._learned_weight)

    @property
    def _level(self) -> float:
        if self._given is not None:
            return self._given
        return self._learned_level(self._learned_total, self._learned_weight)
