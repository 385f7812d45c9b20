"""The series that detect watches: how many at most, which are alive, and which are expected to have searches."""

from collections.abc import Callable, Container, Sequence
from typing import Any

import msgspec

from detectors.deployments import latest_live_ms
from detectors.detect_fold_settings import DetectFoldSettings
from detectors.excuses import Excuses
from detectors.known_deployments import KnownDeployments
from detectors.promise import share_promise
from detectors.rules import Rule
from detectors.series_watch import SeriesWatch
from detectors.watch import Watch
from detectors.watched import Watched
from schemas.scores import Series


class KnownSeries:
    """One `SeriesWatch` for each series that has had searches, as long as there is room.

    Args:
        settings: how many there may be, and when they are old.
        rules: in order of evaluation.
        deployments: those that are known; it goes on learning of others.
        misrouted_share: gives the largest share of misrouted events between two event times.
        misrouted_since: gives since when those had been misrouted.
    """

    def __init__(
        self,
        settings: DetectFoldSettings,
        rules: Sequence[Rule],
        deployments: KnownDeployments,
        misrouted_share: Callable[[int, int], float],
        misrouted_since: Callable[[int, int], int | None],
    ) -> None:
        self.watches: dict[Series, SeriesWatch] = {}
        """In the order in which they were learned of: a successor has them in another."""
        self._max_series = settings.max_series
        self._accept_s = settings.accept_s
        self._false_alarm_every_s = settings.false_alarm_every_s
        self._rules = rules
        self._deployments = deployments
        self._excuses = Excuses(misrouted_share, misrouted_since, self._models_of)
        self._excuses.marks = deployments.marks
        self._sharing: dict[int, list[Series]] = {}
        """By horizon, series among which the promise is shared; it is shared anew after a restart."""

    def watch(self, series: Series, now_ms: int) -> SeriesWatch | None:
        """Give the watch of a series that has searches, a new one if need be; None where there is no room for it."""
        watch = self.watches.get(series)
        if watch is None and (len(self.watches) < self._max_series or self._make_room(series, now_ms)):
            watch = self.watches[series] = self._new_watch(series)
        return watch

    def forget_clock(self, before_ms: int) -> None:
        """Expect nothing more of the series that have had no searches since: another recording has begun."""
        for watch in self.watches.values():
            watch.dormant = watch.dormant or watch.last_ms < before_ms

    def lacking(self, start_ms: int, seen: Container[Series]) -> list[Series]:
        """Give the series that must have searches in a cohort and are not among those that were seen in it."""
        return [
            series
            for series, watch in self.watches.items()
            if series not in seen
            and watch.first_ms is not None
            and watch.first_ms < start_ms
            and not watch.dormant
            and start_ms - watch.last_ms <= 2 * self._accept_s * 1000
            and self._deployments.serves(series, start_ms)
        ]

    def missed(self, start_ms: int) -> list[SeriesWatch]:
        """Give the series that have had searches and serve, in order, while nothing comes at all."""
        return [
            watch
            for series, watch in sorted(self.watches.items())
            if watch.first_ms is not None and not watch.dormant and self._deployments.serves(series, start_ms)
        ]

    def share_promise(self, now_ms: int, horizon_s: int, pipeline: Sequence[Watched]) -> None:
        """Share the promise among the series that are alive, where others are than before.

        Each horizon's watches learn of their shares as its own cohorts know the series: how far another horizon is
        decided ahead depends on how the log is read.

        Args:
            now_ms: start of the cohort that is decided.
            horizon_s: its horizon.
            pipeline: what has its share besides.
        """
        oldest_ms = now_ms - self._accept_s * 1000
        alive = [
            series
            for series, watch in self.watches.items()
            if not watch.dormant and horizon_s in watch.traffic and watch.traffic[horizon_s].latest_ms >= oldest_ms
        ]
        if alive == self._sharing.get(horizon_s):
            return
        self._sharing[horizon_s] = alive
        watched = [x for series in alive for x in self.watches[series].watched] + [*pipeline]
        watches = [x.watch for x in watched if isinstance(x.watch, Watch)]
        share_promise(self._false_alarm_every_s, watches, horizon_s)

    def renew_references(self, watch: SeriesWatch, start_ms: int, horizon_s: int) -> None:
        """Let a horizon's references begin anew once a live deployment is so old that what it did is the new level."""
        begun_ms = watch.learned.begun_ms(horizon_s)
        if begun_ms is None or watch.rules.fires_at(horizon_s):
            return
        old_ms = start_ms - self._accept_s * 1000
        deployed_ms = latest_live_ms(self._deployments.marks, begun_ms, old_ms, self._models_of(watch.series))
        if deployed_ms is not None:
            watch.renew_references(horizon_s, deployed_ms)

    def restore(self, state: dict[str, Any]) -> None:
        """Take up one series where another `SeriesWatch` gave its `state`."""
        watch = self._new_watch(msgspec.convert(state["series"], Series))
        watch.restore(state)
        self.watches[watch.series] = watch

    def _models_of(self, of: Series) -> Callable[[str], bool]:
        """Give whether a model of some name serves a series; that of all versions has those of all others."""
        if of != of.all_versions():
            return lambda model: model == of.model
        return lambda model: any(x.all_versions() == of and x.model == model for x in self.watches)

    def _new_watch(self, series: Series) -> SeriesWatch:
        return SeriesWatch(series, self._rules, self._accept_s, self._excuses)

    def _make_room(self, wanted: Series, now_ms: int) -> bool:
        """Forget the series that has been quiet longest, a single version before those of all versions.

        Whatever has been quiet for more than a day may go. For a series of all versions a version that is still busy
        may go as well: deployments come and go, but what a surface does as a whole must be watched.
        """
        is_wanted_most = wanted == wanted.all_versions()
        may_go = []
        for series, watch in self.watches.items():
            is_version = series != series.all_versions()
            is_old = now_ms - watch.last_ms > self._accept_s * 1000
            if not watch.rules.firing and (is_old or (is_wanted_most and is_version)):
                may_go.append((not is_version, watch.last_ms, series))
        if not may_go:
            return False
        del self.watches[min(may_go)[2]]
        return True
