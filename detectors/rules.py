"""Rules: which signal of which series is watched by which detector, and the set that is on by default."""

from fnmatch import fnmatchcase
from typing import Final, Literal

import msgspec

from detectors.drift import Direction
from detectors.lifecycle import RENOTIFY_S
from schemas.rollup import LABEL_FREE

Kind = Literal[
    "cusum", "page_hinkley", "adwin", "threshold", "absence", "burn_rate", "seasonal_band", "multivariate", "canary"
]
ANOMALY_SCORE: Final = "anomaly_score"
"""How odd several signals are together: what rules with the detector `multivariate` watch."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule; it watches each signal that its pattern fits, on each series of its scope, on its own."""

    name: str
    signal: str
    """Signal name or shell pattern (`latency_p9?`)."""
    scope: Literal["all_versions", "per_version", "any"] = "all_versions"
    """`all_versions`: the `*` series of each surface, where a rollout shows as a shift. `per_version`: all others."""
    detector: Kind = "cusum"
    settings: dict[str, float] = {}
    """The detector's: `delta`, `threshold`, `limit`, `expected`; and for all that compare with the series' own past:
    `min_effect`, the smallest change worth an alert, and `relative`, 1 where that is a share of the level."""
    signals: tuple[str, ...] = ()
    """Names or patterns of the signals that `multivariate` looks at together."""
    horizon_s: int = LABEL_FREE
    direction: Direction = "down"
    for_s: int = 0
    """How long the condition must hold before it fires, event time."""
    resolve_s: int = 120
    """How long it must be gone before it resolves."""
    renotify_s: int = RENOTIFY_S
    """How often it is repeated while it fires, event time."""
    severity: str = "critical"
    """The highest that its alerts have; see `severity.py`."""
    min_n: int = 50
    """Cohorts are pooled until they hold so many searches, impressions or pairs."""
    memory_s: int = 3600
    """How long the baseline remembers, exponentially. Volume follows the time of day, so it must forget sooner."""
    runbook: str = ""
    """URL; empty: the settings' runbook page and the rule's name."""
    false_alarm_every_s: int | None = None
    """Expected time between the false alarms of this rule, over all its series; None: it has a share of the promise
    for all rules together."""
    inhibited_by: tuple[str, ...] = ()
    """Rules whose condition on the same series explains this one, which then stays pending; `events_misrouted` is the
    pipeline's, and explains what it may explain by its size."""

    def watches(self, signal: str) -> bool:
        """Whether the rule's pattern fits a signal."""
        return fnmatchcase(signal, self.signal)


DEFAULT_RULES: Final = (
    Rule(
        name="events_misrouted",
        signal="misrouted_rate",
        detector="threshold",
        settings={"limit": 0.0},
        direction="up",
        min_n=1,
    ),
    Rule(
        name="searches_unscored",
        signal="unscored_rate",
        detector="threshold",
        settings={"limit": 0.05},
        direction="up",
        resolve_s=60,
        min_n=20,
    ),
    Rule(
        name="searches_absent",
        signal="search_rate",
        detector="absence",
        for_s=20,
        resolve_s=60,
        min_n=0,
        memory_s=900,
    ),
    Rule(
        name="click_tracking_lost",
        signal="click_rate",
        detector="absence",
        horizon_s=60,
        for_s=10,
        min_n=0,
        inhibited_by=("events_misrouted",),
    ),
    Rule(
        name="search_rate_drop",
        signal="search_rate",
        settings={"min_effect": 0.35, "relative": 1.0},
        severity="warning",
        min_n=20,
        memory_s=900,
        inhibited_by=("searches_absent",),
    ),
    Rule(
        name="match_drop",
        signal="match_at_10",
        settings={"min_effect": 0.03},
        min_n=20,
        inhibited_by=("searches_unscored",),
    ),
    Rule(
        name="ctr_drop",
        signal="ctr",
        settings={"min_effect": 0.12, "relative": 1.0},
        horizon_s=60,
        min_n=300,
        inhibited_by=("click_tracking_lost", "events_misrouted"),
    ),
    Rule(
        name="proxy_lift_drop",
        signal="ctr_proxy_lift",
        settings={"min_effect": 0.05},
        horizon_s=60,
        severity="warning",
        min_n=100,
        inhibited_by=("click_tracking_lost",),
    ),
    Rule(
        name="latency_p95_rise",
        signal="latency_p95",
        settings={"min_effect": 0.05},
        direction="up",
        min_n=100,
    ),
    Rule(
        name="latency_p99_rise",
        signal="latency_p99",
        settings={"min_effect": 0.02},
        direction="up",
        severity="warning",
        min_n=300,
    ),
    Rule(
        name="zero_results_rise",
        signal="zero_result_rate",
        settings={"min_effect": 0.05},
        direction="up",
        min_n=50,
    ),
    Rule(
        name="exposure_shift",
        signal="exposure_js",
        settings={"min_effect": 0.02},
        direction="up",
        severity="warning",
        min_n=50,
    ),
    Rule(
        name="missing_titles_rise",
        signal="missing_field_rate",
        settings={"min_effect": 0.05},
        direction="up",
        severity="warning",
        min_n=300,
    ),
    Rule(
        name="unknown_tokens_rise",
        signal="unknown_token_rate",
        settings={"min_effect": 0.08},
        direction="up",
        severity="warning",
        min_n=100,
        inhibited_by=("searches_unscored",),
    ),
    Rule(
        name="canary_ctr_drop",
        signal="ctr",
        scope="per_version",
        detector="canary",
        settings={"margin": 0.05},
        horizon_s=60,
        min_n=200,
    ),
    Rule(
        name="canary_match_drop",
        signal="match_at_10",
        scope="per_version",
        detector="canary",
        settings={"margin": 0.02},
        min_n=20,
    ),
    Rule(
        name="canary_zero_results_rise",
        signal="zero_result_rate",
        scope="per_version",
        detector="canary",
        settings={"margin": 0.2},
        direction="up",
        min_n=20,
    ),
    Rule(
        name="canary_latency_rise",
        signal="latency_p95",
        scope="per_version",
        detector="canary",
        settings={"margin": 0.2},
        direction="up",
        severity="warning",
        min_n=20,
    ),
)
"""In order of evaluation: a rule comes after those that inhibit it."""
