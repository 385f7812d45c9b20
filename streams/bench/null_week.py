"""A week of the simulated shop in which nothing goes wrong, as rollups.

To simulate, score and fold weeks event by event would take days. So some thousand pages are simulated, scored and
counted by evaluate, each alone in its cohort; a week's cohorts are sums of pages drawn from them, as many as the
simulated shop has at that time of day. What the default rules do not look at is left out.
"""

import asyncio
import math
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from detectors.detect_fold import DetectFold
from detectors.detect_fold_settings import DetectFoldSettings
from detectors.outputs import Transition
from schemas.config import parse_settings
from schemas.rollup import Clicks, Moments, Pairs, Rollup, RollupControl, Sketch
from schemas.scores import Series
from streams.backtest.findings import Findings
from streams.backtest.folder_log import FolderLog
from streams.backtest.over_folder import backtest_folder
from streams.reprocess.recount import Decided
from streams.reprocess.span import Span
from streams.shop.recording import record
from streams.shop.settings import DEFAULT_START_MS, SimulationSettings

BUCKET_S: Final = 60
"""Longer cohorts than by default: a week of them costs a sixth, and rules pool cohorts anyway."""
RATE: Final = 2.0
"""Searches a second over all surfaces."""
WEEK_S: Final = 7 * 24 * 3600
HORIZON_S: Final = 60
SURFACES: Final = {"search": 0.72, "recommendation": 0.18, "ads": 0.06, "support": 0.04}
_PAGES_RATE: Final = 1.0
_SEASON: Final = 0.25
_QUIET_HOUR_S: Final = 4 * 3600
_COUNTS: Final = ("impressions", "zero_results", "unscored_searches", "missing_titles", "tokens", "unknown_tokens")
_GROUPS: Final = ("labels", "pairs", "shown_pairs")


class Pages(NamedTuple):
    """Pages of one surface, one a row."""

    counts: npt.NDArray[np.float64]
    """`_COUNTS`, the moments of match_at_10, and the fields of `_GROUPS`."""
    latency: npt.NDArray[np.int64]
    """Number of each page's latency bin in `bins`."""
    bins: list[int]
    exposure: npt.NDArray[np.float64]
    categories: list[str]


def false_alarms(seed: list[int], pages: dict[str, Pages], days: int = 7) -> list[str]:
    """Give what fires of the default rules in some days in which nothing goes wrong: rule and surface of each."""
    fold = DetectFold(DetectFoldSettings(bucket_s=BUCKET_S))
    outputs = (
        output
        for offset, one in enumerate(week_log(np.random.default_rng(seed), pages, days))
        for output in fold.apply(one, offset)
    )
    return [
        f"{one.data.rule} on {one.data.series.surface}"
        for one in outputs
        if isinstance(one, Transition) and one.data.status == "firing" and not one.data.repeat
    ]


def count_pages(seed: int, minutes: float = 90.0) -> dict[str, Pages]:
    """Simulate some minutes of a seed's shop, score them, and count its pages, by surface."""
    settings = parse_settings(
        {"kafka": {"partitions": 1}, "fold": {"horizons_s": [HORIZON_S], "bucket_s": 1}, "rules": []}, {}
    )
    alone = _Alone()
    with tempfile.TemporaryDirectory(prefix="matchwatch-bench-") as folder:
        record(SimulationSettings(rate=_PAGES_RATE, minutes=minutes, seed=seed), Path(folder))
        log = FolderLog.open(Path(folder), settings.kafka)
        asyncio.run(backtest_folder(log, settings, Span.of(0, None, 1), alone, lambda _: None))
    return {surface: _pages(alone.rollups[surface]) for surface in SURFACES}


class _Alone(Findings):
    """Keeps the rollups of pages that were alone in their cohort."""

    def __init__(self) -> None:
        super().__init__()
        self.rollups: dict[str, list[Rollup]] = {surface: [] for surface in SURFACES}

    async def take(self, decided: Sequence[Decided]) -> None:
        await super().take(decided)
        for records, _ in decided:
            for one in records:
                if isinstance(one, Rollup) and (one.searches, one.horizon_s) == (1, HORIZON_S) and _is_whole(one):
                    self.rollups[one.series.surface].append(one)


def _is_whole(rollup: Rollup) -> bool:
    return rollup.series == rollup.series.all_versions()


def _pages(rollups: list[Rollup]) -> Pages:
    counts = [
        [getattr(one, name) for name in _COUNTS]
        + [one.match_at_10.count, one.match_at_10.total, one.match_at_10.squares]
        + [getattr(group, name) for group in (getattr(one, g) for g in _GROUPS) for name in group.__struct_fields__]
        for one in rollups
    ]
    bins = sorted({place for one in rollups for place in one.latency_ms.bins})
    categories = sorted({name for one in rollups for name in one.exposure})
    # The last bin stands for a latency that was not measured.
    places = [[*(bins.index(place) for place in one.latency_ms.bins), len(bins)][0] for one in rollups]
    exposure = [[one.exposure.get(name, 0) for name in categories] for one in rollups]
    return Pages(np.array(counts, float), np.array(places), bins, np.array(exposure, float), categories)


def week_log(rng: np.random.Generator, pages: dict[str, Pages], days: int) -> Iterator[Rollup | RollupControl]:
    """Give rollups and controls, a day drawn at a time."""
    day_s = 24 * 3600
    for day in range(days):
        seconds = np.arange(0, day_s, BUCKET_S)
        season = 1 - _SEASON * np.cos(2 * math.pi * ((seconds + _OFFSET_S) % day_s - _QUIET_HOUR_S) / day_s)
        surfaces = [
            _cohorts(rng, Series("shop-web", surface, "*", "*"), pages[surface], RATE * share * season)
            for surface, share in SURFACES.items()
        ]
        for minute, cohorts in enumerate(zip(*surfaces, strict=True)):
            start_ms = DEFAULT_START_MS + (day * day_s + minute * BUCKET_S) * 1000
            for cohort in cohorts:
                for one in cohort:
                    one.cohort_start_ms = start_ms
                    yield one
            end_ms = start_ms + BUCKET_S * 1000
            closed = {0: end_ms, HORIZON_S: end_ms}
            yield RollupControl(0, 1, closed, end_ms, end_ms - 1, idle=False, wall_ms=end_ms)


_OFFSET_S: Final = DEFAULT_START_MS // 1000 % (24 * 3600)


def _cohorts(
    rng: np.random.Generator, series: Series, pages: Pages, rate: npt.NDArray[np.float64]
) -> Iterator[list[Rollup]]:
    """Draw a surface's cohorts, each at both horizons; none where nobody searched."""
    searches = rng.poisson(rate * BUCKET_S)
    drawn = rng.integers(len(pages.counts), size=int(searches.sum()))
    cohort = np.repeat(np.arange(len(searches)), searches)
    counts = _sums(pages.counts[drawn], searches)
    exposure = _sums(pages.exposure[drawn], searches)
    width = len(pages.bins) + 1
    latency = np.bincount(cohort * width + pages.latency[drawn], minlength=len(searches) * width).reshape(-1, width)
    for n, row, shown, slow in zip(searches.tolist(), counts, exposure, latency[:, :-1], strict=True):
        yield [_rollup(series, horizon_s, n, (row, shown, slow), pages) for horizon_s in (0, HORIZON_S) if n]


def _sums(rows: npt.NDArray[np.float64], searches: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    total = np.vstack([np.zeros((1, rows.shape[1])), np.cumsum(rows, axis=0)])
    ends = np.cumsum(searches)
    found: npt.NDArray[np.float64] = total[ends] - total[ends - searches]
    return found


def _rollup(
    series: Series, horizon_s: int, searches: int, sums: tuple[npt.NDArray[np.generic], ...], pages: Pages
) -> Rollup:
    row, shown, slow = (one.tolist() for one in sums)
    whole = [round(x) for x in row]
    at = len(_COUNTS)
    found = Rollup(
        series, 0, BUCKET_S, horizon_s, 0, searches=searches, **dict(zip(_COUNTS, whole[:at], strict=True)),
        latency_ms=Sketch(sum(slow), 0.0, 0, {bin_: n for bin_, n in zip(pages.bins, slow, strict=True) if n}),
        match_at_10=Moments(whole[at], max(0.0, row[at + 1]), max(0.0, row[at + 2])),
        exposure={name: round(n) for name, n in zip(pages.categories, shown, strict=True) if n > 0.5},
        match_models={"shop-match/1": searches},
    )  # fmt: skip
    if horizon_s:
        at += 3
        clicks, pairs = len(Clicks.__struct_fields__), len(Pairs.__struct_fields__)
        found.labels = Clicks(*whole[at : at + clicks])
        found.pairs = Pairs(*whole[at + clicks : at + clicks + pairs])
        found.shown_pairs = Pairs(*whole[at + clicks + pairs :])
    return found
