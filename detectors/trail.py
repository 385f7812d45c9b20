"""The trail of a series at one horizon: exemplars and segments of the latest cohorts, and the segments before them."""

from collections.abc import Sequence
from typing import Final

import msgspec

from detectors.bounded_values import bound_table
from schemas.rollup import Exemplar, Rollup, SegmentCounts

KEPT_COHORTS: Final = 18
"""Cohorts whose exemplars and segments are kept one by one."""
MEMORY_COHORTS: Final = 180
"""Mean age, in cohorts, of what the segments of earlier cohorts are weighted by."""

Counts = dict[str, dict[str, list[float]]]
"""Counters, in the order of SegmentCounts' fields, by dimension and value."""


class TrailCohort(msgspec.Struct, frozen=True):
    """What is kept of one cohort."""

    start_ms: int
    exemplars: list[Exemplar]
    segments: Counts


class Trail(msgspec.Struct):
    """What an alert shows besides its numbers."""

    cohorts: list[TrailCohort] = []
    earlier: Counts = {}
    earlier_cohorts: float = 0.0

    def take(self, rollup: Rollup, *, frozen: bool, segments: bool) -> None:
        """Add a cohort.

        Args:
            rollup: the cohort.
            frozen: leave `earlier` as it is, because an episode is on.
            segments: keep segments as well.
        """
        counts = _segment_counts(rollup) if segments else {}
        self.cohorts.append(TrailCohort(rollup.cohort_start_ms, rollup.exemplars, counts))
        while len(self.cohorts) > KEPT_COHORTS:
            old = self.cohorts.pop(0)
            if segments and not frozen:
                self._age(old.segments)

    def exemplars_since(self, start_ms: int) -> list[Exemplar]:
        """Give the exemplars of the cohorts from `start_ms` on."""
        return [x for cohort in self.cohorts if cohort.start_ms >= start_ms for x in cohort.exemplars]

    def segments_around(self, start_ms: int) -> tuple[Counts, float, Counts, float]:
        """Give segment counts and number of cohorts, before `start_ms` and from then on."""
        before, after = _copy(self.earlier), Counts()
        cohorts_before, cohorts_after = self.earlier_cohorts, 0.0
        for cohort in self.cohorts:
            if cohort.start_ms < start_ms:
                add(before, cohort.segments)
                cohorts_before += 1
            else:
                add(after, cohort.segments)
                cohorts_after += 1
        return before, cohorts_before, after, cohorts_after

    def _age(self, segments: Counts) -> None:
        decay = 1 - 1 / MEMORY_COHORTS
        self.earlier_cohorts = self.earlier_cohorts * decay + 1
        aged = {
            dimension: {
                value: [x * decay for x in counts] for value, counts in values.items() if counts[0] * decay > 0.01
            }
            for dimension, values in self.earlier.items()
        }
        add(aged, segments)
        # Values come and go for hours before they fade: without a bound their union would be most of the state.
        self.earlier = {dimension: bound_table(values) for dimension, values in aged.items()}


def add(total: Counts, more: Counts) -> None:
    """Add counters to `total`, in place."""
    for dimension, values in more.items():
        mine = total.setdefault(dimension, {})
        for value, counts in values.items():
            mine[value] = [a + b for a, b in zip(mine.get(value, [0] * len(counts)), counts, strict=True)]


def _copy(counts: Counts) -> Counts:
    return {dimension: {value: list(x) for value, x in values.items()} for dimension, values in counts.items()}


def _segment_counts(rollup: Rollup) -> Counts:
    return {
        dimension: {value: _numbers(counts) for value, counts in values.items()}
        for dimension, values in rollup.segments.items()
    }


def _numbers(counts: SegmentCounts) -> list[float]:
    return list(msgspec.structs.astuple(counts))


def choose_exemplars(signal: str, exemplars: Sequence[Exemplar], wanted: int = 3) -> list[Exemplar]:
    """Pick the searches that show best what a signal lost, at most `wanted`; ties by the hash of their ids."""
    return sorted(exemplars, key=lambda exemplar: (_merit(signal, exemplar), exemplar.id_hash))[:wanted]


def _merit(signal: str, exemplar: Exemplar) -> tuple[float, ...]:
    scored = [score for score in exemplar.scores if score is not None]
    mean = sum(scored) / len(scored) if scored else float("inf")
    if signal == "zero_result_rate":
        return (len(exemplar.scores),)
    if signal in {"ctr", "click_rate"}:
        return (len(exemplar.clicked), mean)
    if signal in {"match_at_10", "ctr_proxy_accuracy", "ctr_proxy_lift"}:
        return (mean,)
    return ()
