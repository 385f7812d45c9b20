"""What the drill-down looks at: a signal's numerators and denominators by slice, before a change and since."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from msgspec.structs import astuple
from numpy.typing import NDArray

from detectors.trail import Trail, TrailBlock, TrailCohort
from schemas.rollup import POSITION_SLOTS, SegmentCounts

Floats = NDArray[np.float64]
POSITION: Final = "position"
SURFACE: Final = "surface"

_FIELDS: Final = {name: i for i, name in enumerate(SegmentCounts.__struct_fields__)}
_Slices = Mapping[str, Sequence[float]]
_Ratio = Callable[[Sequence[float]], tuple[float, float]]


@dataclass(frozen=True)
class Noise:
    """How a slice's ratio scatters, and when slices have changed alike."""

    variance: Literal["share", "count", "squared", "constant"]
    """Of the ratio over one unit of denominator, by its level p: p(1 − p), p, p², or 1, each times a factor that the
    drill-down learns from how cohorts scatter."""
    relative: bool
    """Slices that lost the same part of their level have changed alike; else those that lost the same."""


@dataclass(frozen=True)
class SliceTable:
    """One dimension; arrays are of shape (values,), those of cohorts of shape (cohorts, values)."""

    dimension: str
    values: list[str]
    before: tuple[Floats, Floats]
    """Numerators and denominators."""
    after: tuple[Floats, Floats]
    cohorts: tuple[Floats, Floats]
    """Of those that are kept one by one, in order of time."""
    changed_at: int
    """Index of the first of them since the change."""
    noise: Noise
    kind: Literal["ratio", "volume", "exposure"] = "ratio"
    """Of volumes the denominator is time, the same for all slices; of exposure it is what all slices were shown."""


def _over(numerator: str, denominator: str) -> _Ratio:
    return lambda counts: (counts[_FIELDS[numerator]], counts[_FIELDS[denominator]])


def _accuracy(counts: Sequence[float]) -> tuple[float, float]:
    concordant, discordant, tied = (counts[_FIELDS[name]] for name in ("concordant", "discordant", "tied"))
    return concordant + tied / 2, concordant + discordant + tied


# What makes people click less takes a part of every slice's clicks: lower positions had few to begin with.
_CLICKS: Final = (_over("clicks", "impressions"), Noise("share", relative=True))
_ACCURACY: Final = (_accuracy, Noise("share", relative=False))
_LATENCY: Final = (_over("latency_total_ms", "latency_count"), Noise("squared", relative=True))
_RATIOS: Final[Mapping[str, tuple[_Ratio, Noise]]] = {
    "ctr": _CLICKS,
    "coec": _CLICKS,
    "match_at_10": (_over("match_total", "match_count"), Noise("constant", relative=False)),
    "zero_result_rate": (_over("zero_results", "searches"), Noise("share", relative=False)),
    "ctr_proxy_accuracy": _ACCURACY,
    "ctr_proxy_lift": _ACCURACY,
    "latency_p50": _LATENCY,
    "latency_p95": _LATENCY,
    "latency_p99": _LATENCY,
}
_VOLUMES: Final[Mapping[str, str]] = {"search_rate": "searches", "click_rate": "clicks"}
_BY_POSITION: Final = frozenset({"ctr", "click_rate"})


def slice_tables(signal: str, trail: Trail, start_ms: int) -> list[SliceTable]:
    """Give a table for each dimension that a series' trail counts by, in order of name.

    The means of latency stand in for its quantiles, which do not add up. Signals that slices do not count give none,
    nor is there one where nothing is known before `start_ms` or since.

    Args:
        signal: the signal's name.
        trail: of the series, at the alert's horizon.
        start_ms: estimated time of the change.
    """
    before, after = trail.around(start_ms)
    if not before.cohorts or not after.cohorts:
        return []
    tables = []
    for dimension in [*sorted({*before.segments, *after.segments}), POSITION]:
        if dimension == POSITION and signal not in _BY_POSITION:
            continue
        sides = [_pairs(signal, _slices(block, dimension), block.cohorts) for block in (before, after)]
        singles = [_pairs(signal, _slices_of(cohort, dimension), 1) for cohort in trail.cohorts]
        if sides[0] or sides[1]:
            changed_at = sum(cohort.start_ms < start_ms for cohort in trail.cohorts)
            tables.append(_table(signal, dimension, sides, singles, changed_at))
    return tables


def exposure_table(trail: Trail, reference: Mapping[str, float], start_ms: int) -> SliceTable | None:
    """Give a table of what was shown, item by item, by category; None where nothing was shown on one of the sides.

    Args:
        trail: of the series, without clicks.
        reference: impressions by category that the signal compares with.
        start_ms: estimated time of the change.
    """
    after: dict[str, float] = {}
    for cohort in trail.cohorts:
        for name, shown in cohort.exposure.items() if cohort.start_ms >= start_ms else ():
            after[name] = after.get(name, 0.0) + shown
    if not sum(after.values()) or not sum(reference.values()):
        return None
    before, since = (_with_whole(side) for side in (reference, after))
    singles = [_with_whole(cohort.exposure) for cohort in trail.cohorts]
    changed_at = sum(cohort.start_ms < start_ms for cohort in trail.cohorts)
    return _table("exposure_js", "category", (before, since), singles, changed_at)


def _with_whole(shown: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    whole = float(sum(shown.values()))
    return {name: (count, whole) for name, count in shown.items()}


def surface_table(signal: str, trails: Mapping[str, Trail], start_ms: int) -> SliceTable | None:
    """Give a table of the surfaces of an application, by their trails; None where fewer than two can be compared."""
    around = {name: trail.around(start_ms) for name, trail in trails.items()}
    before = {name: _whole(signal, sides[0]) for name, sides in around.items() if sides[0].cohorts}
    after = {name: _whole(signal, sides[1]) for name, sides in around.items() if sides[1].cohorts}
    values = sorted(name for name in before if before[name] is not None and after.get(name) is not None)
    if len(values) < 2:
        return None
    # A surface with few searches has gaps, so the cohorts that are kept of it go back further.
    first = max(min(cohort.start_ms for cohort in trails[name].cohorts) for name in values)
    starts = sorted({x.start_ms for name in values for x in trails[name].cohorts if x.start_ms >= first})
    place = {start: i for i, start in enumerate(starts)}
    singles: list[dict[str, tuple[float, float]]] = [{} for _ in starts]
    for name in values:
        for cohort in (x for x in trails[name].cohorts if x.start_ms >= first):
            block = TrailBlock(cohort.start_ms)
            block.take(cohort)
            found = _whole(signal, block)
            if found is not None:
                singles[place[cohort.start_ms]][name] = found
    sides = [{name: x for name in values if (x := side[name]) is not None} for side in (before, after)]
    return _table(signal, SURFACE, sides, singles, sum(start < start_ms for start in starts))


def _table(
    signal: str,
    dimension: str,
    sides: Sequence[Mapping[str, tuple[float, float]]],
    singles: Sequence[Mapping[str, tuple[float, float]]],
    changed_at: int,
) -> SliceTable:
    values, nothing = sorted({*sides[0], *sides[1]}), (0.0, 0.0)
    before, after = (np.array([side.get(value, nothing) for value in values], dtype=float).T for side in sides)
    cohorts = np.array([[single.get(value, nothing) for value in values] for single in singles], dtype=float)
    cohorts = cohorts.reshape(len(singles), len(values), 2)
    if signal in _VOLUMES:
        kind, noise = "volume", Noise("count", relative=True)
        cohorts[:, :, 1] = 1.0  # a slice without any search had as much time as the others
        for side in (before, after):
            side[1] = np.where(side[1] > 0, side[1], side[1].max())
    elif signal == "exposure_js":
        kind, noise = "exposure", Noise("share", relative=False)
        for side in (before, after):
            side[1] = side[1].max()
        cohorts[:, :, 1] = cohorts[:, :, 1].max(axis=1, keepdims=True)
    else:
        kind, noise = "ratio", _RATIOS[signal][1]
    return SliceTable(
        dimension,
        values,
        (before[0], before[1]),
        (after[0], after[1]),
        (cohorts[:, :, 0], cohorts[:, :, 1]),
        changed_at,
        noise,
        kind,  # type: ignore[arg-type]  # a text that is one of the kinds
    )


def _pairs(signal: str, slices: _Slices, cohorts: float) -> dict[str, tuple[float, float]]:
    """Give numerator and denominator of each slice; none where slices do not count the signal."""
    if signal in _RATIOS:
        ratio = _RATIOS[signal][0]
        return {value: ratio(counts) for value, counts in slices.items()}
    if signal in _VOLUMES:
        field = _FIELDS[_VOLUMES[signal]]
        return {value: (counts[field], cohorts) for value, counts in slices.items()}
    return {}


def _whole(signal: str, block: TrailBlock) -> tuple[float, float] | None:
    """Add all slices up: those of any dimension are the whole."""
    dimension = min(block.segments, default=POSITION)
    pairs = _pairs(signal, _slices(block, dimension), block.cohorts)
    if not pairs:
        return None
    x, m = (sum(column) for column in zip(*pairs.values(), strict=True))
    m = block.cohorts if signal in _VOLUMES else m
    return (x, m) if m else None


def _slices(block: TrailBlock, dimension: str) -> _Slices:
    return _positions(block.shown_at, block.clicked_at) if dimension == POSITION else block.segments.get(dimension, {})


def _slices_of(cohort: TrailCohort, dimension: str) -> _Slices:
    if dimension == POSITION:
        return _positions(cohort.shown_at, cohort.clicked_at)
    return {value: astuple(counts) for value, counts in cohort.segments.get(dimension, {}).items()}


def _positions(shown_at: Sequence[float], clicked_at: Sequence[float]) -> dict[str, list[float]]:
    slices: dict[str, list[float]] = {}
    for place, (shown, clicked) in enumerate(zip(shown_at, clicked_at, strict=False), start=1):
        counts = [0.0] * len(_FIELDS)
        counts[_FIELDS["impressions"]], counts[_FIELDS["clicks"]] = shown, clicked
        slices[f"{place}+" if place == POSITION_SLOTS else str(place)] = counts
    return slices
