"""Watches through hours in which too little comes to say anything."""

import random

from detectors.observation import Observation
from detectors.rules import Rule
from detectors.watches import make_level_watch

BUCKET_MS = 10_000
RULE = Rule(name="zero_results_rise", signal="zero_result_rate", settings={"min_effect": 0.05}, direction="up")


class Shop:
    """Feeds a watch with searches, some of which find nothing."""

    def __init__(self, seed: int) -> None:
        self.watch = make_level_watch(RULE, "zero_result_rate")
        self._random = random.Random(seed)
        self._now_ms = 0

    def run(self, minutes: float, searches: int, every_s: int, empty_share: float) -> float | None:
        """Give after how many minutes it alarmed, None if it did not."""
        began_ms = self._now_ms
        while self._now_ms < began_ms + minutes * 60_000:
            empty = sum(self._random.random() < empty_share for _ in range(searches))
            x = Observation(empty, searches, searches, 0.02 * searches, empty, searches, counts=True)
            if self.watch.update(self._now_ms, self._now_ms + BUCKET_MS, x).breached:
                return (self._now_ms - began_ms) / 60_000
            self._now_ms += every_s * 1000
        return None


def test_a_watch_that_had_too_little_for_days_hears_again_when_enough_comes() -> None:
    shop = Shop(seed=4)
    assert shop.run(30, 50, 10, 0.02) is None
    assert shop.run(5 * 24 * 60, 1, 300, 0.02) is None
    assert shop.run(6 * 60, 50, 10, 0.02) is None
    found_after_minutes = shop.run(60, 50, 10, 0.5)
    assert found_after_minutes is not None
    assert found_after_minutes < 2
