"""Novelty: has this series ever looked like this?"""

import math
from collections import deque
from typing import Any, Final

from detectors.discord import Discord
from detectors.nearest_value import NearestValue
from detectors.rarity import Rarity
from detectors.repeats import Repeats

MEMORY: Final = 16_384
"""Numbers that are remembered: 57 days of one in five minutes."""
DELAY_S: Final = 43_200.0
PARTS: Final = 24
"""Of a day, each with values of its own."""
SHAPE: Final = 72
"""Numbers of the window whose shape is looked at."""
QUIET: Final = (6, 24)
"""Numbers of a window of which it is looked at how little they differ."""
HALF: Final = 4.0
"""The evidence that halves the distance of the score to 1."""


class NoveltyDetector:
    """Scores how new the latest number is in a series of any kind, with no settings.

    Several views look at it: the distance of the number to the nearest earlier one, to the nearest one at this time of
    day, of its step to the nearest earlier step, of the shape of the latest numbers to the nearest earlier shape, and
    how little the latest numbers differ. Each view is ranked among its own past, so that they and all series are on one
    scale, and their evidence is added up. Of an episode the first score is passed on.

    Args:
        memory: numbers that are remembered.

    >>> detector = NoveltyDetector()
    >>> for index in range(1000):
    ...     usual = 10 * math.sin(index * math.pi / 72) + index * 37 % 11 / 10
    ...     score = detector.update(20.0 if index == 900 else usual, time_s=index * 600.0)
    ...     if score > 0.7 and index > 300:
    ...         print(index, round(score, 2))
    900 0.79

    References:
        Lavin & Ahmad (2015), Evaluating real-time anomaly detection algorithms: the Numenta Anomaly Benchmark.
    """

    def __init__(self, memory: int = MEMORY) -> None:
        if memory < 2 * SHAPE:
            raise ValueError(f"memory {memory} must be at least {2 * SHAPE}: two windows of a shape")
        self._memory = memory
        self._time_s = -math.inf
        self._latest: deque[float] = deque(maxlen=max(QUIET))
        self._near: list[NearestValue] = []
        self._shape = Discord(SHAPE, memory)
        self._rarities: list[Rarity] = []
        self._repeats = Repeats()
        self.reset()

    def update(self, x: float, time_s: float) -> float:
        """Take the next number, and give its score: from 0, nothing new, to just below 1.

        A number or time that is not finite changes nothing and scores 0; a time before the latest is taken for it.
        """
        if not (math.isfinite(x) and math.isfinite(time_s)):
            return 0.0
        self._time_s = max(self._time_s, time_s)
        step = x - self._latest[-1] if self._latest else 0.0
        self._latest.append(x)
        views = [near.update(y, self._time_s) for near, y in zip(self._near, (x, x, step), strict=True)]
        views.append(self._shape.update(x))
        views += [-_spread(list(self._latest)[-width:]) for width in QUIET]
        evidence = sum(rarity.update(view) for rarity, view in zip(self._rarities, views, strict=True))
        return 1.0 - math.exp2(-self._repeats.update(evidence) / HALF)

    def reset(self) -> None:
        """Forget everything but the memory's size."""
        self._time_s = -math.inf
        self._latest.clear()
        self._near = [NearestValue(parts, DELAY_S, self._memory) for parts in (1, PARTS, 1)]
        self._shape = Discord(SHAPE, self._memory)
        self._rarities = [Rarity(self._memory) for _ in (*self._near, SHAPE, *QUIET)]
        self._repeats = Repeats()

    def state(self) -> dict[str, Any]:
        """Give all that is remembered."""
        return {
            "time_s": None if self._time_s == -math.inf else self._time_s,
            "latest": list(self._latest),
            **{name: [part.state() for part in parts] for name, parts in self._parts().items()},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up where another with the same memory gave its `state`."""
        self.reset()
        self._time_s = -math.inf if state["time_s"] is None else state["time_s"]
        self._latest.extend(state["latest"])
        for name, parts in self._parts().items():
            for part, one in zip(parts, state[name], strict=True):
                part.restore(one)

    def _parts(self) -> dict[str, list[NearestValue | Discord | Rarity | Repeats]]:
        return {
            "near": [*self._near],
            "shape": [self._shape],
            "rarities": [*self._rarities],
            "repeats": [self._repeats],
        }


def _spread(numbers: list[float]) -> float:
    return max(numbers) - min(numbers)
