"""Total silence: no searches on any partition, only the controls' wall clock goes on."""

from collections.abc import Iterator

import msgspec

from detectors.detect_fold import DetectFold
from detectors.outputs import Output, SignalBatch, Transition
from schemas.rollup import Rollup, RollupControl
from tests.unit.detect.following import seconds
from tests.unit.detect.shop_rollups import START_MS, Shop

QUIET_S = 1200


def then_silence(speed: float = 1.0, wall_offset_ms: int = 0, silent_s: int = 180) -> Iterator[Rollup | RollupControl]:
    """Twenty minutes of searches, then controls of an idle source every ten seconds by the wall."""
    last: RollupControl | None = None
    for record in Shop(rate=20, minutes=QUIET_S / 60, seed=4, surfaces=("search",), closing=False).records():
        if not isinstance(record, RollupControl):
            yield record
            continue
        wall_ms = START_MS + wall_offset_ms + int((record.wall_ms - START_MS) / speed)
        last = _with(record, wall_ms, idle=False)
        yield last
    assert last is not None
    for second in range(10, silent_s + 1, 10):
        yield _with(last, last.wall_ms + second * 1000, idle=second >= 30)


def _with(control: RollupControl, wall_ms: int, *, idle: bool) -> RollupControl:
    return RollupControl(
        control.partition,
        control.partitions,
        control.closed_through_ms,
        control.watermark_ms,
        control.largest_time_ms,
        idle,
        wall_ms,
    )


def outputs_of(records: Iterator[Rollup | RollupControl]) -> list[Output]:
    fold = DetectFold()
    return [x for offset, record in enumerate(records) for x in fold.apply(record, offset)]


def test_silence_of_live_traffic_fires_once_and_shows_zeros() -> None:
    outputs = outputs_of(then_silence())
    fired = [x for x in outputs if isinstance(x, Transition)]
    assert [x.data.rule for x in fired] == ["searches_absent"]
    assert abs(seconds(fired[0].data.started_at) - QUIET_S) <= 60
    zeros = [x for x in outputs if isinstance(x, SignalBatch) and x.points[0].value == 0]
    assert zeros
    assert all(x.cohort_start_ms >= START_MS + QUIET_S * 1000 for x in zeros)


def test_the_end_of_a_replayed_log_is_no_silence() -> None:
    outputs = outputs_of(then_silence(wall_offset_ms=86_400_000))
    assert [x for x in outputs if isinstance(x, Transition)] == []


def test_the_end_of_accelerated_traffic_is_no_silence() -> None:
    outputs = outputs_of(then_silence(speed=20.0))
    assert [x for x in outputs if isinstance(x, Transition)] == []


def test_a_control_that_is_still_called_idle_when_searches_have_come_back_decides_nothing_ahead_of_them() -> None:
    fold = DetectFold()
    for offset, record in enumerate(then_silence()):
        fold.apply(record, offset)
    assert isinstance(record, RollupControl)
    back_ms = record.wall_ms
    outputs = fold.apply(msgspec.structs.replace(record, largest_time_ms=back_ms), offset + 1)
    ahead = [x for x in outputs if isinstance(x, SignalBatch) and x.cohort_start_ms >= back_ms]
    assert not ahead, "searches are missed that nobody can have made yet"


def test_when_searches_come_back_it_resolves() -> None:
    fold = DetectFold()
    offset, outputs = 0, list[Output]()
    for record in then_silence():
        outputs += fold.apply(record, offset)
        offset += 1
    back_ms = (QUIET_S + 240) * 1000
    for record in Shop(rate=20, minutes=10, seed=5, surfaces=("search",)).records():
        if isinstance(record, Rollup):
            record.cohort_start_ms += back_ms
            outputs += fold.apply(record, offset)
        else:
            closed = {h: end + back_ms for h, end in record.closed_through_ms.items()}
            later = RollupControl(
                0, 1, closed, record.watermark_ms + back_ms, record.largest_time_ms + back_ms, False, record.wall_ms
            )
            outputs += fold.apply(later, offset)
        offset += 1
    absent = [x for x in outputs if isinstance(x, Transition) and x.data.rule == "searches_absent"]
    assert [x.data.status for x in absent] == ["firing", "resolved"]
    cohorts = [x.cohort_start_ms for x in outputs if isinstance(x, SignalBatch) and x.horizon_s == 0]
    assert len(cohorts) == len(set(cohorts))
