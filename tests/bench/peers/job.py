"""What every peer does with an event: score, join, count, watch for drift. The framework around it is the peer's own.

Less than the pipeline does, where it does less: no exactly-once, no state that survives a crash, one horizon's clicks,
no pairs by shown rank, no variances, no exemplars, no segments but the device. Nothing more.
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
HORIZON_MS = 1_800_000
LATENESS_MS = 30_000

SeriesKey = tuple[str, str, str, str]


@dataclass(slots=True)
class Cohort:
    """Counters of one series and bucket."""

    searches: int = 0
    impressions: int = 0
    clicks: int = 0
    latency_total_ms: float = 0.0
    match_total: float = 0.0
    concordant: int = 0
    discordant: int = 0
    by_device: dict[str, int] = field(default_factory=dict)
    by_category: dict[str, int] = field(default_factory=dict)
    open: list["OpenSearch"] = field(default_factory=list)


@dataclass(slots=True)
class OpenSearch:
    """A search whose clicks may still come."""

    time_ms: int
    cohort: Cohort
    ids: list[str]
    scores: list[float]
    clicked: set[str] = field(default_factory=set)


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
        self.early: dict[str, list[tuple[int, str]]] = {}
        self.cohorts: dict[tuple[int, SeriesKey], Cohort] = {}
        self.watches: dict[SeriesKey, Watch] = {}
        self.watermarks: dict[tuple[str, int], int] = {}
        self.closed_ms = 0
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
        cohort.latency_total_ms += event.latency_ms or 0.0
        cohort.match_total += match_at_10
        device = event.query_attributes.get("device", "unknown")
        cohort.by_device[device] = cohort.by_device.get(device, 0) + 1
        counts = cohort.by_category
        for result in event.results:
            category = result.category or "unknown"
            counts[category] = counts.get(category, 0) + 1
        opened = OpenSearch(time_ms, cohort, ids, scores)
        cohort.open.append(opened)
        self.searches[event.query_id] = opened
        for click_ms, object_id in self.early.pop(event.query_id, ()):
            self._join(opened, click_ms, object_id)
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
        if not self._timely(time_ms, place) or event.action_name != "click":
            return False
        opened = self.searches.get(event.query_id)
        if opened is None:
            self.early.setdefault(event.query_id, []).append((time_ms, event.object_id))
            return False
        return self._join(opened, time_ms, event.object_id)

    def finish(self, place: tuple[str, int], watermark_ms: int) -> bool:
        """Take the end of a partition; says whether all partitions have ended, so that `close` closes all."""
        self.watermarks[place] = watermark_ms + LATENESS_MS
        self.finishing -= 1
        return not self.finishing

    def last_word(self) -> bytes:
        """What was counted in all rollups, for the bench to check."""
        return encode({"finished": True, "searches": self.total_searches, "clicks": self.total_clicks})

    def close(self) -> list[bytes]:
        """Give the rollups of cohorts whose horizon has passed."""
        if len(self.watermarks) < self.places:
            return []
        through_ms = min(self.watermarks.values()) - LATENESS_MS - HORIZON_MS - BUCKET_MS
        if through_ms < self.closed_ms:
            return []
        self.closed_ms = through_ms + BUCKET_MS
        rollups = []
        for bucket_ms, series in [key for key in self.cohorts if key[0] <= through_ms]:
            cohort = self.cohorts.pop((bucket_ms, series))
            for opened in cohort.open:
                _count_pairs(cohort, opened)
            self.total_searches += cohort.searches
            self.total_clicks += cohort.clicks
            ctr = cohort.clicks / cohort.impressions if cohort.impressions else 0.0
            watch = self.watches[series]
            watch.ctr.update(ctr)
            if watch.ctr.drift_detected:
                self.alerts.append(encode({"series": series, "time_ms": bucket_ms, "signal": "ctr"}))
            rollups.append(
                encode({
                    "series": series, "cohort_start_ms": bucket_ms, "searches": cohort.searches,
                    "impressions": cohort.impressions, "clicks": cohort.clicks,
                    "latency_ms": cohort.latency_total_ms / cohort.searches,
                    "match_at_10": cohort.match_total / cohort.searches,
                    "concordant": cohort.concordant, "discordant": cohort.discordant,
                    "devices": cohort.by_device, "exposure": cohort.by_category,
                })
            )  # fmt: skip
        if rollups:
            self.searches = {key: opened for key, opened in self.searches.items() if opened.time_ms >= self.closed_ms}
        return rollups

    def _timely(self, time_ms: int, place: tuple[str, int]) -> bool:
        largest_ms = self.watermarks.get(place, 0)
        if time_ms > largest_ms:
            self.watermarks[place] = time_ms
            return True
        return time_ms >= largest_ms - LATENESS_MS

    def _join(self, opened: OpenSearch, time_ms: int, object_id: str) -> bool:
        fits = time_ms - opened.time_ms <= HORIZON_MS and object_id in opened.ids and object_id not in opened.clicked
        if fits:
            opened.clicked.add(object_id)
            opened.cohort.clicks += 1
        return fits


def _count_pairs(cohort: Cohort, opened: OpenSearch) -> None:
    """Pairs of clicked and examined, not clicked items: down to one below the lowest click."""
    if not opened.clicked:
        return
    places = [place for place, object_id in enumerate(opened.ids) if object_id in opened.clicked]
    examined = [place for place in range(min(len(opened.ids), places[-1] + 2)) if place not in places]
    for place in places:
        score = opened.scores[place]
        for other in examined:
            if score > opened.scores[other]:
                cohort.concordant += 1
            elif score < opened.scores[other]:
                cohort.discordant += 1
