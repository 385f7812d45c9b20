"""The topic catalogue: every topic, who writes it, how it is partitioned and how long it is kept."""

from enum import StrEnum
from typing import Final

import msgspec

_DAY_MS: Final = 24 * 60 * 60 * 1000
LARGEST_EVENT_BYTES: Final = 8 * 1024 * 1024
"""What the shop's topics take: an oversized event shall reach us, to become a dead letter with its reason."""


class Cleanup(StrEnum):
    """What Kafka does with old records."""

    DELETE = "delete"
    COMPACT = "compact"


class Topic(msgspec.Struct, frozen=True):
    """One topic of the catalogue; every topic stamps records with the time of their arrival (LogAppendTime)."""

    name: str
    key: str
    """What the key holds; an empty string where records have none."""
    value: str
    writers: tuple[str, ...]
    summary: str
    cleanup: Cleanup = Cleanup.DELETE
    retention_ms: int | None = 7 * _DAY_MS
    """How long records are kept; None for compacted topics, which keep the newest of each key."""
    min_compaction_lag_ms: int = 0
    max_message_bytes: int | None = None
    """None leaves the broker's default of about 1 MiB."""
    one_partition: bool = False
    """True where readers need the whole view in one order; the others have `kafka.partitions` partitions."""
    feeds_cohorts: bool = False
    """Whether it must hold what open cohorts are made of: a successor reads that again."""

    def partitions(self, wanted: int) -> int:
        """How many partitions this topic has where `kafka.partitions` is `wanted`."""
        return 1 if self.one_partition else wanted

    def config(self) -> dict[str, str]:
        """Give the topic's Kafka settings, as CreateTopics takes them."""
        settings = {"cleanup.policy": self.cleanup.value, "message.timestamp.type": "LogAppendTime"}
        if self.retention_ms is not None:
            settings["retention.ms"] = str(self.retention_ms)
        if self.min_compaction_lag_ms:
            settings["min.compaction.lag.ms"] = str(self.min_compaction_lag_ms)
        if self.max_message_bytes is not None:
            settings["max.message.bytes"] = str(self.max_message_bytes)
        return settings


SEARCH_EVENTS: Final = Topic(
    name="search-events",
    key="query_id",
    value="JSON SearchEvent",
    writers=("shop",),
    summary="What the shop showed for each search.",
    max_message_bytes=LARGEST_EVENT_BYTES,
    feeds_cohorts=True,
)
CLICK_EVENTS: Final = Topic(
    name="click-events",
    key="query_id",
    value="JSON ClickEvent",
    writers=("shop",),
    summary="What people did with the results.",
    max_message_bytes=LARGEST_EVENT_BYTES,
    feeds_cohorts=True,
)
CATALOG_ITEMS: Final = Topic(
    name="catalog-items",
    key="object_id",
    value="JSON CatalogItem",
    writers=("shop",),
    summary="Title, category and price of each item; a null value withdraws it.",
    max_message_bytes=LARGEST_EVENT_BYTES,
    cleanup=Cleanup.COMPACT,
    retention_ms=None,
)
MODEL_EVENTS: Final = Topic(
    name="model-events",
    key="model name",
    value="JSON Deployment or WorkerTelemetry",
    writers=("cd", "pool workers"),
    summary="What was deployed, and how the pool's workers are.",
    retention_ms=30 * _DAY_MS,
    one_partition=True,
)
MATCH_SCORES: Final = Topic(
    name="match-scores",
    key="",
    value="MessagePack ScoreBlock or ScoreControl",
    writers=("score",),
    summary="Validated searches with the match probability of every shown item, in source order.",
    feeds_cohorts=True,
)
ROLLUPS: Final = Topic(
    name="rollups",
    key="series key",
    value="MessagePack Rollup or RollupControl",
    writers=("evaluate",),
    summary="Additive counts per series, cohort, horizon and partition.",
    one_partition=True,
    feeds_cohorts=True,
)
SIGNALS: Final = Topic(
    name="signals",
    key="series key",
    value="JSON SignalPoint",
    writers=("detect",),
    summary="One value per signal, series and cohort, with n and standard error.",
    retention_ms=30 * _DAY_MS,
    one_partition=True,
)
DETECTOR_STATE: Final = Topic(
    name="detector-state",
    key="name",
    value="MessagePack, plain numbers, versioned",
    writers=("detect",),
    summary="What detect needs to go on where its predecessor stopped.",
    cleanup=Cleanup.COMPACT,
    retention_ms=None,
    one_partition=True,
)
ALERTS: Final = Topic(
    name="alerts",
    key="fingerprint",
    value="CloudEvents 1.0 JSON",
    writers=("detect",),
    summary="Alerts as they fire and resolve.",
    cleanup=Cleanup.COMPACT,
    retention_ms=None,
    min_compaction_lag_ms=7 * _DAY_MS,
    one_partition=True,
)
SILENCES: Final = Topic(
    name="silences",
    key="id",
    value="JSON Silence",
    writers=("people",),
    summary="Which alerts page nobody, from when until when; a null value withdraws a silence.",
    cleanup=Cleanup.COMPACT,
    retention_ms=None,
    one_partition=True,
)
DEAD_LETTERS: Final = Topic(
    name="dead-letters",
    key="origin",
    value="JSON DeadLetter",
    writers=("any stage",),
    summary="Records that break their contract, with reason, field path and origin.",
    retention_ms=30 * _DAY_MS,
)

CATALOGUE: Final = (
    SEARCH_EVENTS,
    CLICK_EVENTS,
    CATALOG_ITEMS,
    MODEL_EVENTS,
    MATCH_SCORES,
    ROLLUPS,
    SIGNALS,
    DETECTOR_STATE,
    ALERTS,
    SILENCES,
    DEAD_LETTERS,
)
