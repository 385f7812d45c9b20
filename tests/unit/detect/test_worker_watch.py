"""What the pool's workers report of themselves becomes signals, by their own clock."""

import numpy as np
import pytest

from detectors.detect_fold import DetectFold
from detectors.outputs import SignalBatch
from detectors.worker_watch import LATENESS_MS, MAX_WORKERS, WORKER_SIGNALS, WorkerWatch
from schemas.events import WorkerTelemetry
from schemas.scores import PIPELINE, Series
from schemas.signals import SignalPoint, encode_signals

T0 = 1_795_428_000_000


def report(second: float, worker: str = "gpu-1", rss: int | None = None, queue: int | None = None) -> WorkerTelemetry:
    return WorkerTelemetry(T0 + round(second * 1000), worker, [], rss_bytes=rss, queue_depth=queue)


def told(watch: WorkerWatch | DetectFold, reports: list[WorkerTelemetry]) -> list[SignalBatch]:
    take = watch.take if isinstance(watch, WorkerWatch) else watch.apply_telemetry
    return [x for each in reports for x in take(each) if isinstance(x, SignalBatch)]


def of(batches: list[SignalBatch], signal: str, series: Series = PIPELINE) -> list[SignalPoint]:
    return [point for batch in batches if batch.series == series for point in batch.points if point.signal == signal]


def test_a_cohort_is_the_mean_of_its_reports_of_all_workers_and_of_each() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.integers(10**9, 2 * 10**9, (2, 5)).tolist()
    reports = [report(2 * i, "gpu-1", x, i) for i, x in enumerate(first)]
    reports += [report(2 * i + 1, "gpu-2", x) for i, x in enumerate(second)]
    batches = told(WorkerWatch(10), [*reports, report(10 + LATENESS_MS / 1000, "gpu-1")])
    assert [batch.series for batch in batches] == [
        PIPELINE,
        Series("*", "*", "worker", "gpu-1"),
        Series("*", "*", "worker", "gpu-2"),
    ]
    (all_,) = of(batches, "worker_rss_bytes")
    both = np.array([*first, *second], dtype=np.float64)
    assert (all_.value, all_.n, all_.cohort_start_ms) == (pytest.approx(both.mean()), 10, T0)
    assert all_.standard_error == pytest.approx(both.std(ddof=1) / np.sqrt(10), rel=1e-6)
    (one,) = of(batches, "worker_rss_bytes", batches[1].series)
    assert one.value == pytest.approx(np.mean(first))
    (queue,) = of(batches, "queue_depth")
    assert (queue.value, queue.n) == (2.0, 5)
    (gpu,) = of(batches, "gpu_memory_bytes")
    assert (gpu.value, gpu.reason, gpu.n) == (None, "no_reports", 0)
    assert all(encode_signals(batch.points) for batch in batches)


def test_reports_wait_for_others_and_what_comes_after_them_is_left_out() -> None:
    watch = WorkerWatch(10)
    assert told(watch, [report(5, rss=1), report(35, rss=1), report(39.9, rss=1)]) == []
    batches = told(watch, [report(4, "slow", rss=3), report(40, rss=1), report(9, "late", rss=100)])
    assert [x.value for x in of(batches, "worker_rss_bytes")] == [2.0]
    later = told(watch, [report(300, rss=7)])
    assert [x.cohort_start_ms - T0 for x in of(later, "worker_rss_bytes")] == [30_000, 40_000]


def test_a_successor_reads_the_log_again_and_tells_what_has_not_been_told() -> None:
    log = [report(second, f"gpu-{second % 3}", rss=second**2) for second in range(120)]
    whole = told(DetectFold(), log)
    first = DetectFold()
    before = told(first, log[:77])
    successor = DetectFold.from_state(first.state())
    assert before + told(successor, log) == whole
    assert len(of(whole, "worker_rss_bytes")) == 8
    # A state from before workers were watched has no such part.
    state = first.state()
    del state["workers"]
    state["fold"]["part"]["parts"].remove("workers")
    assert told(DetectFold.from_state(state), log) == whole


def test_of_very_many_workers_the_rest_is_told_together_alone() -> None:
    reports = [report(1, f"gpu-{i}", rss=i) for i in range(3 * MAX_WORKERS)]
    batches = told(WorkerWatch(10), [*reports, report(60, rss=0)])
    assert len(batches) == 1 + MAX_WORKERS
    assert of(batches, "worker_rss_bytes")[0].n == 3 * MAX_WORKERS
    assert {point.signal for batch in batches for point in batch.points} == set(WORKER_SIGNALS)
