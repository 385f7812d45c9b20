"""Which watches a rule makes of a series: one for each signal that it looks at."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Final

from detectors.absence_watch import AbsenceWatch
from detectors.burn_watch import BurnWatch
from detectors.canary_watch import CanaryWatch
from detectors.drift_watch import DriftWatch
from detectors.limit_watch import LimitWatch
from detectors.observation import PIPELINE_SIGNALS, all_watchable
from detectors.rules import ANOMALY_SCORE, Rule
from detectors.seasonal_watch import SeasonalWatch
from detectors.shift_watch import ShiftWatch
from detectors.slow_share import SLOW_SHARE
from detectors.vector_watch import VectorWatch
from detectors.watch import VOLUME, Watch

AnyWatch = Watch | BurnWatch | SeasonalWatch | VectorWatch | CanaryWatch
LEVEL_WATCHES: Final[Mapping[str, type[Watch]]] = {
    "absence": AbsenceWatch,
    "adwin": DriftWatch,
    "cusum": ShiftWatch,
    "page_hinkley": DriftWatch,
    "threshold": LimitWatch,
}
"""By detector."""
NOT_IN_VECTORS = PIPELINE_SIGNALS | {"exposure_js"}
"""The pipeline has a series of its own, and exposure is compared over pools of its own."""


def follows_day(rule: Rule, signal: str) -> bool:
    """Whether a watch compares with what is usual at its time of day, as far as that is known."""
    return signal == VOLUME and rule.detector in {"absence", "cusum"}


def signals_of(rule: Rule) -> list[str]:
    """Give the signals that a rule watches, each by a watch of its own."""
    if rule.signal in {ANOMALY_SCORE, SLOW_SHARE}:
        return [rule.signal]
    return [signal for signal in all_watchable() if rule.watches(signal)]


def signals_together(rule: Rule) -> tuple[str, ...]:
    """Give the signals that a rule watches together, in a fixed order."""
    return tuple(
        signal
        for signal in all_watchable()
        if signal not in NOT_IN_VECTORS and any(fnmatchcase(signal, pattern) for pattern in rule.signals)
    )


def make_watch(rule: Rule, signal: str) -> AnyWatch:
    """Build the watch of a rule on a signal."""
    if rule.detector == "burn_rate":
        return BurnWatch(rule, signal)
    if rule.detector == "seasonal_band":
        return SeasonalWatch(rule, signal)
    if rule.detector == "multivariate":
        return VectorWatch(rule, signals_together(rule))
    if rule.detector == "canary":
        return CanaryWatch(rule, signal)
    return make_level_watch(rule, signal)


def make_level_watch(rule: Rule, signal: str) -> Watch:
    """Build the watch of a rule on a signal's level, whose detector is one of `LEVEL_WATCHES`."""
    return LEVEL_WATCHES[rule.detector](rule, signal)
