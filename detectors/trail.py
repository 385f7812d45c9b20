"""The trail of a series at one horizon: exemplars and slices of the latest cohorts, and the slices before them.

    18 cohorts, one by one ─► 6 blocks of 18 cohorts ─► all earlier ones, fading

A change that took longer to find than the cohorts are kept one by one is still told from what was before it.
"""

from collections.abc import Mapping
from operator import add as plus
from typing import Final

import msgspec
from msgspec.structs import astuple

from detectors.bounded_values import bound_table
from schemas.rollup import LABEL_FREE, Exemplar, Rollup, SegmentCounts

KEPT_COHORTS: Final = 18
"""Cohorts whose exemplars and slices are kept one by one."""
BLOCK_COHORTS: Final = 18
KEPT_BLOCKS: Final = 6
"""With the cohorts kept one by one they go back as far as watches date a change."""
BLOCK_VALUES: Final = 100
"""Values of a dimension in a block; the rarest beyond it count as `other`."""
MEMORY_COHORTS: Final = 180
"""Mean age, in cohorts, of what the slices of cohorts before the blocks are weighted by."""

Counts = dict[str, dict[str, list[float]]]
"""Counters, in the order of SegmentCounts' fields, by dimension and value."""


class TrailCohort(msgspec.Struct, frozen=True):
    """What is kept of one cohort."""

    start_ms: int
    exemplars: list[Exemplar]
    segments: dict[str, dict[str, SegmentCounts]]
    shown_at: list[int] = []
    """Impressions by position; empty where no clicks are counted."""
    clicked_at: list[int] = []
    exposure: dict[str, int] = {}
    """Impressions by category of each item, where they are looked at."""


class TrailBlock(msgspec.Struct):
    """Sums over successive cohorts."""

    start_ms: int
    """Of the first of them."""
    cohorts: float = 0.0
    segments: Counts = {}
    shown_at: list[float] = []
    clicked_at: list[float] = []

    def take(self, cohort: TrailCohort) -> None:
        """Add a cohort."""
        self.cohorts += 1
        add(self.segments, cohort.segments)
        self.shown_at = _added(self.shown_at, cohort.shown_at)
        self.clicked_at = _added(self.clicked_at, cohort.clicked_at)

    def plus(self, other: "TrailBlock", decay: float = 1.0) -> "TrailBlock":
        """Give the sum with a later block, where this one fades by `decay`; values beyond the bound are `other`."""
        faded: Counts = {
            dimension: {
                value: [x * decay for x in counts] for value, counts in values.items() if counts[0] * decay > 0.01
            }
            for dimension, values in self.segments.items()
        }
        for dimension, values in other.segments.items():
            mine = faded.setdefault(dimension, {})
            for value, counts in values.items():
                mine[value] = list(map(plus, mine[value], counts)) if value in mine else list(counts)
        return TrailBlock(
            self.start_ms,
            self.cohorts * decay + other.cohorts,
            # Values come and go for hours before they fade: without a bound their union would be most of the state.
            {dimension: bound_table(values) for dimension, values in faded.items()},
            _added([x * decay for x in self.shown_at], other.shown_at),
            _added([x * decay for x in self.clicked_at], other.clicked_at),
        )


class Trail(msgspec.Struct):
    """What an alert shows besides its numbers."""

    cohorts: list[TrailCohort] = []
    earlier: Counts = {}
    earlier_cohorts: float = 0.0
    earlier_shown_at: list[float] = []
    earlier_clicked_at: list[float] = []
    blocks: list[TrailBlock] = []
    """Between `earlier` and `cohorts`; the last one may be short of cohorts still."""

    def take(self, rollup: Rollup, *, frozen: bool, segments: bool) -> None:
        """Add a cohort.

        Args:
            rollup: the cohort.
            frozen: leave what was before as it is, because an episode is on.
            segments: keep slices as well.
        """
        slices = rollup.segments if segments else {}
        positions = (rollup.shown_at, rollup.clicked_at) if segments and rollup.clicked_at else ([], [])
        exposure = rollup.exposure if segments and rollup.horizon_s == LABEL_FREE else {}
        self.cohorts.append(TrailCohort(rollup.cohort_start_ms, rollup.exemplars, slices, *positions, exposure))
        while len(self.cohorts) > KEPT_COHORTS:
            old = self.cohorts.pop(0)
            if segments and not frozen:
                self._put_into_block(old)

    def exemplars_since(self, start_ms: int) -> list[Exemplar]:
        """Give the exemplars of the cohorts from `start_ms` on."""
        return [x for cohort in self.cohorts if cohort.start_ms >= start_ms for x in cohort.exemplars]

    def around(self, start_ms: int) -> tuple[TrailBlock, TrailBlock]:
        """Give what was before `start_ms`, and what came from then on; a block astride of it belongs to neither."""
        before = TrailBlock(0, self.earlier_cohorts, {}, self.earlier_shown_at, self.earlier_clicked_at)
        before.segments = _copy(self.earlier)
        after = TrailBlock(start_ms)
        ends = [block.start_ms for block in self.blocks[1:]] + [x.start_ms for x in self.cohorts[:1]]
        for block, end_ms in zip(self.blocks, ends, strict=False):
            if end_ms <= start_ms:
                before = before.plus(block)
            elif block.start_ms >= start_ms:
                after = after.plus(block)
        for cohort in self.cohorts:
            (before if cohort.start_ms < start_ms else after).take(cohort)
        return before, after

    def _put_into_block(self, cohort: TrailCohort) -> None:
        if not self.blocks or self.blocks[-1].cohorts >= BLOCK_COHORTS:
            self.blocks.append(TrailBlock(cohort.start_ms))
        block = self.blocks[-1]
        block.take(cohort)
        block.segments = {dimension: bound_table(values, BLOCK_VALUES) for dimension, values in block.segments.items()}
        while len(self.blocks) > KEPT_BLOCKS:
            oldest = self.blocks.pop(0)
            decay = (1 - 1 / MEMORY_COHORTS) ** oldest.cohorts
            known = TrailBlock(0, self.earlier_cohorts, self.earlier, self.earlier_shown_at, self.earlier_clicked_at)
            total = known.plus(oldest, decay)
            self.earlier, self.earlier_cohorts = total.segments, total.cohorts
            self.earlier_shown_at, self.earlier_clicked_at = total.shown_at, total.clicked_at


def add(total: Counts, more: Mapping[str, Mapping[str, SegmentCounts]]) -> None:
    """Add counters to `total`, in place."""
    for dimension, values in more.items():
        mine = total.setdefault(dimension, {})
        for value, counts in values.items():
            known = mine.get(value)
            mine[value] = list(map(plus, known, astuple(counts))) if known is not None else list(astuple(counts))


def _copy(counts: Counts) -> Counts:
    return {dimension: {value: list(x) for value, x in values.items()} for dimension, values in counts.items()}


def _added(left: list[float], right: "list[float] | list[int]") -> list[float]:
    return list(map(plus, left, right)) if left and right else list(left or right)
