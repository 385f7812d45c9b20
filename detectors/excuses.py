"""What explains a rule's condition from outside of its series: a sick pipeline, or a version that warms up.

An explained alert stays pending: it fires if the condition outlives the explanation. A rule of the same series that
explains another one stands in its `inhibited_by`; here is what no series knows of another.
"""

from collections.abc import Callable, Sequence
from typing import Final

from detectors.alert_text import SAME_TIME_S
from detectors.deployments import CAUSE_ROLES, DeploymentMark
from detectors.watches import AnyWatch
from schemas.scores import Series

WARM_UP_S: Final = 90
"""So long after a deployment slow answers are not told: caches fill and code is loaded for half a minute, and a watch
takes another one to see that it is over."""
COLD_S: Final = 30
"""What begins later than this after a deployment is no cold start."""
MISROUTED_RULE: Final = "events_misrouted"
FALL_PER_MISROUTED: Final = 4.0
"""By how much of its level a rate of clicks may fall for each share of misrouted events. A click is lost when it or
its search lies in a wrong partition; where only clicks do, they are a part of all events: a quarter at least."""
LATELY_S: Final = 120
"""Misrouted events explain what clicks do for so long, and only what began within so long of them."""


class Excuses:
    """Asked only about conditions that hold and do not fire yet.

    Args:
        misrouted_share: gives the largest share of misrouted events between two event times.
        misrouted_since: gives since when those had been misrouted.
        models_of: gives whether a model of some name serves a series.
    """

    def __init__(
        self,
        misrouted_share: Callable[[int, int], float],
        misrouted_since: Callable[[int, int], int | None],
        models_of: Callable[[Series], Callable[[str], bool]],
    ) -> None:
        self.marks: Sequence[DeploymentMark] = ()
        """Deployments that are known."""
        self._misrouted_share = misrouted_share
        self._misrouted_since = misrouted_since
        self._models_of = models_of

    def explain(self, watch: AnyWatch, series: Series, end_ms: int) -> bool:
        """Whether something outside of the series explains the condition at the end of a cohort."""
        if MISROUTED_RULE in watch.rule.inhibited_by and self._loses_clicks(watch, end_ms):
            return True
        return watch.signal.startswith("latency_") and self._warms_up(watch, series, end_ms)

    def _loses_clicks(self, watch: AnyWatch, end_ms: int) -> bool:
        share = self._misrouted_share(end_ms - LATELY_S * 1000, end_ms)
        since_ms = self._misrouted_since(end_ms - LATELY_S * 1000, end_ms)
        if since_ms is None or watch.expected <= 0:
            return False
        if abs(watch.started_at_ms - since_ms) > LATELY_S * 1000:
            return False  # they had been misrouted for long, or not yet, when clicks fell
        fall = 1 - (watch.value or 0.0) / watch.expected
        return FALL_PER_MISROUTED * share >= fall

    def _warms_up(self, watch: AnyWatch, series: Series, end_ms: int) -> bool:
        recent = [
            mark
            for mark in self.marks
            if mark.role in CAUSE_ROLES and mark.time_ms <= end_ms < mark.time_ms + WARM_UP_S * 1000
        ]
        if not recent:
            return False
        serves = self._models_of(series)
        # What was slow before has another reason; a beginning is known to a cohort.
        return any(
            serves(mark.model) and -SAME_TIME_S <= (watch.started_at_ms - mark.time_ms) / 1000 <= COLD_S
            for mark in recent
        )
