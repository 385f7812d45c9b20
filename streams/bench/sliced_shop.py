"""A shop's rollups with slices that differ, and a fault in one of them: what `bench localize` looks at.

Everything is drawn at once with NumPy, search by search: device, locale and category (of which some languages like
some more), how keen on clicking this person is, and clicks by position. Then it is added up as evaluate does.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.groups import sum_by_group
from schemas.rollup import (
    LABEL_FREE,
    POSITION_SLOTS,
    Clicks,
    Moments,
    Rollup,
    RollupControl,
    SegmentCounts,
    Sketch,
)
from schemas.scores import Series

SURFACES: Final = ("ads", "recommendation", "search", "support")
CLICKS_COHORTS: Final = 6
"""How much later the clicks of a cohort are known."""
DIMENSIONS: Final[Mapping[str, int]] = {"device": 3, "locale": 6, "category": 20}
"""How many values each has."""
POSITIONS: Final = 12
BUCKET_S: Final = 10
_GAMMA: Final = 1.01 / 0.99
_KEENNESS: Final = 3.0
"""Shape of the gamma distribution of people's keenness: its variance is a third of its squared mean."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Rows = dict[str, NDArray[Any]]
Signal = Literal["ctr", "match_at_10", "latency_p95", "zero_result_rate", "search_rate"]


@dataclass(frozen=True)
class Fault:
    """What goes wrong, from `at_s` on."""

    signal: Signal
    kind: Literal["slice", "everywhere", "mix"]
    size: float
    """Part of the clicks, of the match probability or of the searches that is lost; how much slower; how many more
    searches find nothing. Of a mix: which part of the other searches comes from the slice instead."""
    dimension: str = ""
    value: int = 0
    at_s: int = 0
    """Seconds from the beginning."""


@dataclass
class SlicedShop:
    """A run of the shop; equal arguments give equal records."""

    seed: int
    fault: Fault
    rate: float = 60.0
    """Searches a second over all surfaces."""
    end_s: int = 3000
    surfaces: tuple[str, ...] = ("search",)
    start_ms: int = 1_795_428_000_000
    _rng: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng([self.seed, 11])
        rng = self._rng
        sizes = {**DIMENSIONS, "surface": len(self.surfaces)}
        self.shares = {name: self._parts(size) for name, size in sizes.items()}
        self.taste = {name: rng.uniform(0.6, 1.6, size) for name, size in sizes.items()}
        """How much more or less people click in each slice."""
        self._likes = rng.uniform(0.5, 2.0, (DIMENSIONS["locale"], DIMENSIONS["category"]))

    def size(self, dimension: str) -> int:
        """Give how many values a dimension has."""
        return POSITIONS if dimension == "position" else len(self.shares[dimension])

    def share(self, dimension: str, value: int) -> float:
        """Give which part of the searches (of the impressions, by position) a slice has."""
        return 1 / POSITIONS if dimension == "position" else float(self.shares[dimension][value])

    def records(self) -> Iterator[Rollup | RollupControl]:
        """Give the log: cohort by cohort, label-free and with the clicks of 60 s, then a control."""
        searches, kinds = self._draw(), len(self.surfaces)
        cohorts = self.end_s // BUCKET_S
        slot = searches["cohort"] * kinds + searches["surface"]
        order = np.argsort(slot, kind="stable")
        searches = {name: column[order] for name, column in searches.items()}
        ends = np.searchsorted(slot[order], np.arange(cohorts * kinds + 1)).tolist()
        waiting: list[list[Rollup]] = []
        for cohort in range(cohorts + CLICKS_COHORTS):
            start_ms = self.start_ms + cohort * BUCKET_S * 1000
            plain, clicked = [], []
            for number in range(kinds) if cohort < cohorts else ():
                first, end = ends[cohort * kinds + number : cohort * kinds + number + 2]
                if end > first:
                    rows = {name: column[first:end] for name, column in searches.items()}
                    label_free = _label_free(rows, Series("shop", self.surfaces[number], "*", "*"), start_ms)
                    plain.append(label_free)
                    clicked.append(_labelled(label_free, rows))
            waiting.append(clicked)
            yield from plain
            yield from waiting[cohort - CLICKS_COHORTS] if cohort >= CLICKS_COHORTS else ()
            end_ms = start_ms + BUCKET_S * 1000
            closed = {0: end_ms, 60: end_ms - CLICKS_COHORTS * BUCKET_S * 1000}
            yield RollupControl(0, 1, closed, end_ms, min(end_ms, self.start_ms + self.end_s * 1000) - 1, False, end_ms)

    def _parts(self, size: int) -> Floats:
        """Draw what part of the traffic each value has: some large, most small, as in any shop."""
        parts = self._rng.dirichlet(np.full(size, 1.5)) + 0.2 / size
        found: Floats = parts / parts.sum()
        return found

    def _draw(self) -> Rows:
        rng, fault = self._rng, self.fault
        count = int(rng.poisson(self.rate * self.end_s))
        second = np.sort(rng.random(count)) * self.end_s
        since = second >= fault.at_s
        columns: dict[str, Ints] = {
            name: rng.choice(len(parts), count, p=parts) for name, parts in self.shares.items() if name != "category"
        }
        by_locale = self.shares["category"] * self._likes
        edges = np.cumsum(by_locale / by_locale.sum(axis=1, keepdims=True), axis=1)
        columns["category"] = (rng.random(count)[:, None] > edges[columns["locale"]][:, :-1]).sum(axis=1)
        if fault.kind == "mix":
            moved = since & (rng.random(count) < fault.size)
            columns[fault.dimension][moved] = fault.value
        hit = since & (fault.kind != "mix")
        if fault.kind == "slice" and fault.dimension != "position":
            hit &= columns[fault.dimension] == fault.value
        lost = np.where(hit, fault.size, 0.0)
        if fault.signal == "search_rate":
            keep = rng.random(count) >= lost
            second, lost, since = second[keep], np.zeros(int(keep.sum())), since[keep]
            columns = {name: column[keep] for name, column in columns.items()}
            count = len(second)
        zero, less, slower = (
            lost if fault.signal == name else np.zeros(count)
            for name in ("zero_result_rate", "match_at_10", "latency_p95")
        )
        keen = rng.gamma(_KEENNESS, 1 / _KEENNESS, count)
        for name, taste in self.taste.items():
            keen *= taste[columns[name]]
        chance = 0.16 / np.arange(2, POSITIONS + 2) ** 0.6 * np.minimum(keen, 4.0)[:, None]
        if fault.signal == "ctr":
            places = np.ones(POSITIONS, dtype=bool)
            if fault.dimension == "position" and fault.kind == "slice":
                places = np.arange(POSITIONS) == fault.value
            chance = chance * (1 - lost[:, None] * places)
        empty = rng.random(count) < 0.01 + zero
        return {
            **columns,
            "cohort": (second // BUCKET_S).astype(np.int64),
            "empty": empty,
            "clicked": (rng.random((count, POSITIONS)) < chance) & ~empty[:, None],
            "match": np.clip(rng.normal(0.78, 0.12, count) - less * 0.78, 0, 1),
            "latency": rng.lognormal(np.log(40.0), 0.5, count) * (1 + slower),
        }


def _label_free(rows: Rows, series: Series, start_ms: int) -> Rollup:
    count, pages = len(rows["cohort"]), int((~rows["empty"]).sum())
    bins, in_bin = np.unique(np.ceil(np.log(rows["latency"]) / np.log(_GAMMA)).astype(int), return_counts=True)
    match = rows["match"][~rows["empty"]]
    segments = _segments(rows, np.zeros(count))
    return Rollup(
        series,
        start_ms,
        BUCKET_S,
        LABEL_FREE,
        0,
        searches=count,
        impressions=pages * POSITIONS,
        zero_results=count - pages,
        tokens=3 * count,
        latency_ms=Sketch(
            count, float(rows["latency"].sum()), 0, dict(zip(bins.tolist(), in_bin.tolist(), strict=True))
        ),
        match_at_10=Moments(pages, float(match.sum()), float((match**2).sum())),
        shown_at=_by_position(np.full(POSITIONS, pages)),
        exposure={name: x.impressions for name, x in segments["category"].items() if x.impressions},
        segments=segments,
    )


def _labelled(label_free: Rollup, rows: Rows) -> Rollup:
    clicks = rows["clicked"].sum(axis=1)
    total = int(clicks.sum())
    clicked_searches, squares = int((clicks > 0).sum()), int((clicks**2).sum())
    return msgspec.structs.replace(
        label_free,
        horizon_s=60,
        labels=Clicks(total, 0, clicked_searches, squares, total * POSITIONS, label_free.impressions * POSITIONS),
        clicked_at=_by_position(rows["clicked"].sum(axis=0)),
        segments=_segments(rows, clicks),
    )


def _segments(rows: Rows, clicks: NDArray[Any]) -> dict[str, dict[str, SegmentCounts]]:
    ones, shown = np.ones(len(clicks)), ~rows["empty"]
    columns = [ones, shown * POSITIONS, clicks, rows["empty"], ones, rows["latency"], shown, rows["match"] * shown]
    segments: dict[str, dict[str, SegmentCounts]] = {}
    for dimension, size in DIMENSIONS.items():
        sums = sum_by_group(rows[dimension].astype(np.int64), size, columns).tolist()
        segments[dimension] = {
            f"{dimension}-{value}": SegmentCounts(
                int(x[0]), int(x[1]), int(x[2]), int(x[3]), int(x[4]), x[5], int(x[6]), x[7]
            )
            for value, x in enumerate(sums)
            if x[0]
        }
    return segments


def _by_position(counts: NDArray[Any]) -> list[int]:
    return [*counts.tolist(), *[0] * (POSITION_SLOTS - POSITIONS)]
