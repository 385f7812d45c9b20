"""River's half-space trees over a vector of standardised signals: is this combination usual?"""

import math
from bisect import bisect_left, insort
from collections.abc import Sequence
from typing import Any, Final

from river.anomaly import HalfSpaceTrees

from detectors.drift import Change
from detectors.river_feed import learn_vector, score_vector

WINDOW: Final = 128
"""Vectors from which the trees learn what is usual, and scores that the latest one is held against, twice as many."""
TREES: Final = 20
HEIGHT: Final = 6
REACH: Final = 6.0
"""Deviations beyond which a signal is as odd as can be."""
STEPS: Final = 127
"""Numbers are rounded to so many steps: small whole numbers are all that a successor must be given."""
USUAL: Final = 2.0
"""Evidence that is taken off each vector. What usual ones give, −log p, has mean 1."""
SEED: Final = 1


class HalfSpaceDetector:
    """Says that vectors are odd, and which of their signals.

    A vector's score is ranked among those of the vectors before it. Where all are alike each rank is as likely, so
    −log(share of scores at least as high) is exponential whatever the signals are; a CUSUM adds it up. Vectors since
    the evidence was last zero wait and are learned when it is zero again; a change is not learned while it is found.

    Args:
        signals: how many numbers a vector has.
        threshold: how much evidence makes a change. Where vectors are independent, 8 is reached by chance once in
            50,000 vectors, 12 once in 3 million.

    >>> detector = HalfSpaceDetector(signals=3)
    >>> for index in range(500):
    ...     detector.update([index * 7 % 5 - 2.0, index * 3 % 7 / 2 - 1.5, 0.0 if index < 400 else 4.0])
    ...     if detector.drift_detected:
    ...         print(index, detector.updates_ago, [round(x, 2) for x in detector.shares])
    ...         break
    403 4 [0.12, 0.04, 0.84]

    References:
        Tan, Ting & Liu (2011), Fast anomaly detection for streaming data; Vovk, Nouretdinov & Gammerman (2003),
        Testing exchangeability on-line.
    """

    def __init__(self, signals: int, threshold: float = 12.0) -> None:
        if signals < 1 or not 0 < threshold < math.inf:
            raise ValueError(f"{signals} signals and threshold {threshold} must be above 0")
        self._signals = signals
        self._threshold = threshold
        self._evidence: float = 0.0
        self._detected: bool = False
        self._run: list[list[float]] = []
        self.reset()

    def update(self, vector: Sequence[float]) -> None:
        """Take the next vector of deviations from what is usual, 0 where a signal is not known.

        One that has a number that is not finite, or another length, is ignored.
        """
        if len(vector) != self._signals or not all(math.isfinite(z) for z in vector):
            return
        if self._detected:
            self.restart()
        steps = _steps(vector)
        if len(self._vectors) < WINDOW:
            self._learn(steps)
            return
        self._score = score_vector(self._trees, _shares(steps))
        if len(self._ranked) < WINDOW // 2:
            self._learn(steps, self._score)
            return
        as_high = len(self._ranked) - bisect_left(self._ranked, self._score)
        self._evidence += math.log((len(self._ranked) + 1) / (as_high + 1)) - USUAL
        self._run.append([*steps, self._score])
        if self._evidence <= 0:
            for *waiting, score in self._run:
                self._learn([int(step) for step in waiting], score)
            self._evidence, self._run = 0.0, []
        self._detected = self._evidence >= self._threshold
        del self._run[:-WINDOW]

    def score(self, vector: Sequence[float]) -> float:
        """Give how odd a vector is, from 0 to 1, without learning anything from it."""
        return score_vector(self._trees, _shares(_steps(vector)))

    @property
    def drift_detected(self) -> bool:
        """Whether the latest vector completed the evidence of a change."""
        return self._detected

    @property
    def estimate(self) -> float:
        """Score of the latest vector, 0 to 1; 0 before scores are known."""
        return self._score

    @property
    def change(self) -> Change | None:
        """The usual score and that since the evidence began, while `drift_detected`."""
        if not self._detected:
            return None
        return Change("up", self.updates_ago, self.usual, sum(row[-1] for row in self._run) / len(self._run))

    @property
    def usual(self) -> float:
        """The score that half of all vectors stay below."""
        return self._ranked[len(self._ranked) // 2] if self._ranked else 0.0

    @property
    def limit(self) -> float:
        """The score from which on a vector is evidence of a change."""
        return self._ranked[max(0, len(self._ranked) - math.ceil((len(self._ranked) + 1) * math.exp(-USUAL)))]

    @property
    def updates_ago(self) -> int:
        """How many vectors ago the evidence began."""
        return len(self._run)

    @property
    def shares(self) -> list[float]:
        """How much each signal has to do with it: its part of the squared deviations since the evidence began."""
        middle = STEPS / 2
        squares = [sum((row[i] - middle) ** 2 for row in self._run) for i in range(self._signals)]
        total = sum(squares)
        return [square / total for square in squares] if total else [0.0] * self._signals

    def restart(self) -> None:
        """Forget what was odd; what is usual stays."""
        self._evidence, self._run, self._detected = 0.0, [], False

    def reset(self) -> None:
        """Forget everything but the settings."""
        self._vectors: list[list[int]] = []
        self._scores: list[float] = []
        self._score = 0.0
        self.restart()
        self._build()

    def state(self) -> dict[str, Any]:
        """Give the vectors of the latest two windows, scores, and what waits."""
        return {
            "vectors": [list(x) for x in self._vectors], "scores": list(self._scores), "score": self._score,
            "run": [list(x) for x in self._run], "evidence": self._evidence, "detected": self._detected,
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Take up where another detector with the same settings gave its `state`."""
        self._vectors = [list(x) for x in state["vectors"]]
        self._scores, self._score = list(state["scores"]), state["score"]
        self._run = [list(x) for x in state["run"]]
        self._evidence, self._detected = state["evidence"], state["detected"]
        self._build()

    def _learn(self, steps: list[int], score: float | None = None) -> None:
        if score is not None:
            self._scores.append(score)
            insort(self._ranked, score)
            if len(self._scores) > 2 * WINDOW:
                del self._ranked[bisect_left(self._ranked, self._scores.pop(0))]
        self._vectors.append(steps)
        if len(self._vectors) == 2 * WINDOW:
            del self._vectors[:WINDOW]
        learn_vector(self._trees, _shares(steps))

    def _build(self) -> None:
        # A window's masses hold until the next one is full, so trees that are fed whole windows again are the same.
        self._ranked = sorted(self._scores)
        self._trees = HalfSpaceTrees(n_trees=TREES, height=HEIGHT, window_size=WINDOW, seed=SEED)
        for steps in self._vectors:
            learn_vector(self._trees, _shares(steps))


def _steps(vector: Sequence[float]) -> list[int]:
    return [round((min(REACH, max(-REACH, z)) + REACH) / (2 * REACH) * STEPS) for z in vector]


def _shares(steps: Sequence[float]) -> dict[int, float]:
    return {i: step / STEPS for i, step in enumerate(steps)}
