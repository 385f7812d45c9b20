"""The order in which detect hears of recomputed cohorts: by event time, however the partitions were read.

Live, rollups and controls reach detect as they come. Here a clock goes through event time cohort by cohort, and at
each step gives what is closed by then and one control for each partition: the same log gives the same records.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from detectors.decision_clock import GAP_S
from detectors.fold_settings import FoldSettings
from schemas.rollup import LABEL_FREE, Rollup, RollupControl
from streams.reprocess.span import Span


class Step(NamedTuple):
    """What belongs together: rollups, and behind them the controls that cover them."""

    rollups: list[Rollup]
    controls: list[RollupControl]


class DecisionOrder:
    """Keeps closed cohorts until all partitions have closed them.

    Args:
        settings: of the fold.
        span: cohorts outside are left out.
        partitions: how many there are.
        latest_event_ms: gives the latest event of any partition when all had passed a time.
    """

    def __init__(
        self, settings: FoldSettings, span: Span, partitions: int, latest_event_ms: Callable[[int], int]
    ) -> None:
        self._latest_event_ms = latest_event_ms
        self._bucket_ms = settings.bucket_ms
        self._lateness_ms = settings.lateness_ms
        self._horizons_s: Final = (LABEL_FREE, *settings.horizons_s)
        self._span = span
        self._partitions = partitions
        self._clock_ms = span.from_ms
        self._waiting: dict[tuple[int, int], list[Rollup]] = {}
        """By (horizon, start)."""

    def take(self, rollups: Iterable[Rollup]) -> None:
        """Keep the rollups of one partition."""
        for rollup in rollups:
            if rollup.cohort_start_ms < self._span.to_ms:
                self._waiting.setdefault((rollup.horizon_s, rollup.cohort_start_ms), []).append(rollup)

    @property
    def waiting(self) -> int:
        """Cohorts, at each horizon, that some partition has not closed yet."""
        return len(self._waiting)

    def closed_through_ms(self) -> dict[int, int]:
        """Give, by horizon, the time before which every cohort has been given out."""
        return {
            horizon_s: min(max(self._floor(self._clock_ms - horizon_s * 1000), self._span.from_ms), self._span.to_ms)
            for horizon_s in self._horizons_s
        }

    def steps(self, through_ms: Mapping[int, int]) -> Iterator[Step]:
        """Go on as far as all partitions have closed their cohorts.

        Args:
            through_ms: by horizon: every cohort that starts before it is closed.
        """
        ends = [
            through_ms[horizon_s] + horizon_s * 1000
            for horizon_s in self._horizons_s
            if through_ms[horizon_s] < self._span.to_ms
        ]
        last_ms = -(-self._horizons_s[-1] * 1000 // self._bucket_ms) * self._bucket_ms + self._span.to_ms
        limit_ms = self._floor(min([*ends, last_ms]))
        while self._clock_ms < limit_ms:
            self._clock_ms = self._next(limit_ms)
            yield self._step()

    def _step(self) -> Step:
        through_ms = self.closed_through_ms()
        due = sorted(key for key in self._waiting if key[1] < through_ms[key[0]])
        rollups = [
            rollup
            for key in due
            for rollup in sorted(self._waiting.pop(key), key=lambda rollup: (rollup.series, rollup.partition))
        ]
        # A watermark that was reached by events has them `lateness` ahead of it, and more in some log or other.
        latest_ms = min(self._clock_ms + self._lateness_ms, self._latest_event_ms(self._clock_ms))
        controls = [
            RollupControl(
                partition=number,
                partitions=self._partitions,
                closed_through_ms=through_ms,
                watermark_ms=self._clock_ms,
                largest_time_ms=latest_ms,
                idle=False,
                wall_ms=0,  # no clock was looked at
            )
            for number in range(self._partitions)
        ]
        return Step(rollups, controls)

    def _next(self, limit_ms: int) -> int:
        """Give the next step: one cohort on, or over a long time in which nothing was searched at all."""
        due = (start_ms + self._bucket_ms + horizon_s * 1000 for horizon_s, start_ms in self._waiting)
        next_ms = min(min(due, default=limit_ms), limit_ms)
        if next_ms - self._clock_ms > (GAP_S + self._horizons_s[-1]) * 1000:
            return -(-next_ms // self._bucket_ms) * self._bucket_ms
        return self._clock_ms + self._bucket_ms

    def _floor(self, time_ms: int) -> int:
        return time_ms // self._bucket_ms * self._bucket_ms
