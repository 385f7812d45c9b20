"""A synthetic shop: rollups and controls as evaluate writes them, with noise, seasonality and pages that differ."""

import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from schemas.rollup import Clicks, Exemplar, Moments, Pairs, Rollup, RollupControl, SegmentCounts, Sketch
from schemas.scores import Series

START_MS = 1_795_428_000_000
BUCKET_MS = 10_000
LATENESS_MS = 30_000
SURFACES = ("ads", "recommendation", "search", "support")
CATEGORIES = tuple(f"category-{i}" for i in range(12))
ITEMS = 10
LOG_GAMMA = math.log(1.01 / 0.99)


@dataclass(frozen=True)
class Behaviour:
    """What the shop does in one cohort; a fault is another behaviour."""

    match: float = 0.78
    ctr: float = 0.10
    proxy_accuracy: float = 0.62
    shown_accuracy: float = 0.58
    latency_ms: float = 40.0
    zero_results: float = 0.01
    volume: float = 1.0
    missing_titles: float = 0.01
    unknown_tokens: float = 0.02
    unscored: float = 0.0
    misrouted: float = 0.0
    gone_category: int | None = None
    version: str = "3"
    match_model: str = "shop-match/1"


HEALTHY = Behaviour()
Story = Callable[[float], Behaviour]
"""Behaviour by seconds since the start."""


def healthy(_seconds: float) -> Behaviour:
    return HEALTHY


def changed_at(second: float, **changes: object) -> Story:
    """Healthy until `second`, then with `changes`."""
    return lambda t: HEALTHY if t < second else replace(HEALTHY, **changes)  # type: ignore[arg-type]


@dataclass
class Shop:
    """Writes the rollup log of `minutes` of traffic.

    Args of the constructor: searches per second over all surfaces, length, seed, what happens, how many partitions.
    """

    rate: float = 20.0
    minutes: float = 30.0
    seed: int = 1
    story: Story = healthy
    partitions: int = 1
    versions: bool = False
    horizons: tuple[int, ...] = (0, 60)
    season: float = 0.4
    surfaces: tuple[str, ...] = SURFACES
    closing: bool = True
    _weights: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        shares = np.array([1.0 / (i + 1) for i in range(len(CATEGORIES))])
        self._weights = shares / shares.sum()

    def records(self) -> Iterator[Rollup | RollupControl]:
        """Give the log: for each cohort the rollups of what it closes, then one control for each partition."""
        rng = np.random.default_rng(self.seed)
        cohorts = int(self.minutes * 6)
        waiting: dict[int, list[Rollup]] = {}
        totals = [Counter[str]() for _ in range(self.partitions)]
        extra = (max(self.horizons) * 1000 + LATENESS_MS) // BUCKET_MS + 1 if self.closing else 0
        for i in range(cohorts + extra):
            start_ms = START_MS + i * BUCKET_MS
            if i < cohorts:
                for rollup in self._cohort(rng, i, start_ms):
                    waiting.setdefault(rollup.horizon_s, []).append(rollup)
                    if rollup.horizon_s == min(self.horizons) and rollup.series == rollup.series.all_versions():
                        wrong = round(rollup.searches * self.story(i * BUCKET_MS / 1000 + 5).misrouted)
                        grown = {"accepted_searches": rollup.searches, "misrouted_searches": wrong}
                        totals[rollup.partition].update({name: n for name, n in grown.items() if n})
            now_ms = start_ms + BUCKET_MS
            watermark_ms = now_ms - LATENESS_MS
            closed = {h: (watermark_ms - h * 1000) // BUCKET_MS * BUCKET_MS for h in self.horizons}
            for horizon_s, rollups in waiting.items():
                ready = [r for r in rollups if r.cohort_start_ms < closed[horizon_s]]
                waiting[horizon_s] = rollups[len(ready) :]
                yield from ready
            for partition in range(self.partitions):
                yield RollupControl(
                    partition=partition,
                    partitions=self.partitions,
                    closed_through_ms=closed,
                    watermark_ms=watermark_ms,
                    largest_time_ms=min(now_ms, START_MS + cohorts * BUCKET_MS) - 1,
                    idle=False,
                    wall_ms=now_ms,
                    totals=dict(totals[partition]),
                )

    def _cohort(self, rng: np.random.Generator, i: int, start_ms: int) -> Iterator[Rollup]:
        seconds = i * BUCKET_MS / 1000
        # A cohort with half the traffic of each behaviour where the change comes within it.
        does = self.story(seconds + BUCKET_MS / 2000)
        season = 1 + self.season * math.sin(2 * math.pi * seconds / 86_400 + 1)
        for surface in self.surfaces:
            mean = self.rate / len(self.surfaces) * season * does.volume * BUCKET_MS / 1000
            for partition in range(self.partitions):
                n = int(rng.poisson(mean / self.partitions))
                if not n:
                    continue
                every = Series("shop", surface, "*", "*")
                for rollup in self._rollups(rng, every, (start_ms, n, partition), does):
                    yield rollup
                    if self.versions:
                        version = Series("shop", surface, "shop-rank", does.version)
                        from_copy = Rollup(**{f: getattr(rollup, f) for f in rollup.__struct_fields__})
                        from_copy.series = version
                        yield from_copy

    def _rollups(
        self, rng: np.random.Generator, series: Series, cohort: tuple[int, int, int], does: Behaviour
    ) -> Iterator[Rollup]:
        start_ms, n, partition = cohort
        empty = rng.random(n) < does.zero_results
        shown = int(n - empty.sum())
        match = np.clip(rng.normal(does.match, 0.12, shown), 0, 1)
        latency = rng.lognormal(math.log(does.latency_ms), 0.5, n)
        bins, counts = np.unique(np.ceil(np.log(latency) / LOG_GAMMA).astype(int), return_counts=True)
        weights = self._weights.copy()
        if does.gone_category is not None:
            weights[does.gone_category] = 0
            weights /= weights.sum()
        # Eight of ten items of a page are of one category: impressions of a page depend on each other.
        pages = rng.multinomial(shown, weights) * 8 + rng.multinomial(shown * 2, weights)
        mobile = int(rng.binomial(n, 0.6))
        share = mobile / n
        impressions = shown * ITEMS
        base = Rollup(
            series=series,
            cohort_start_ms=start_ms,
            bucket_s=10,
            horizon_s=0,
            partition=partition,
            searches=n,
            impressions=impressions,
            zero_results=int(empty.sum()),
            unscored_searches=round(n * does.unscored),
            missing_titles=int(rng.binomial(impressions, does.missing_titles)),
            tokens=3 * n,
            unknown_tokens=int(rng.binomial(3 * n, does.unknown_tokens)),
            latency_ms=Sketch(n, float(latency.sum()), 0, dict(zip(bins.tolist(), counts.tolist(), strict=True))),
            match_at_10=Moments(shown, float(match.sum()), float((match**2).sum())),
            exposure={name: int(x) for name, x in zip(CATEGORIES, pages, strict=True) if x},
            match_models={does.match_model: n},
            exemplars=[
                Exemplar(
                    id_hash=int(rng.integers(1 << 60)),
                    partition=partition,
                    source_offset=int(start_ms - START_MS + k),
                    scores=[int(x * 4096) for x in np.clip(rng.normal(does.match, 0.1, 4), 0, 1)],
                    clicked=[],
                )
                for k in range(min(3, n))
            ],
        )
        if 0 in self.horizons:
            base.segments = {"device": self._devices(base, share, 0)}
            yield base
        appetite = rng.beta(2, 2 / max(does.ctr, 1e-9) - 2, shown) if does.ctr else np.zeros(shown)
        clicked = rng.binomial(ITEMS, appetite)
        pairs = rng.binomial(4, 0.7, int((clicked > 0).sum())) * 1
        wins, shown_wins = rng.binomial(pairs, does.proxy_accuracy), rng.binomial(pairs, does.shown_accuracy)
        for horizon_s in self.horizons:
            if horizon_s == 0:
                continue
            labelled = Rollup(**{f: getattr(base, f) for f in base.__struct_fields__})
            labelled.horizon_s = horizon_s
            labelled.labels = Clicks(
                int(clicked.sum()),
                0,
                int((clicked > 0).sum()),
                int((clicked**2).sum()),
                int((clicked * ITEMS).sum()),
                shown * ITEMS**2,
            )
            labelled.pairs = _pairs(pairs, wins)
            labelled.shown_pairs = _pairs(pairs, shown_wins)
            labelled.segments = {"device": self._devices(base, share, int(clicked.sum()))}
            yield labelled

    def _devices(self, base: Rollup, share: float, clicks: int) -> dict[str, SegmentCounts]:
        return {
            name: SegmentCounts(
                searches=round(base.searches * part),
                impressions=round(base.impressions * part),
                clicks=round(clicks * part),
                match_count=round(base.match_at_10.count * part),
                match_total=base.match_at_10.total * part,
                latency_count=round(base.searches * part),
                latency_total_ms=base.latency_ms.total * part,
            )
            for name, part in (("mobile", share), ("desktop", 1 - share))
        }


def _pairs(total: np.ndarray, wins: np.ndarray) -> Pairs:
    a, b = 2 * wins, 2 * total
    return Pairs(
        concordant=int(wins.sum()),
        discordant=int((total - wins).sum()),
        tied=0,
        searches=int((total > 0).sum()),
        aa=int((a * a).sum()),
        ab=int((a * b).sum()),
        bb=int((b * b).sum()),
    )
