"""A second opinion on the rollups: every count recomputed from the files alone, slowly and plainly.

Nothing of the product is imported. The rules are those of the event contracts, each written once, in the order in
which a record meets them: JSON, fields, timestamp, partition, lateness, first of its id, join, cohort, pairs. All
records are kept in memory and no rule depends on how the two topics interleave.
"""

import math
import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.oracle.contracts import Click, InvalidRecord, Search, read_catalog_item, read_click, read_search
from tests.oracle.scores import NULL_SCORE, SCORE_STEPS, ScoredSearches

SEARCHES = "search-events"
CLICKS = "click-events"
CATALOG = "catalog-items"
CLICK_ACTIONS = ("click", "item_click", "global_click")


@dataclass(frozen=True)
class OracleSettings:
    """What shapes the numbers: cohort width, horizons and lateness in seconds, partitions of each topic."""

    bucket_s: int = 10
    horizons_s: tuple[int, ...] = (60, 1800)
    lateness_s: int = 30
    partitions: int = 4


@dataclass
class PartitionLog:
    """What one partition of the two topics holds, in log order."""

    searches: list[bytes] = field(default_factory=list)
    clicks: list[bytes] = field(default_factory=list)


@dataclass
class Expected:
    """What the product must print.

    Attributes:
        rows: rollup lines as dictionaries, sorted by series, cohort and horizon; `pairs`, `shown_pairs` and
            `match_at_10` are None where no scores were given.
        counters: flat names such as `invalid search-events`, `late click-events`, `repeated searches`.
        score_faults: where the match scores do not fit the files (a search missing, other items, another time).
        invalid_lines: reason of each refused line, by (topic, line from 1) of the file; empty for other sources.
    """

    rows: list[dict[str, Any]]
    counters: Counter[str]
    score_faults: list[str]
    invalid_lines: dict[tuple[str, int], str] = field(default_factory=dict)


def murmur2(data: bytes) -> int:
    """Hash a key as Kafka's Java client does: murmur2, seed 0x9747b28c, as an unsigned 32-bit number."""
    mask, multiplier = 0xFFFFFFFF, 0x5BD1E995
    h = (0x9747B28C ^ len(data)) & mask
    whole = len(data) & ~3
    for (k,) in struct.iter_unpack("<I", data[:whole]):
        k = (k * multiplier) & mask  # noqa: PLW2901 - the names of the published algorithm
        k ^= k >> 24  # noqa: PLW2901
        h = ((h * multiplier) & mask) ^ ((k * multiplier) & mask)
    tail = data[whole:]
    if tail:
        h = ((h ^ int.from_bytes(tail, "little")) * multiplier) & mask
    h ^= h >> 13
    h = (h * multiplier) & mask
    return h ^ (h >> 15)


def partition_of(query_id: str, partitions: int) -> int:
    """Say which partition a key belongs to: murmur2 without its sign bit, modulo the number of partitions."""
    return (murmur2(query_id.encode()) & 0x7FFFFFFF) % partitions


def lines_of(path: Path) -> list[bytes]:
    """Split a file at line feeds only; a last line feed ends the last line and begins no other."""
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")
    return lines[:-1] if lines[-1] == b"" else lines


@dataclass
class OpenSearch:
    """A counted search and how long after it, in milliseconds, each shown item was first clicked and bought."""

    search: Search
    scores: list[int] | None
    clicked_after_ms: dict[str, int] = field(default_factory=dict)
    bought_after_ms: dict[str, int] = field(default_factory=dict)


class Lateness:
    """Watches one topic partition: which valid records come too late, by its own largest accepted time."""

    def __init__(self, lateness_ms: int) -> None:
        self._lateness_ms = lateness_ms
        self._largest_ms: int | None = None

    def accepts(self, time_ms: int) -> bool:
        if self._largest_ms is None:
            self._largest_ms = time_ms
            return True
        if time_ms < self._largest_ms - self._lateness_ms:
            return False
        self._largest_ms = max(self._largest_ms, time_ms)
        return True

    def raise_to(self, watermark_ms: int) -> None:
        """Take the producer's word that nothing before this time will come."""
        self._largest_ms = max(self._largest_ms or 0, watermark_ms + self._lateness_ms)


class PartitionFold:
    """One partition: which searches count, and which of their items were clicked and bought when."""

    def __init__(self, partition: int, settings: OracleSettings, counters: Counter[str]) -> None:
        self.partition = partition
        self.settings = settings
        self.counters = counters
        self.open: dict[str, OpenSearch] = {}
        self.score_faults: list[str] = []
        self._search_lateness = Lateness(settings.lateness_s * 1000)
        self._click_lateness = Lateness(settings.lateness_s * 1000)

    def add_search(self, search: Search, scored: ScoredSearches | None) -> None:
        """Take the next valid search; the scores are looked up even for late ones, for they are scored as well."""
        scores = None
        if scored is not None:
            scores, fault = scored.take(self.partition, search)
            if fault:
                self.score_faults.append(fault)
        if not self._search_lateness.accepts(search.time_ms):
            self.counters[f"late {SEARCHES}"] += 1
            return
        self._note_route(search.query_id)
        if search.query_id in self.open:
            self.counters["repeated searches"] += 1
            return
        self.open[search.query_id] = OpenSearch(search, scores)

    def add_click(self, click: Click) -> None:
        """Take the next valid click; every search of the partition is already there."""
        if not self._click_lateness.accepts(click.time_ms):
            self.counters[f"late {CLICKS}"] += 1
            return
        self._note_route(click.query_id)
        if click.action_name not in (*CLICK_ACTIONS, "purchase"):
            self.counters["unknown actions"] += 1
            return
        found = self.open.get(click.query_id)
        if found is None or all(object_id != click.object_id for object_id, _ in found.search.items):
            self.counters["unmatched clicks"] += 1
            return
        after_ms = click.time_ms - found.search.time_ms
        if not -self.settings.lateness_s * 1000 <= after_ms <= max(self.settings.horizons_s) * 1000:
            self.counters["unmatched clicks"] += 1
            return
        first = found.clicked_after_ms if click.action_name in CLICK_ACTIONS else found.bought_after_ms
        first[click.object_id] = min(after_ms, first.get(click.object_id, after_ms))

    def searches_finished(self, watermark_ms: int) -> None:
        """Take a control record of `search-events`."""
        self._search_lateness.raise_to(watermark_ms)

    def clicks_finished(self, watermark_ms: int) -> None:
        """Take a control record of `click-events`."""
        self._click_lateness.raise_to(watermark_ms)

    def _note_route(self, query_id: str) -> None:
        if partition_of(query_id, self.settings.partitions) != self.partition:
            self.counters["misrouted"] += 1


@dataclass
class Labels:
    """Counts of one cohort at one horizon."""

    clicks: int = 0
    purchases: int = 0
    pairs: Counter[str] = field(default_factory=Counter)
    shown_pairs: Counter[str] = field(default_factory=Counter)
    ndcgs: list[float] = field(default_factory=list)
    reciprocal_ranks: list[float] = field(default_factory=list)


@dataclass
class Cohort:
    """Counts of one cohort of one series that need no clicks, and the labels by horizon in seconds."""

    searches: int = 0
    impressions: int = 0
    zero_results: int = 0
    latencies_ms: list[float] = field(default_factory=list)
    matches: list[float] = field(default_factory=list)
    labels: dict[int, Labels] = field(default_factory=dict)


def verdict(left: float, right: float) -> str:
    """Name how a pair compares when the left of the two ought to be the larger."""
    if left == right:
        return "tied"
    return "concordant" if left > right else "discordant"


def count_pairs(open_search: OpenSearch, clicked: set[str], labels: Labels) -> None:
    """Compare each clicked item with each examined item that was not clicked, by match score and by shown position."""
    items, scores = open_search.search.items, open_search.scores
    if scores is None or not clicked:
        return
    examined_to = max(position for object_id, position in items if object_id in clicked) + 1
    scored = [(*item, score) for item, score in zip(items, scores, strict=True) if score != NULL_SCORE]
    chosen = [entry for entry in scored if entry[0] in clicked]
    passed = [entry for entry in scored if entry[0] not in clicked and entry[1] <= examined_to]
    for _, clicked_position, clicked_score in chosen:
        for _, passed_position, passed_score in passed:
            labels.pairs[verdict(clicked_score, passed_score)] += 1
            labels.shown_pairs[verdict(-clicked_position, -passed_position)] += 1


def mean_match(scores: Sequence[int]) -> float | None:
    """Average the first ten scores that are not null; None where all are."""
    first = [score / SCORE_STEPS for score in scores if score != NULL_SCORE][:10]
    return math.fsum(first) / len(first) if first else None


def rate_order(clicked: Sequence[bool], labels: Labels) -> None:
    """Rate the order in which a page's items were shown, if any of them was clicked."""
    places = [place for place, hit in enumerate(clicked, 1) if hit]
    if places:
        gain = math.fsum(1 / math.log2(place + 1) for place in places if place <= 10)
        ideal = math.fsum(1 / math.log2(place + 1) for place in range(1, min(10, len(places)) + 1))
        labels.ndcgs.append(gain / ideal)
        labels.reciprocal_ranks.append(1 / places[0])


def mean(numbers: Sequence[float]) -> float | None:
    """Average some numbers; None where there are none."""
    return math.fsum(numbers) / len(numbers) if numbers else None


def add_to_cohort(cohort: Cohort, open_search: OpenSearch, horizons_s: Iterable[int]) -> None:
    """Count one search, its items, its clicks at each horizon and its pairs."""
    search = open_search.search
    cohort.searches += 1
    cohort.impressions += len(search.items)
    cohort.zero_results += not search.has_results
    if search.latency_ms is not None:
        cohort.latencies_ms.append(search.latency_ms)
    match = mean_match(open_search.scores or [])
    if match is not None:
        cohort.matches.append(match)
    for horizon_s in horizons_s:
        labels = cohort.labels.setdefault(horizon_s, Labels())
        clicked = {item for item, after in open_search.clicked_after_ms.items() if after <= horizon_s * 1000}
        labels.clicks += len(clicked)
        rate_order([item in clicked for item, _ in search.items], labels)
        labels.purchases += sum(after <= horizon_s * 1000 for after in open_search.bought_after_ms.values())
        count_pairs(open_search, clicked, labels)


def quantile(ordered: Sequence[float], percent: int) -> float | None:
    """Give the value at rank floor(q(n-1)), in whole numbers so that no rounding moves the rank."""
    return ordered[percent * (len(ordered) - 1) // 100] if ordered else None


def rfc3339(time_ms: int) -> str:
    """Write a whole second as RFC 3339 in UTC."""
    return datetime.fromtimestamp(time_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def row_of(
    series: tuple[str, str, str, str], start_ms: int, cohort: Cohort, horizon_s: int, bucket_s: int, *, scored: bool
) -> dict[str, Any]:
    """Lay out one rollup line."""
    labels = cohort.labels[horizon_s]
    latencies = sorted(cohort.latencies_ms)
    verdicts = ("concordant", "discordant", "tied")
    return {
        "series": dict(zip(("application", "surface", "model", "version"), series, strict=True)),
        "cohort_start": rfc3339(start_ms),
        "bucket_s": bucket_s,
        "horizon_s": horizon_s,
        "searches": cohort.searches,
        "impressions": cohort.impressions,
        "clicks": labels.clicks,
        "purchases": labels.purchases,
        "zero_results": cohort.zero_results,
        "pairs": {name: labels.pairs[name] for name in verdicts} if scored else None,
        "shown_pairs": {name: labels.shown_pairs[name] for name in verdicts} if scored else None,
        "latency_ms": {
            "count": len(latencies),
            "sum": math.fsum(latencies),
            **{f"p{percent}": quantile(latencies, percent) for percent in (50, 95, 99)},
        },
        "ndcg_at_10": mean(labels.ndcgs),
        "mrr": mean(labels.reciprocal_ranks),
        "match_at_10": mean(cohort.matches),
    }


def rows_of(
    searches: Iterable[OpenSearch], settings: OracleSettings, *, scored: bool, all_versions: bool
) -> Iterator[dict[str, Any]]:
    """Fold counted searches into cohorts and lay out a line for each horizon, in order."""
    bucket_ms = settings.bucket_s * 1000
    cohorts: dict[tuple[tuple[str, str, str, str], int], Cohort] = {}
    for open_search in searches:
        search = open_search.search
        start_ms = search.time_ms // bucket_ms * bucket_ms
        own = (search.application, search.surface, search.model, search.version)
        for series in (own, (*own[:2], "*", "*")) if all_versions else (own,):
            add_to_cohort(cohorts.setdefault((series, start_ms), Cohort()), open_search, settings.horizons_s)
    for (series, start_ms), cohort in sorted(cohorts.items(), key=lambda entry: entry[0]):
        for horizon_s in sorted(settings.horizons_s):
            yield row_of(series, start_ms, cohort, horizon_s, settings.bucket_s, scored=scored)


def fold_records(
    searches: Iterable[tuple[int, Search]],
    clicks: Iterable[tuple[int, Click]],
    settings: OracleSettings,
    scores: Iterable[tuple[int, bytes]] | None,
    counters: Counter[str],
    *,
    all_versions: bool,
) -> Expected:
    """Fold valid records, each with the partition that it lies in, in log order within each partition."""
    scored = None if scores is None else ScoredSearches(scores)
    folds = [PartitionFold(partition, settings, counters) for partition in range(settings.partitions)]
    for partition, search in searches:
        folds[partition].add_search(search, scored)
    for partition, click in clicks:
        folds[partition].add_click(click)
    faults = [fault for fold in folds for fault in fold.score_faults]
    if scored is not None:
        faults += scored.leftovers()
    counted = (open_search for fold in folds for open_search in fold.open.values())
    rows = list(rows_of(counted, settings, scored=scored is not None, all_versions=all_versions))
    return Expected(rows, counters, faults)


def expect_logs(
    logs: Sequence[PartitionLog],
    settings: OracleSettings | None = None,
    scores: Iterable[tuple[int, bytes]] | None = None,
    *,
    all_versions: bool = False,
) -> Expected:
    """Say what must come out of records that lie in given partitions, misrouted ones included.

    Args:
        logs: one for each partition.
        settings: those of the run; the defaults of the product when None.
        scores: (partition, value) of each record of `match-scores`, in log order; None leaves pairs uncounted.
        all_versions: also give the series with model and version `*`.
    """
    settings = settings or OracleSettings(partitions=len(logs))
    counters: Counter[str] = Counter()
    searches: list[tuple[int, Search]] = []
    clicks: list[tuple[int, Click]] = []
    for partition, log in enumerate(logs):
        for raw in log.searches:
            try:
                searches.append((partition, read_search(raw)))
            except InvalidRecord:
                counters[f"invalid {SEARCHES}"] += 1
        for raw in log.clicks:
            try:
                clicks.append((partition, read_click(raw)))
            except InvalidRecord:
                counters[f"invalid {CLICKS}"] += 1
    return fold_records(searches, clicks, settings, scores, counters, all_versions=all_versions)


def expect_folder(
    folder: Path,
    settings: OracleSettings | None = None,
    scores: Iterable[tuple[int, bytes]] | None = None,
    *,
    all_versions: bool = False,
) -> Expected:
    """Say what must come out of a recording that is replayed line by line, each record keyed by its query id.

    Lines that are no events may be sent to any partition: they are invalid wherever they lie, and move nothing.

    Args:
        folder: with `search-events.ndjson`, `click-events.ndjson` and `catalog-items.ndjson`.
        settings: those of the run; the defaults of the product when None.
        scores: (partition, value) of each record of `match-scores`, in log order; None leaves pairs uncounted.
        all_versions: also give the series with model and version `*`.
    """
    settings = settings or OracleSettings()
    counters: Counter[str] = Counter()
    refused: dict[tuple[str, int], str] = {}

    def valid(topic: str, read: Any) -> Iterator[Any]:
        for number, raw in enumerate(lines_of(folder / f"{topic}.ndjson"), 1):
            try:
                yield read(raw)
            except InvalidRecord as error:
                counters[f"invalid {topic}"] += 1
                refused[topic, number] = str(error)

    def routed(topic: str, read: Any) -> Iterator[tuple[int, Any]]:
        for record in valid(topic, read):
            yield partition_of(record.query_id, settings.partitions), record

    for _ in valid(CATALOG, read_catalog_item):
        pass
    expected = fold_records(
        routed(SEARCHES, read_search),
        routed(CLICKS, read_click),
        settings,
        scores,
        counters,
        all_versions=all_versions,
    )
    expected.invalid_lines = refused
    return expected
