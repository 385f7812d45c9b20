"""Where a change sits: the share of it that each slice of the traffic accounts for."""

from collections.abc import Callable, Mapping
from typing import Final

from detectors.divergence import divergence_terms
from detectors.trail import Counts
from schemas.alerts import AlertSegment
from schemas.rollup import SegmentCounts

SHOWN: Final = 6
SMALLEST_SHARE: Final = 0.05

_FIELDS: Final = {name: i for i, name in enumerate(SegmentCounts.__struct_fields__)}
_Ratio = Callable[[list[float]], tuple[float, float]]


def _over(numerator: str, denominator: str) -> _Ratio:
    return lambda counts: (counts[_FIELDS[numerator]], counts[_FIELDS[denominator]])


def _accuracy(counts: list[float]) -> tuple[float, float]:
    concordant, discordant, tied = (counts[_FIELDS[name]] for name in ("concordant", "discordant", "tied"))
    return concordant + tied / 2, concordant + discordant + tied


_RATIOS: Final[Mapping[str, _Ratio]] = {
    "ctr": _over("clicks", "impressions"),
    "match_at_10": _over("match_total", "match_count"),
    "zero_result_rate": _over("zero_results", "searches"),
    "ctr_proxy_accuracy": _accuracy,
    "ctr_proxy_lift": _accuracy,
    "latency_p50": _over("latency_total_ms", "latency_count"),
    "latency_p95": _over("latency_total_ms", "latency_count"),
    "latency_p99": _over("latency_total_ms", "latency_count"),
}
_VOLUMES: Final[Mapping[str, str]] = {"search_rate": "searches", "click_rate": "clicks"}


def shares_of_change(
    signal: str, before: Counts, cohorts_before: float, after: Counts, cohorts_after: float
) -> list[AlertSegment]:
    """Split a signal's change over the slices of each dimension, largest share first.

    A slice with weight w and level r contributes w₁(r₁ − r₀) + (w₁ − w₀)(r₀ − R₀): what happened within it, and what
    its becoming larger or smaller did. Over the values of a dimension these add up to the whole change R₁ − R₀. The
    means of latency stand in for its quantiles, which do not add up; a divergence is the sum of its categories' terms.
    Signals that segments do not count give none.

    Args:
        signal: the signal's name.
        before: counters before the change.
        cohorts_before: how many cohorts they are of.
        after: counters since the change.
        cohorts_after: how many cohorts they are of.
    """
    if not cohorts_before or not cohorts_after:
        return []
    found = []
    for dimension in sorted({*before, *after}):
        old, new = before.get(dimension, {}), after.get(dimension, {})
        if signal in _RATIOS:
            parts = _ratio_parts(_RATIOS[signal], old, new)
        elif signal == "exposure_js":
            parts = _exposure_parts(old, new) if dimension == "category" else {}
        elif signal in _VOLUMES:
            field = _FIELDS[_VOLUMES[signal]]
            parts = {
                value: new.get(value, _NONE)[field] / cohorts_after - old.get(value, _NONE)[field] / cohorts_before
                for value in sorted({*old, *new})
            }
        else:
            return []
        whole = sum(parts.values())
        if whole:
            found += [AlertSegment(dimension, value, round(part / whole, 4)) for value, part in parts.items()]
    large = [segment for segment in found if segment.share_of_change >= SMALLEST_SHARE]
    return sorted(large, key=lambda x: (-x.share_of_change, x.name, x.value))[:SHOWN]


_NONE: Final = [0.0] * len(_FIELDS)


def _exposure_parts(old: dict[str, list[float]], new: dict[str, list[float]]) -> dict[str, float]:
    shown = _FIELDS["impressions"]
    before = {value: counts[shown] for value, counts in old.items()}
    after = {value: counts[shown] for value, counts in new.items()}
    if not sum(before.values()) or not sum(after.values()):
        return {}
    return divergence_terms(after, before)


def _ratio_parts(ratio: _Ratio, old: dict[str, list[float]], new: dict[str, list[float]]) -> dict[str, float]:
    values = sorted({*old, *new})
    before = {value: ratio(old.get(value, _NONE)) for value in values}
    after = {value: ratio(new.get(value, _NONE)) for value in values}
    weight_before = sum(denominator for _, denominator in before.values())
    weight_after = sum(denominator for _, denominator in after.values())
    if not weight_before or not weight_after:
        return {}
    level = sum(numerator for numerator, _ in before.values()) / weight_before
    parts = {}
    for value in values:
        (x0, m0), (x1, m1) = before[value], after[value]
        # A slice that is only in one of the two has no level of its own in the other: take the whole's.
        r0 = x0 / m0 if m0 else level
        r1 = x1 / m1 if m1 else r0
        w0, w1 = m0 / weight_before, m1 / weight_after
        parts[value] = w1 * (r1 - r0) + (w1 - w0) * (r0 - level)
    return parts
