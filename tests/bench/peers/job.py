"""What every peer does with an event: score, join, count by series and segment, watch for drift, and emit each cohort.

What the pipeline does and this does not: no exactly-once, no state that survives a crash, no dead letters, no
variances and no exemplars.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from river.drift import ADWIN, PageHinkley
from river.stats import EWMean

from inference.pairs import PairBatch
from inference.repository import ModelName, ModelRepository
from inference.scorer import Scorer
from inference.two_tower import load_two_tower
from tests.bench.peers.events import Click, Search, encode

BUCKET_MS = 10_000
HORIZONS_MS = (60_000, 1_800_000)
LABEL_FREE = 0
LATENESS_MS = 30_000

SeriesKey = tuple[str, str, str, str]


@dataclass(slots=True)
class Segment:
    """Counters of one value of one dimension."""

    searches: int = 0
    impressions: int = 0
    clicks: int = 0


@dataclass(slots=True)
class Cohort:
    """Counters of one series and bucket; those of clicks belong to the horizon that was counted last."""

    searches: int = 0
    impressions: int = 0
    zero_results: int = 0
    clicks: int = 0
    purchases: int = 0
    latency_total_ms: float = 0.0
    match_total: float = 0.0
    pairs: list[int] = field(default_factory=lambda: [0, 0, 0])
    shown_pairs: list[int] = field(default_factory=lambda: [0, 0, 0])
    segments: dict[tuple[str, str], Segment] = field(default_factory=dict)
    exposure: dict[str, int] = field(default_factory=dict)
    open: list["OpenSearch"] = field(default_factory=list)


@dataclass(slots=True)
class OpenSearch:
    """A search whose clicks may still come."""

    query_id: str
    time_ms: int
    segments: list[Segment]
    ids: list[str]
    scores: list[float]
    clicked_after_ms: dict[str, int] = field(default_factory=dict)
    bought_after_ms: dict[str, int] = field(default_factory=dict)


class Watch:
    """River's detectors of one series, updated with every event."""

    def __init__(self) -> None:
        self.latency = ADWIN()
        self.match = PageHinkley()
        self.ctr = ADWIN()
        self.mean_latency = EWMean(0.01)


class Job:
    """The state of one process."""

    def __init__(self, models_dir: str, finishing_partitions: int) -> None:
        files = ModelRepository(Path(models_dir)).read(ModelName("shop-match", "1"))
        self.scorer = Scorer(load_two_tower(files), 200_000, 50_000)
        self.searches: dict[str, OpenSearch] = {}
        self.early: dict[str, list[tuple[int, str, str]]] = {}
        self.cohorts: dict[tuple[int, SeriesKey], Cohort] = {}
        self.watches: dict[SeriesKey, Watch] = {}
        self.watermarks: dict[tuple[str, int], int] = {}
        self.closed_ms = dict.fromkeys((LABEL_FREE, *HORIZONS_MS), 0)
        self.places = self.finishing = finishing_partitions
        self.total_searches = 0
        self.total_clicks = 0
        self.alerts: list[bytes] = []

    def search(self, event: Search, place: tuple[str, int]) -> tuple[bytes, SeriesKey] | None:
        """Take one search; gives its record for match-scores, None for a repeat or a late one."""
        time_ms = int(event.timestamp.timestamp() * 1000)
        if not self._timely(time_ms, place) or event.query_id in self.searches:
            return None
        titles = [result.title for result in event.results]
        ids = [result.object_id for result in event.results]
        batch = PairBatch([event.user_query], ids, titles, np.array([len(ids)], np.int32))
        scores = self.scorer.score(batch).scores.tolist()
        series = (event.application, event.surface, event.model.name, event.model.version)
        bucket_ms = time_ms // BUCKET_MS * BUCKET_MS
        cohort = self.cohorts.get((bucket_ms, series))
        if cohort is None:
            cohort = self.cohorts[bucket_ms, series] = Cohort()
        match_at_10 = sum(scores[:10]) / max(1, len(scores[:10]))
        cohort.searches += 1
        cohort.impressions += len(ids)
        cohort.zero_results += not ids
        cohort.latency_total_ms += event.latency_ms or 0.0
        cohort.match_total += match_at_10
        exposure = cohort.exposure
        for result in event.results:
            category = result.category or "unknown"
            exposure[category] = exposure.get(category, 0) + 1
        segments = []
        first = event.results[0].category if event.results else None
        attributes = event.query_attributes
        for name in (
            ("device", attributes.get("device", "unknown")),
            ("locale", attributes.get("locale", "unknown")),
            ("category", first or "unknown"),
        ):
            segment = cohort.segments.get(name)
            if segment is None:
                segment = cohort.segments[name] = Segment()
            segment.searches += 1
            segment.impressions += len(ids)
            segments.append(segment)
        opened = OpenSearch(event.query_id, time_ms, segments, ids, scores)
        cohort.open.append(opened)
        self.searches[event.query_id] = opened
        for click_ms, object_id, action in self.early.pop(event.query_id, ()):
            self._join(opened, click_ms, object_id, action)
        watch = self.watches.get(series)
        if watch is None:
            watch = self.watches[series] = Watch()
        if event.latency_ms is not None:
            watch.mean_latency.update(event.latency_ms)
            watch.latency.update(event.latency_ms)
        watch.match.update(match_at_10)
        if watch.latency.drift_detected or watch.match.drift_detected:
            self.alerts.append(encode({"series": series, "time_ms": time_ms, "signal": "latency or match"}))
        return encode({"query_id": event.query_id, "ids": ids, "scores": scores}), series

    def click(self, event: Click, place: tuple[str, int]) -> bool:
        """Take one click; says whether it counted (now, not once its search comes)."""
        time_ms = int(event.timestamp.timestamp() * 1000)
        if not self._timely(time_ms, place) or event.action_name not in ("click", "purchase"):
            return False
        opened = self.searches.get(event.query_id)
        if opened is None:
            self.early.setdefault(event.query_id, []).append((time_ms, event.object_id, event.action_name))
            return False
        return self._join(opened, time_ms, event.object_id, event.action_name)

    def finish(self, place: tuple[str, int], watermark_ms: int) -> bool:
        """Take the end of a partition; says whether all partitions have ended, so that `close` closes all."""
        self.watermarks[place] = watermark_ms + LATENESS_MS
        self.finishing -= 1
        return not self.finishing

    def last_word(self) -> bytes:
        """What was counted in all rollups, for the bench to check."""
        return encode({"finished": True, "searches": self.total_searches, "clicks": self.total_clicks})

    def close(self) -> list[bytes]:
        """Give the rollups of cohorts that have ended, or whose horizon has passed."""
        if len(self.watermarks) < self.places:
            return []
        rollups: list[bytes] = []
        watermark_ms = min(self.watermarks.values()) - LATENESS_MS
        for horizon_ms, closed_ms in self.closed_ms.items():
            through_ms = (watermark_ms - horizon_ms) // BUCKET_MS * BUCKET_MS
            if through_ms <= closed_ms:
                continue
            self.closed_ms[horizon_ms] = through_ms
            for bucket_ms, series in [key for key in self.cohorts if closed_ms <= key[0] < through_ms]:
                rollups.append(self._rollup(bucket_ms, series, horizon_ms))
                if horizon_ms == HORIZONS_MS[-1]:
                    for opened in self.cohorts.pop((bucket_ms, series)).open:
                        del self.searches[opened.query_id]
        return rollups

    def _rollup(self, bucket_ms: int, series: SeriesKey, horizon_ms: int) -> bytes:
        cohort = self.cohorts[bucket_ms, series]
        if horizon_ms != LABEL_FREE:
            _count_labels(cohort, horizon_ms)
        watch = self.watches[series]
        if horizon_ms == HORIZONS_MS[0]:
            watch.ctr.update(cohort.clicks / cohort.impressions if cohort.impressions else 0.0)
            if watch.ctr.drift_detected:
                self.alerts.append(encode({"series": series, "time_ms": bucket_ms, "signal": "ctr"}))
        if horizon_ms == HORIZONS_MS[-1]:
            self.total_searches += cohort.searches
            self.total_clicks += cohort.clicks
        return encode({
            "series": series, "cohort_start_ms": bucket_ms, "horizon_ms": horizon_ms, "searches": cohort.searches,
            "impressions": cohort.impressions, "zero_results": cohort.zero_results, "clicks": cohort.clicks,
            "purchases": cohort.purchases, "latency_ms": cohort.latency_total_ms / cohort.searches,
            "match_at_10": cohort.match_total / cohort.searches, "pairs": cohort.pairs,
            "shown_pairs": cohort.shown_pairs, "exposure": cohort.exposure,
            "segments": [
                (*place, segment.searches, segment.impressions, segment.clicks)
                for place, segment in cohort.segments.items()
            ],
        })  # fmt: skip

    def _timely(self, time_ms: int, place: tuple[str, int]) -> bool:
        largest_ms = self.watermarks.get(place, 0)
        if time_ms > largest_ms:
            self.watermarks[place] = time_ms
            return True
        return time_ms >= largest_ms - LATENESS_MS

    def _join(self, opened: OpenSearch, time_ms: int, object_id: str, action: str) -> bool:
        after_ms = time_ms - opened.time_ms
        fits = -LATENESS_MS <= after_ms <= HORIZONS_MS[-1] and object_id in opened.ids
        if fits:
            first = opened.clicked_after_ms if action == "click" else opened.bought_after_ms
            first[object_id] = min(after_ms, first.get(object_id, after_ms))
        return fits


def _count_labels(cohort: Cohort, horizon_ms: int) -> None:
    cohort.clicks = cohort.purchases = 0
    cohort.pairs, cohort.shown_pairs = [0, 0, 0], [0, 0, 0]
    for segment in cohort.segments.values():
        segment.clicks = 0
    for opened in cohort.open:
        if opened.bought_after_ms:
            cohort.purchases += sum(after_ms <= horizon_ms for after_ms in opened.bought_after_ms.values())
        if opened.clicked_after_ms:
            clicked = {name for name, after_ms in opened.clicked_after_ms.items() if after_ms <= horizon_ms}
            cohort.clicks += len(clicked)
            for segment in opened.segments:
                segment.clicks += len(clicked)
            if clicked:
                _count_pairs(cohort, opened, clicked)


def _count_pairs(cohort: Cohort, opened: OpenSearch, clicked: set[str]) -> None:
    """Pairs of clicked and examined, not clicked items, down to one below the lowest click: higher, lower, tied."""
    places = [place for place, object_id in enumerate(opened.ids) if object_id in clicked]
    examined = [place for place in range(min(len(opened.ids), places[-1] + 2)) if place not in places]
    pairs, shown_pairs, scores = cohort.pairs, cohort.shown_pairs, opened.scores
    for place in places:
        score = scores[place]
        for other in examined:
            pairs[0 if score > scores[other] else 1 if score < scores[other] else 2] += 1
            shown_pairs[0 if place < other else 1] += 1
