"""Every Prometheus metric of a worker, in one place."""

import math
from collections.abc import Iterable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from schemas.events import WorkerTelemetry
from schemas.scores import LONGEST_NAME
from streams.transport import TP, Source

MAX_POOL_WORKERS: Final = 100
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """What a worker shows at `/metrics`; each instance has a registry of its own."""

    def __init__(self, role: str) -> None:
        self.registry = CollectorRegistry()
        registry = self.registry
        info = Gauge(
            "matchwatch_worker_info", "Constant 1, labelled with the worker's role.", ["role"], registry=registry
        )
        info.labels(role).set(1)
        self._records = Counter(
            "matchwatch_records_total",
            "Records read, by stage, topic and verdict (valid, or the reason of an invalid one).",
            ["stage", "topic", "verdict"],
            registry=registry,
        )
        self._fold = Gauge(
            "matchwatch_fold_events",
            "Events since the log began, by partition and what became of them: accepted, late, repeated, "
            "unmatched, misrouted and so on. Written anew from the fold, so it survives restarts.",
            ["partition", "outcome"],
            registry=registry,
        )
        self._misrouted = Gauge(
            "matchwatch_misrouted_events",
            "Events since the log began that lay in a partition their query_id does not belong to.",
            ["partition"],
            registry=registry,
        )
        self.unscored_searches = Counter(
            "matchwatch_unscored_searches",
            "Searches passed on without scores: the pool did not answer.",
            registry=registry,
        )
        self.pool_away = Gauge(
            "matchwatch_scoring_pool_away",
            "1 while the pool has not answered within score.score_deadline_s: searches pass on without scores.",
            registry=registry,
        )
        self.scoring_seconds = Histogram(
            "matchwatch_scoring_seconds", "Time of the pool for one batch.", buckets=_SECONDS, registry=registry
        )
        self.open_searches = Gauge(
            "matchwatch_open_searches", "Searches whose last horizon has not passed.", ["partition"], registry=registry
        )
        self.waiting_clicks = Gauge(
            "matchwatch_waiting_clicks", "Clicks read before their search.", ["partition"], registry=registry
        )
        self.watermark_seconds = Gauge(
            "matchwatch_watermark_timestamp_seconds",
            "Event time up to which all is known.",
            ["partition"],
            registry=registry,
        )
        self.rollups = Counter("matchwatch_rollups", "Rollups sent.", registry=registry)
        self.signals = Counter("matchwatch_signals", "Signal points sent.", registry=registry)
        self.alerts = Counter("matchwatch_alerts", "Alerts sent, by type.", ["type"], registry=registry)
        self.detect_events = Gauge(
            "matchwatch_detect_events", "What detect counted since its log began, by name.", ["name"], registry=registry
        )
        self.lost_records = Counter(
            "matchwatch_lost_records",
            "Records that retention took before they were read.",
            ["topic"],
            registry=registry,
        )
        self.skipped_offsets = Counter(
            "matchwatch_skipped_offsets",
            "Offsets without a record, within what was read: markers of transactions, else records that compaction or "
            "a deletion took.",
            ["topic"],
            registry=registry,
        )
        self.unreadable_records = Counter(
            "matchwatch_unreadable_records",
            "Records of matchwatch's own topics that it did not write so: left out.",
            ["topic"],
            registry=registry,
        )
        self.not_restored = Counter(
            "matchwatch_state_not_restored",
            "Times that a predecessor's state could not be taken over, by stage and reason.",
            ["stage", "reason"],
            registry=registry,
        )
        self._shown_misconfigured: set[tuple[str, str]] = set()
        self._misconfigured = Gauge(
            "matchwatch_topic_misconfigured",
            "1 for each setting of a topic that is not as the catalogue says (`exists`: there is no such topic).",
            ["topic", "setting"],
            registry=registry,
        )
        self.refused_models = Counter(
            "matchwatch_refused_models",
            "Deployments of match models that could not be loaded; the model before stays live.",
            registry=registry,
        )
        self._pool_workers: dict[str, None] = {}
        self._pool_worker = {
            name: Gauge(f"matchwatch_pool_{name}", what, ["worker"], registry=registry)
            for name, what in (
                ("worker_rss_bytes", "Memory of a worker of the pool, as it reported last."),
                ("gpu_memory_bytes", "GPU memory of a worker of the pool, as it reported last."),
                ("queue_depth", "What waits at a worker of the pool, as it reported last."),
                ("worker_reported_timestamp_seconds", "When a worker of the pool reported last, by its own clock."),
            )
        }
        self._lag = Gauge(
            "matchwatch_consumer_lag_records", "Records not read yet.", ["topic", "partition"], registry=registry
        )
        self.redis_failures = Counter(
            "matchwatch_redis_write_failures",
            "Writes that Redis did not take; the next one repairs it.",
            registry=registry,
        )

    def records(self, stage: str, topic: str, verdicts: Mapping[str, int]) -> None:
        """Count records by verdict."""
        for verdict, number in verdicts.items():
            self._records.labels(stage, topic, verdict).inc(number)

    def fold(self, partition: int, totals: Mapping[str, int]) -> None:
        """Show a partition's counters."""
        for name, number in totals.items():
            self._fold.labels(partition, name).set(number)
        self._misrouted.labels(partition).set(
            sum(number for name, number in totals.items() if name.startswith("misrouted_"))
        )

    def forget_partitions(self) -> None:
        """Show no partition any more: after a rebalance another worker may own it, and would show it as well."""
        for gauge in (
            self._fold,
            self._misrouted,
            self.open_searches,
            self.waiting_clicks,
            self.watermark_seconds,
            self._lag,
        ):
            gauge.clear()

    def lag(self, source: Source, tps: Iterable[TP]) -> None:
        """Show how much of some partitions is not read yet."""
        for tp in tps:
            end = source.end_offset(tp)
            if end is not None:
                self._lag.labels(tp.topic, tp.partition).set(max(0, end - source.position(tp)))

    def pool_worker(self, report: WorkerTelemetry) -> None:
        """Show what a worker of the pool says of itself; of many workers, those that reported last."""
        worker = report.worker[:LONGEST_NAME]
        self._pool_workers.pop(worker, None)
        self._pool_workers[worker] = None
        if len(self._pool_workers) > MAX_POOL_WORKERS:
            oldest = next(iter(self._pool_workers))
            del self._pool_workers[oldest]
            for gauge in self._pool_worker.values():
                gauge.remove(oldest)
        values = (report.rss_bytes, report.gpu_memory_bytes, report.queue_depth, report.time_ms / 1000)
        for gauge, value in zip(self._pool_worker.values(), values, strict=True):
            gauge.labels(worker).set(math.nan if value is None else value)

    def misconfigured(self, settings: Iterable[tuple[str, str]]) -> None:
        """Show which settings of which topics differ from the catalogue: these, and no others any more."""
        wrong = set(settings)
        for topic, setting in wrong:
            self._misconfigured.labels(topic, setting).set(1)
        # What is still wrong never disappears in between: a scrape would see it healed.
        for topic, setting in self._shown_misconfigured - wrong:
            self._misconfigured.remove(topic, setting)
        self._shown_misconfigured = wrong

    def text(self) -> bytes:
        """Give all metrics in Prometheus's text format."""
        return generate_latest(self.registry)
