"""The pool's workers as signals: memory and queue, as they report them, by their own clock.

Their reports stand in `model-events`, not in `rollups`: what is told follows from that log alone, and nothing waits for
event time. Each worker has a series of its own, all of them together are told on the pipeline's.
"""

from collections.abc import Mapping
from typing import Any, Final

from detectors.outputs import SignalBatch
from detectors.signal_point import make_ratio
from detectors.standard_errors import mean_standard_error
from schemas.events import WorkerTelemetry
from schemas.rollup import LABEL_FREE, Moments, Rollup
from schemas.scores import LONGEST_NAME, PIPELINE, Series
from schemas.signals import Reason

WORKER_SIGNALS: Final = ("worker_rss_bytes", "gpu_memory_bytes", "queue_depth")
LATENESS_MS: Final = 30_000
"""How far the clocks and reports of workers may lie apart."""
MAX_WORKERS: Final = 100
"""Of one cohort; further ones are told with all together alone."""
OF_WORKERS: Final = "worker"
"""The model that a worker's series names; its version is the worker."""

_Reports = dict[str, Moments]
"""By signal."""


class WorkerWatch:
    """Cohorts of reports, told once no report of theirs is due any more.

    Args:
        bucket_s: length of a cohort.
    """

    def __init__(self, bucket_s: int) -> None:
        self._bucket_s = bucket_s
        self._cohorts: dict[int, dict[str, _Reports]] = {}
        self._together: dict[int, _Reports] = {}
        self._largest_ms = 0
        self.through_ms = 0
        """Every cohort that starts before it has been told."""

    def take(self, report: WorkerTelemetry) -> list[SignalBatch]:
        """Take the next report of the log; give the cohorts that it completes.

        Reports of a cohort that has been told are left out.
        """
        bucket_ms = self._bucket_s * 1000
        start_ms = report.time_ms // bucket_ms * bucket_ms
        if start_ms < self.through_ms:
            return []
        together = self._together.setdefault(start_ms, {})
        workers = self._cohorts.setdefault(start_ms, {})
        name = report.worker[:LONGEST_NAME]
        mine = workers.setdefault(name, {}) if name in workers or len(workers) < MAX_WORKERS else {}
        for signal, value in zip(
            WORKER_SIGNALS, (report.rss_bytes, report.gpu_memory_bytes, report.queue_depth), strict=True
        ):
            if value is not None:
                _add(together, signal, value)
                _add(mine, signal, value)
        self._largest_ms = max(self._largest_ms, report.time_ms)
        return self._complete()

    def state(self) -> dict[str, Any]:
        """Give what a successor needs: it reads the log again, and the reports of open cohorts with it."""
        return {"through_ms": self.through_ms}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up where another one gave its `state`."""
        self.through_ms = state["through_ms"]

    def _complete(self) -> list[SignalBatch]:
        batches = []
        due_ms = self._largest_ms - LATENESS_MS - self._bucket_s * 1000
        for start_ms in sorted(start_ms for start_ms in self._cohorts if start_ms <= due_ms):
            batches.append(self._batch(PIPELINE, start_ms, self._together.pop(start_ms)))
            for worker, reports in sorted(self._cohorts.pop(start_ms).items()):
                batches.append(self._batch(Series("*", "*", OF_WORKERS, worker), start_ms, reports))
            self.through_ms = start_ms + self._bucket_s * 1000
        return batches

    def _batch(self, series: Series, start_ms: int, reports: _Reports) -> SignalBatch:
        cohort = Rollup(series, start_ms, self._bucket_s, LABEL_FREE, 0)
        points = []
        for signal in WORKER_SIGNALS:
            x = reports.get(signal, Moments())
            error = mean_standard_error(x.count, x.total, x.squares)
            ratio = (x.total, x.count)
            points.append(make_ratio(signal, cohort, ratio, n=x.count, error=error, without=Reason.NO_REPORTS))
        return SignalBatch(series, start_ms, LABEL_FREE, points)


def _add(reports: _Reports, signal: str, value: float) -> None:
    x = reports.setdefault(signal, Moments())
    x.count, x.total, x.squares = x.count + 1, x.total + value, x.squares + value * value
