"""Where a change sits: which slices of the traffic stand out among all that were looked at, and why.

A slice is named where more happened within it than within the others of its dimension, beyond what chance makes of so
many looks (Bonferroni over all slices of all dimensions), and at least twice as much. A change that is everywhere alike
names none. Where traffic moved between slices that stayed as they were, those are named that grew or shrank.
"""

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.mix_shift import mix_evidence, weight_evidence
from detectors.slice_changes import SliceChanges, take_apart
from detectors.slice_noise import upper_tail
from detectors.slice_table import SURFACE, SliceTable
from schemas.alerts import AlertSegment

SHOWN: Final = 6
SMALLEST_SHARE: Final = 0.05
"""A slice with less of the change explains nothing, however sure it is."""
ALPHA: Final = 0.01
"""Chance to name any slice where all have changed alike."""
STANDS_OUT: Final = 2.0
"""How many times as much must have happened within a slice as within the others. No two slices are quite alike, and
with enough traffic every difference is beyond chance."""
MOST_OF_IT: Final = 0.5
"""Part of the change that a shift of the mix must account for."""

Spread = Literal["everywhere", "slices", "mix", "unclear"]
Bools = NDArray[np.bool_]


class Explanation(NamedTuple):
    """Where a change sits."""

    spread: Spread
    """`everywhere`: slices have changed alike; `unclear`: too little traffic to tell, or slices do not count it."""
    segments: list[AlertSegment]
    """The slices that stand out, those first for which the evidence is strongest."""


class _Found(NamedTuple):
    evidence: float
    segment: AlertSegment


def explain(tables: Iterable[SliceTable], direction: Literal["up", "down"], surface: str = "") -> Explanation:
    """Say which slices a change sits in.

    Args:
        tables: one for each dimension, and perhaps one of the application's surfaces.
        direction: where the signal went.
        surface: the one that the change is on: what stands out on others is theirs to say.
    """
    sign = 1.0 if direction == "up" else -1.0
    parts = [changes for table in tables if (changes := take_apart(table)) is not None]
    looks = sum(len(changes.table.values) for changes in parts)
    mixed = [found for changes in parts for found in _mixed(changes, sign, looks, len(parts))]
    # A shift of the mix makes correlated dimensions differ as well: what explains most of it comes first.
    within = [found for changes in parts for found in _within(changes, sign, looks)]
    exposed = [found for changes in parts for found in _exposed(changes, looks)]
    found = [x.segment for group in (mixed, within + exposed) for x in sorted(group, key=_order)]
    segments = [x for x in found if x.name != SURFACE or x.value == surface][:SHOWN]
    if segments:
        return Explanation("mix" if mixed else "slices", segments)
    alike = any(_changed_slices(changes, sign, looks) >= 2 for changes in parts)
    return Explanation("everywhere" if alike else "unclear", [])


def _order(found: _Found) -> tuple[float, str, str]:
    return -found.evidence, found.segment.name, found.segment.value


def _changed_slices(changes: SliceChanges, sign: float, looks: int) -> int:
    if changes.table.kind == "exposure" or changes.table.dimension == SURFACE:
        return 0
    return sum(_p_value(float(evidence), looks) <= ALPHA for evidence in sign * changes.own_changes())


def _within(changes: SliceChanges, sign: float, looks: int) -> list[_Found]:
    """Name slices one after the other: each against those that have not been named yet."""
    if changes.table.kind == "exposure":
        return []
    left = np.ones(len(changes.table.values), dtype=bool)
    named: list[_Found] = []
    while left.sum() >= 2 and len(named) < SHOWN:
        evidence = sign * changes.contrasts(left)
        own, others = sign * changes.sizes(left)
        share = _shares(changes, changes.within)
        stands_out = left & (own > 0) & (own >= STANDS_OUT * others) & (share >= SMALLEST_SHARE)
        place = int(np.argmax(np.where(stands_out, evidence, -np.inf)))
        if not stands_out[place] or _p_value(float(evidence[place]), looks) > ALPHA:
            break
        left[place] = False
        named.append(_found(changes, place, "within", float(evidence[place]), looks))
    return named


def _mixed(changes: SliceChanges, sign: float, looks: int, dimensions: int) -> list[_Found]:
    """Name the slices whose growing or shrinking moved the level, where the mix of their dimension did most of it."""
    total = changes.total
    if changes.table.kind != "ratio" or changes.table.dimension == SURFACE:  # an alert is about one surface
        return []
    if sign * total <= 0 or changes.mix.sum() / total < MOST_OF_IT:
        return []
    if _p_value(sign * mix_evidence(changes), dimensions) > ALPHA:
        return []
    grown, share = weight_evidence(changes), _shares(changes, changes.mix)
    return [
        _found(changes, place, "mix", float(abs(grown[place])), looks)
        for place in range(len(grown))
        if share[place] >= SMALLEST_SHARE and _p_value(float(abs(grown[place])), looks) <= ALPHA
    ]


def _exposed(changes: SliceChanges, looks: int) -> list[_Found]:
    """Name categories that are shown more or less, each among those that have not been named yet."""
    if changes.table.kind != "exposure":
        return []
    left = np.ones(len(changes.table.values), dtype=bool)
    named: list[_Found] = []
    while left.sum() >= 2 and len(named) < SHOWN:
        evidence = np.abs(changes.contrasts(left))
        share = _shares(changes, changes.mix)
        place = int(np.argmax(np.where(left & (share >= SMALLEST_SHARE), evidence, -np.inf)))
        if not left[place] or share[place] < SMALLEST_SHARE or _p_value(float(evidence[place]), looks) > ALPHA:
            break
        left[place] = False
        named.append(_found(changes, place, "mix", float(evidence[place]), looks))
    return named


def _shares(changes: SliceChanges, part: NDArray[np.float64]) -> NDArray[np.float64]:
    total = changes.total
    return part / total if total else np.zeros_like(part)


def _found(changes: SliceChanges, place: int, kind: Literal["within", "mix"], evidence: float, looks: int) -> _Found:
    part, before, after = changes.within, changes.level_before, changes.level_after
    if kind == "mix":
        part, before, after = changes.mix, changes.weight_before, changes.weight_after
    segment = AlertSegment(
        name=changes.table.dimension,
        value=changes.table.values[place],
        share_of_change=round(float(part[place]) / changes.total, 4),
        kind=kind,
        before=float(f"{before[place]:.4g}"),
        after=float(f"{after[place]:.4g}"),
        n=round(float(changes.table.after[1][place])),
        p_value=float(f"{_p_value(evidence, looks):.2g}"),
    )
    return _Found(evidence, segment)


def _p_value(evidence: float, looks: int) -> float:
    """Give the chance that any of so many looks gives such evidence (Bonferroni)."""
    return min(1.0, looks * upper_tail(evidence))
