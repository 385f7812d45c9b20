"""Every setting, its unit and its default: one TOML file, a section for each struct here."""

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from schemas.durations import DURATION_PATTERN
from schemas.redis_url import without_password

# Each kind of value says in words what it wants, for the person whose value it refuses.
Positive = Annotated[int, Meta(ge=1, le=2**31 - 1, description="a whole number from 1")]
NotNegative = Annotated[int, Meta(ge=0, le=2**31 - 1, description="a whole number from 0")]
Seconds = Annotated[int, Meta(ge=1, le=31_536_000, description="whole seconds from 1, a year at most")]
RenotifySeconds = Annotated[int, Meta(ge=60, le=604_800, description="whole seconds from 60, a week at most")]
SecondsOrZero = Annotated[int, Meta(ge=0, le=31_536_000, description="whole seconds from 0, a year at most")]
Port = Annotated[int, Meta(ge=0, le=65_535, description="a port from 0 to 65535")]
Replicas = Annotated[int, Meta(ge=1, le=32_767, description="a whole number from 1")]
Horizons = Annotated[
    tuple[Seconds, ...], Meta(min_length=1, max_length=4, description="one to four whole numbers of seconds, rising")
]
Text = Annotated[str, Meta(min_length=1, description="text that is not empty")]
Word = Annotated[
    str, Meta(pattern=r"^[a-z][a-z0-9_]*\Z", description="a word of lower-case letters, digits and underscores")
]
GroupPrefix = Annotated[
    str, Meta(min_length=1, max_length=200, pattern=r"^\S+\Z", description="1 to 200 characters without spaces")
]
# What Kafka allows in the name of a topic; its limit of 249 leaves room for ours.
TopicPrefix = Annotated[
    str,
    Meta(pattern=r"^[a-zA-Z0-9._-]{0,100}\Z", description="at most 100 letters, digits, dots, underscores and hyphens"),
]
_BROKER: Final = r"(\[[0-9a-fA-F:]+\]|[^\s,:\[\]]+):[0-9]{1,5}"
Brokers = Annotated[
    str, Meta(pattern=f"^{_BROKER}(\\s*,\\s*{_BROKER})*\\Z", description="host:port, several separated by commas")
]
RedisUrl = Annotated[
    str,
    Meta(pattern=r"^(redis|rediss|unix)://\S+\Z", description="a URL that begins with redis://, rediss:// or unix://"),
]
SegmentSource = Annotated[
    str,
    Meta(
        pattern=r"^(query_attributes\.[^\s.]+|results\.category)\Z",
        description="results.category, or query_attributes. and a name",
    ),
]
WorkerUrl = Annotated[
    str,
    Meta(pattern=r"^https?://[^\s/?#@]+\Z", description="http://host:port"),
]
ModelPart = Annotated[
    str,
    Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*\Z", description="letters, digits, dots, underscores and hyphens"),
]
Duration = Annotated[
    str,
    Meta(
        pattern=DURATION_PATTERN,
        description="a whole number from 1 and a unit: 90m, 12h, 30d or 8w",
    ),
]
SignalPattern = Annotated[
    str, Meta(pattern=r"^[a-z0-9_*?\[\]!-]+\Z", description="a signal's name, or a pattern of *, ? and [...]")
]


class KafkaSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[kafka]`: where the log is, and how our topics and groups are called."""

    brokers: Brokers = "127.0.0.1:9092"
    """`host:port`, several separated by commas."""
    partitions: Positive = 4
    """Of the topics that have more than one; it cannot change while their records are kept."""
    replication_factor: Replicas = 1
    topic_prefix: TopicPrefix = ""
    """Put before every topic's name, so that several installations can share a broker."""
    group_prefix: GroupPrefix = "matchwatch"
    """The consumer groups are `<group_prefix>-score`, `-evaluate` and `-detect`."""
    session_timeout_s: Seconds = 10
    """How long the broker waits for a worker's heartbeat before its partitions go to another."""


class RedisSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[redis]`: where the live counters are shown; nothing is kept there."""

    url: RedisUrl = "redis://127.0.0.1:6379/0"
    """A secret where it holds a password, so it is never printed as it is."""

    @property
    def shown_url(self) -> str:
        """The URL without its password, for people to read."""
        return without_password(self.url)

    def __repr__(self) -> str:
        return f"RedisSettings(url={self.shown_url!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:  # Rich asks here before it asks repr
        return [("url", self.shown_url)]


class FoldSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[fold]`: how events become cohorts."""

    bucket_s: Seconds = 10
    """Length of a cohort in event time."""
    horizons_s: Horizons = (60, 1800)
    """How long after a search its clicks are counted, rising."""
    lateness_s: SecondsOrZero = 30
    """How far behind the newest event of its partition an event may be dated."""
    max_ahead_s: SecondsOrZero = 300
    """How far ahead of its record's arrival an event may be dated."""
    idle_timeout_s: Seconds = 30
    """Wall-clock seconds at the end of a partition after which it no longer holds the others back."""
    align_s: Seconds = 10
    """How far one topic is read ahead of the other, in event time."""
    segments: Annotated[
        dict[Word, SegmentSource], Meta(max_length=8, description="a table of at most eight dimensions")
    ] = msgspec.field(
        default_factory=lambda: {
            "device": "query_attributes.device",
            "locale": "query_attributes.locale",
            "category": "results.category",
        }
    )
    """Dimensions of the drill-down: name and where a search holds the value."""
    max_segment_values: Annotated[int, Meta(ge=1, le=200, description="a whole number from 1 to 200")] = 50
    """Values kept apart for each segment; the rest is `other`."""

    @property
    def keep_s(self) -> int:
        """How long records are needed that open cohorts are made of: as long as a search is remembered, and late."""
        return self.bucket_s + self.horizons_s[-1] + 3 * self.lateness_s


class MatchModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A match model in the model repository: `<models_dir>/<name>/<version>/`."""

    name: ModelPart = "shop-match"
    version: ModelPart = "1"


class ScoreSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[score]`: the match model and the pool that runs it."""

    models_dir: Text = "models"
    """The model repository; a relative path starts at the working directory."""
    live: MatchModel = MatchModel()
    """Scores until a deployment in `model-events` says otherwise."""
    models: tuple[ModelPart, ...] = ("shop-match",)
    """Names whose deployments the pool acts on; all other deployments are change markers."""
    cache_items: NotNegative = 200_000
    """Item embeddings kept in memory."""
    score_deadline_s: Seconds = 30
    """How long a search waits for the pool; then it passes on unscored."""
    pool: Literal["local", "remote"] = "local"
    """Where the model runs: in the worker's own process, or on the workers listed below."""
    workers: tuple[WorkerUrl, ...] = ()
    """Pool workers (`matchwatch serve`, Triton, ...): their HTTP addresses."""


class DetectSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[detect]`: what detect says and keeps beyond its rules."""

    cause_window_s: Seconds = 3600
    """How long before a change a deployment may lie to be suspected."""
    cause_after_cohorts: NotNegative = 2
    """How many cohorts after the estimated change it may lie: the estimate is not exact."""
    state_every_s: Seconds = 60
    """How often detect writes its state to `detector-state`."""
    false_alarm_every: Duration = "30d"
    """Expected time between false alarms, of all rules on all series together."""


class HttpSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[http]`: metrics, liveness and readiness of a worker."""

    host: Text = "127.0.0.1"
    port: Port = 0
    """0 takes a free port, which the worker prints."""


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One of `[[rules]]`: which signals a detector looks at, and what becomes of its verdicts."""

    name: Word
    signal: SignalPattern
    """A signal's name, or a pattern of `*`, `?` and `[...]`."""
    scope: Literal["all_versions", "per_version", "any"] = "all_versions"
    """Which series: the one with version `*`, those of single versions, or both."""
    detector: Word
    """`threshold`, `adwin`, `page_hinkley`, or another that detectors/ has."""
    settings: dict[Word, float] = {}
    """The detector's own settings, plain numbers."""
    signals: tuple[SignalPattern, ...] = ()
    """Names or patterns of the signals that `multivariate` looks at together; its `signal` is `anomaly_score`."""
    horizon_s: SecondsOrZero = 0
    """Which horizon's values; 0 for signals that need no clicks."""
    direction: Literal["up", "down", "both"] = "both"
    """Which way is bad."""
    for_s: SecondsOrZero = 0
    """Event time that the detector must stay alarmed before the alert fires."""
    resolve_s: SecondsOrZero = 60
    """Event time that it must stay calm before the alert resolves."""
    renotify_s: RenotifySeconds = 14_400
    """Event time after which it is repeated while it fires."""
    severity: Literal["info", "warning", "critical"] = "warning"
    min_n: NotNegative = 1
    """Values from fewer observations are not looked at."""
    runbook: str = ""
    """A URL for the person who is called."""
    false_alarm_every: Duration | None = None
    """Expected time between false alarms of this rule, on all its series together; without it the rule has a share of
    what is promised for all."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All settings."""

    kafka: KafkaSettings = KafkaSettings()
    redis: RedisSettings = RedisSettings()
    fold: FoldSettings = msgspec.field(default_factory=FoldSettings)
    score: ScoreSettings = ScoreSettings()
    detect: DetectSettings = DetectSettings()
    http: HttpSettings = HttpSettings()
    rules: tuple[Rule, ...] | None = None
    """None means the default rules of detectors/; a list, also an empty one, takes their place."""


SECRET_PATHS: Final = frozenset({"redis.url"})
"""Settings whose values no message shows."""
