"""The latest event that was known when the clock passed a time: behind it nobody can have searched yet.

Watermarks also pass times by word alone, at the end of a recording. Were the clock taken for events, searches would
seem to be missing in every cohort behind that end.
"""

from collections import deque

from detectors.evaluate import EvaluateFold


class LatestEvent:
    """How far each partition's events reached when its watermark passed a time: a function of its log alone.

    Args:
        bucket_ms: length of a cohort; times between two cohorts need not be told apart.
    """

    def __init__(self, bucket_ms: int) -> None:
        self._bucket_ms = bucket_ms
        self._reached: dict[int, deque[tuple[int, int]]] = {}
        """By partition: watermarks in whole cohorts, and the latest event when each was first reached; ascending."""

    def note(self, partition: int, fold: EvaluateFold) -> None:
        """Look at a partition's fold; to be called behind every record of match-scores."""
        reached_ms = fold.searches_watermark_ms // self._bucket_ms * self._bucket_ms
        known = self._reached.setdefault(partition, deque())
        if reached_ms >= 0 and (not known or reached_ms > known[-1][0]):
            known.append((reached_ms, fold.control(0, 0, idle=False).largest_time_ms))

    def at(self, clock_ms: int) -> int:
        """Give the latest event of any partition when all had passed a time; times must not go back."""
        latest_ms = 0
        for known in self._reached.values():
            while len(known) > 1 and known[0][0] < clock_ms:
                known.popleft()
            if known:
                latest_ms = max(latest_ms, known[0][1])
        return latest_ms
