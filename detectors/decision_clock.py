"""When which cohort is decided: as soon as it is complete, and while nothing comes at all, by the wall clock.

controls ─► frontier ─► complete through … ─► cohorts in order, with those between that nothing came for
└─► silence ─► now, by the wall clock ─► cohorts after the latest event
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from detectors.frontier import Frontier
from detectors.pending_rollups import PendingRollups
from detectors.silence import Silence
from schemas.rollup import LABEL_FREE, RollupControl

GAP_S: Final = 3600
"""A gap in the log longer than this, crossed at once, is no silence of the shop but another recording."""


class Completed(NamedTuple):
    """What has become complete."""

    cohorts: list[tuple[int, int]]
    """(start, horizon) of each cohort to decide, in order."""
    gaps: list[int]
    """Where another recording began, if any did: what was seen before each of these times is of the one before."""


class DecisionClock:
    """Says which cohorts are due; nothing in it goes back.

    Args:
        bucket_s: length of a cohort.
        accept_s: so far back, at most, silence is looked at.
    """

    def __init__(self, bucket_s: int, accept_s: int) -> None:
        self._bucket_s = bucket_s
        self._bucket_ms = bucket_s * 1000
        self._accept_ms = accept_s * 1000
        self._frontier = Frontier()
        self._silence = Silence()
        self._next_ms: dict[int, int] = {}
        self._silent_through_ms = 0

    @property
    def largest_time_ms(self) -> int:
        """Latest event time of all partitions; 0 before the first."""
        return self._frontier.largest_time_ms

    @property
    def decided_through_ms(self) -> dict[int, int]:
        """By horizon: every cohort that starts before it has been decided."""
        return dict(self._next_ms)

    def take(self, control: RollupControl) -> None:
        """Learn how far a partition has come."""
        self._frontier.take(control)
        self._silence.observe(self._frontier)

    def completed(self, pending: PendingRollups) -> Completed:
        """Give what is to be decided now, and move on behind it.

        Args:
            pending: what waits; it is told through when cohorts have been decided.
        """
        cohorts: list[tuple[int, int]] = []
        gaps: list[int] = []
        for horizon_s in self._frontier.horizons():
            through_ms = self._frontier.complete_through_ms(horizon_s)
            if through_ms is None:
                continue
            waiting = [start for start in pending.cohorts(horizon_s) if start < through_ms]
            next_ms = self._next_ms.get(horizon_s)
            if next_ms is None:
                if not waiting:
                    continue
                next_ms = waiting[0]
            for start_ms in [*waiting, max(through_ms, next_ms)]:
                if start_ms - next_ms > GAP_S * 1000:
                    gaps.append(next_ms)
                    next_ms = start_ms
                cohorts += [(filled, horizon_s) for filled in range(next_ms, start_ms, self._bucket_ms)]
                next_ms = max(next_ms, start_ms)
                if start_ms < through_ms:
                    cohorts.append((start_ms, horizon_s))
                    next_ms = start_ms + self._bucket_ms
            self._next_ms[horizon_s] = max(next_ms, self._next_ms.get(horizon_s, next_ms))
            pending.decided_through(horizon_s, self._next_ms[horizon_s], self._bucket_s)
        return Completed(sorted(cohorts), gaps)

    def silent_cohorts(self) -> range:
        """Give the starts of the cohorts after the latest event that are to be decided while nothing comes at all."""
        now_ms = self._silence.now_ms(self._frontier)
        if now_ms is None:
            return range(0)
        bucket_ms = self._bucket_ms
        first = -(-self._frontier.largest_time_ms // bucket_ms) * bucket_ms
        first = max(first, self._silent_through_ms, now_ms // bucket_ms * bucket_ms - self._accept_ms)
        starts = range(first, now_ms - bucket_ms + 1, bucket_ms)
        if starts:
            self._silent_through_ms = starts[-1] + bucket_ms
        return starts

    def may_miss_searches(self, start_ms: int, horizon_s: int) -> bool:
        """Whether a cohort without searches means anything: zeros of a silence have been judged already."""
        # Behind the latest event nobody can have searched yet: the log has ended, or only its clock goes on.
        return start_ms + self._bucket_ms <= self._frontier.largest_time_ms and (
            horizon_s != LABEL_FREE or start_ms >= self._silent_through_ms
        )

    def state(self) -> dict[str, Any]:
        """Give everything as plain numbers."""
        return {
            "frontier": msgspec.to_builtins(self._frontier),
            "silence": msgspec.to_builtins(self._silence),
            "next_ms": dict(self._next_ms),
            "silent_through_ms": self._silent_through_ms,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up where another one gave its `state`, whatever else stands beside it."""
        self._frontier = msgspec.convert(state["frontier"], Frontier)
        self._silence = msgspec.convert(state["silence"], Silence)
        self._next_ms = {int(horizon_s): start for horizon_s, start in state["next_ms"].items()}
        self._silent_through_ms = state["silent_through_ms"]
