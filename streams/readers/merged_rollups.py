"""Rollups merged over partitions: the first of each, and how many repeats say something else."""

from collections.abc import Iterator
from typing import Final

import msgspec
import xxhash

from detectors.rollup_merge import merge
from schemas.rollup import Rollup, Sketch
from schemas.scores import Series

_encoder: Final = msgspec.msgpack.Encoder(order="deterministic")


class _Cohort(msgspec.Struct):
    """One cohort at one horizon."""

    merged: dict[Series, Rollup] = {}
    digests: dict[tuple[Series, int], int] = {}
    """Of the first rollup, by series and partition."""


class MergedRollups:
    """What is known of each cohort at each horizon.

    Args:
        segments: keep the counters by segment, by far the largest part.
    """

    def __init__(self, *, segments: bool = False) -> None:
        self._segments = segments
        self._cohorts: dict[tuple[int, int], _Cohort] = {}
        self._forgotten_ms: dict[int, int] = {}
        self.repeats = 0
        """Rollups that came again as they were: after a crash they are written twice."""
        self.differing = 0
        """Rollups that came again with other counts; the first of each counts."""

    def take(self, rollup: Rollup) -> None:
        """Add a rollup of one partition, unless it has come before."""
        if rollup.cohort_start_ms < self._forgotten_ms.get(rollup.horizon_s, rollup.cohort_start_ms):
            return
        cohort = self._cohorts.setdefault((rollup.horizon_s, rollup.cohort_start_ms), _Cohort())
        who, digest = (rollup.series, rollup.partition), _digest(rollup)
        known = cohort.digests.get(who)
        if known is not None:
            self.repeats += known == digest
            self.differing += known != digest
            return
        cohort.digests[who] = digest
        mine = self._slim(rollup)
        before = cohort.merged.get(rollup.series)
        cohort.merged[rollup.series] = mine if before is None else merge(before, mine)

    def horizons(self) -> list[int]:
        """Give every horizon that has rollups, ascending."""
        return sorted({horizon_s for horizon_s, _ in self._cohorts})

    def starts(self, horizon_s: int, through_ms: int) -> list[int]:
        """Give the cohorts of a horizon that start before a time, ascending."""
        return sorted(start for horizon, start in self._cohorts if horizon == horizon_s and start < through_ms)

    def rollups(self, horizon_s: int, start_ms: int) -> Iterator[Rollup]:
        """Give a cohort's rollups, in the order of their series."""
        merged = self._cohorts[horizon_s, start_ms].merged
        return (merged[series] for series in sorted(merged))

    def forget(self, horizon_s: int, before_ms: int) -> None:
        """Drop the cohorts that start before a time; what comes for them from now on is ignored."""
        for start_ms in self.starts(horizon_s, before_ms):
            del self._cohorts[horizon_s, start_ms]
        self._forgotten_ms[horizon_s] = max(before_ms, self._forgotten_ms.get(horizon_s, before_ms))

    def _slim(self, rollup: Rollup) -> Rollup:
        return msgspec.structs.replace(
            rollup,
            score_bins=[],
            clicked_score_bins=[],
            shown_at=[],
            clicked_at=[],
            unknown_share_bins=[],
            exemplars=[],
            segments=rollup.segments if self._segments else {},
        )


def _digest(rollup: Rollup) -> int:
    """Hash a rollup, whatever order its tables were filled in."""
    rest = msgspec.structs.replace(rollup, latency_ms=Sketch(), scoring_ms=Sketch())
    sketches = [(x.count, x.total, x.zeros, sorted(x.bins.items())) for x in (rollup.latency_ms, rollup.scoring_ms)]
    return xxhash.xxh3_64_intdigest(_encoder.encode((rest, sketches)))
