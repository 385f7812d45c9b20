"""Burn rate over two windows: how fast what an objective allows is being used up, and whether it still is."""

import math
from typing import Any, Final

import msgspec

from detectors.change_point import Cohort, first_changed
from detectors.drift import Change, Direction

SLOTS: Final = 30
"""Slots of the short window: it is as long as it should be, up to a thirtieth."""
MOST_WINDOWS: Final = 24
"""Short windows that a long one has at most: the memory has 30 slots for each."""
SURE: Final = math.log(1e6)
"""With the objective just held, so many bad events come by chance once in so many windows at most."""


class Slot(msgspec.Struct, array_like=True):
    """Disjoint cohorts of one slice of event time, added up."""

    start_ms: int
    bad: float = 0.0
    total: float = 0.0
    updates: int = 0


class BurnRateDetector:
    """Says so while bad events are `burn` times what the objective allows, in a long and in a short window.

    The long window says that it matters, the short one that it has not stopped. Windows end with the latest event
    time; what is older than a long window is forgotten, so a gap empties them. Few events are no verdict: by the
    Chernoff bound n·KL(p‖allowed) chance must be out of the question.

    Args:
        objective: share of good events that is wanted.
        burn: how many times what the objective allows.
        long_s: the long window, seconds of event time.
        short_s: the short one.
        direction: what a change is called: `down` where the share that people are shown is that of good events.

    >>> detector = BurnRateDetector(objective=0.99, burn=14.4, long_s=3600, short_s=300)
    >>> for index in range(500):
    ...     detector.update(1 if index < 400 else 50, 100, time_ms=index * 10_000)
    ...     if detector.drift_detected:
    ...         print(index, detector.change.updates_ago, detector.change.after)
    ...         break
    498 99 0.5

    References:
        Beyer, Murphy, Rensin, Kawahara & Thorne (2018), The Site Reliability Workbook, chapter 5, Alerting on SLOs.
    """

    def __init__(
        self, objective: float, burn: float, long_s: float, short_s: float, direction: Direction = "up"
    ) -> None:
        if not (0 < objective < 1 and 0 < burn * (1 - objective) < 1):
            raise ValueError(f"objective {objective} and burn {burn}: a share of burn·(1 − objective) cannot be passed")
        if not 0 < short_s <= long_s <= MOST_WINDOWS * short_s:
            raise ValueError(f"long_s {long_s} must be 1 to {MOST_WINDOWS} times short_s, which is {short_s}")
        self._allowed = 1 - objective
        self._limit = burn * self._allowed
        self._long_ms, self._short_ms = int(long_s * 1000), int(short_s * 1000)
        self._slot_ms = max(1, self._short_ms // SLOTS)
        self._direction: Direction = direction
        self._slots: list[Slot] = []
        self._bad: float = 0.0
        self._total: float = 0.0
        self._detected: bool = False

    def update(self, x: float, n: float = 1.0, time_ms: int = 0) -> None:
        """Take the next cohort: x bad ones of n events at an event time; impossible ones are ignored.

        So is what is dated before the latest one, unless by more than the long window: then the clock was set back.
        """
        if not (0 <= x <= n < math.inf):
            return
        start_ms = time_ms // self._slot_ms * self._slot_ms
        if self._slots and start_ms < self._slots[-1].start_ms:
            if self._slots[-1].start_ms - start_ms <= self._long_ms:
                return
            self.reset()
        if not self._slots or self._slots[-1].start_ms != start_ms:
            self._slots.append(Slot(start_ms))
        latest = self._slots[-1]
        latest.bad, latest.total, latest.updates = latest.bad + x, latest.total + n, latest.updates + 1
        self._bad, self._total = self._bad + x, self._total + n
        self._forget(start_ms + self._slot_ms - self._long_ms)
        self._detected = self._is_burning(start_ms + self._slot_ms - self._short_ms)

    @property
    def drift_detected(self) -> bool:
        """Whether both windows burn now."""
        return self._detected

    @property
    def estimate(self) -> float:
        """Share of bad events in the long window; 0 before the first."""
        return self._bad / self._total if self._total else 0.0

    @property
    def limit(self) -> float:
        """The share of bad events from which on both windows burn too fast."""
        return self._limit

    @property
    def events(self) -> float:
        """Events in the long window."""
        return self._total

    @property
    def change(self) -> Change | None:
        """Since when bad events are more than is allowed, while `drift_detected`."""
        if not self._detected:
            return None
        bad, total, updates = self.since(self.started_ms)
        return Change(self._direction, updates, self._allowed, bad / total)

    @property
    def started_ms(self) -> int:
        """The likeliest time, within the long window, from which on bad events are as many as in the short one."""
        bad, total, _ = self.since(self._slots[-1].start_ms + self._slot_ms - self._short_ms)
        middle = (self._allowed + bad / total) / 2
        cohorts = [Cohort(s.start_ms, s.bad, s.total, s.bad, s.total) for s in self._slots]
        return first_changed(cohorts, self._allowed, bad / total, middle * (1 - middle))

    def since(self, start_ms: int) -> tuple[float, float, int]:
        """Give bad events, all events, and updates, from `start_ms` on as far as the long window goes."""
        slots = [slot for slot in self._slots if slot.start_ms >= start_ms]
        return sum(s.bad for s in slots), sum(s.total for s in slots), sum(s.updates for s in slots)

    def reset(self) -> None:
        """Forget everything but the settings."""
        self._slots, self._bad, self._total, self._detected = [], 0.0, 0.0, False

    def state(self) -> dict[str, Any]:
        """Give the slots, their sums, and the verdict."""
        return {
            "slots": msgspec.to_builtins(self._slots),
            "sums": [self._bad, self._total],
            "detected": self._detected,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up where another detector with the same settings gave its `state`."""
        self._slots = msgspec.convert(state["slots"], list[Slot])
        self._bad, self._total = state["sums"]
        self._detected = state["detected"]

    def _forget(self, before_ms: int) -> None:
        old = 0
        while self._slots[old].start_ms < before_ms:
            self._bad -= self._slots[old].bad
            self._total -= self._slots[old].total
            old += 1
        del self._slots[:old]

    def _is_burning(self, short_from_ms: int) -> bool:
        if not self._total or self._bad < self._limit * self._total:
            return False
        bad = total = 0.0
        for slot in reversed(self._slots):
            if slot.start_ms < short_from_ms:
                break
            bad, total = bad + slot.bad, total + slot.total
        if not total or bad < self._limit * total:
            return False
        return self._total * divergence(self._bad / self._total, self._allowed) >= SURE


def divergence(p: float, q: float) -> float:
    """Kullback–Leibler divergence of two coins, in nats; q strictly between 0 and 1.

    >>> round(divergence(0.5, 0.25), 4)
    0.1438
    """
    heads = p * math.log(p / q) if p > 0 else 0.0
    return heads + ((1 - p) * math.log((1 - p) / (1 - q)) if p < 1 else 0.0)
