"""What the watches of a series are shown of a cohort: each what it looks at, beside what that is compared with."""

from typing import NamedTuple

from detectors.canary_watch import CanaryWatch
from detectors.observation import Observation, observe
from detectors.reference import Reference
from detectors.season import Season
from detectors.signal_reference import SignalReference
from detectors.slow_share import SLOW_SHARE, slow_share
from detectors.vector_watch import VectorWatch
from detectors.watches import AnyWatch, follows_day
from detectors.watching import Verdict
from schemas.rollup import Rollup


class Beside(NamedTuple):
    """The live version that serves beside a canary."""

    version: str
    rollup: Rollup | None
    """What it did in the same cohort."""
    reference: Reference
    """What its latency was like: the canary's is compared with that."""


class CohortView(NamedTuple):
    """One cohort of a series, as its watches see it."""

    rollup: Rollup
    reference: Reference
    learned: SignalReference
    exposure: Observation | None = None
    """The pool of categories that the cohort completed, where it completed one."""
    beside: Beside | None = None
    """Where the series is a canary, the live version."""
    season: Season | None = None
    """The time of day, where it is known how the series follows it."""

    def show(self, watch: AnyWatch) -> Verdict | None:
        """Let a watch look, and give its verdict; None where there is nothing for it to see."""
        start_ms = self.rollup.cohort_start_ms
        end_ms = start_ms + self.rollup.bucket_s * 1000
        if isinstance(watch, VectorWatch):
            seen = {name: self._of(name) for name in watch.signals}
            return watch.update(start_ms, end_ms, {name: x for name, x in seen.items() if x is not None})
        if isinstance(watch, CanaryWatch):
            live = self.beside
            if live is None or live.rollup is None:
                return None
            return watch.look(self.rollup, live.rollup, live.reference, live.version)
        x: Observation | None
        if watch.signal == "exposure_js":
            x = self.exposure
        elif watch.signal == SLOW_SHARE:
            x = slow_share(self.rollup, watch.rule.settings["slower_than_ms"])
        else:
            x = self._of(watch.signal)
        if x is not None and self.season is not None and follows_day(watch.rule, watch.signal):
            x = x.in_season(self.season)
        return None if x is None else watch.update(start_ms, end_ms, x)

    def _of(self, signal: str) -> Observation | None:
        return observe(signal, self.rollup, self.reference, self.learned)
