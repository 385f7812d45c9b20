import msgspec
import pytest

from detectors.detect_fold import DetectFold
from detectors.detect_fold_settings import DetectFoldSettings
from detectors.outputs import Output, SignalBatch
from schemas.rollup import Rollup, RollupControl
from schemas.scores import Series
from tests.unit.detect.following import every_version, follow
from tests.unit.detect.shop_rollups import START_MS, Shop

SERIES = every_version()


def rollup(cohort: int, searches: int = 10, partition: int = 0, horizon_s: int = 0, series: Series = SERIES) -> Rollup:
    return Rollup(series, START_MS + cohort * 10_000, 10, horizon_s, partition, searches=searches)


def control(
    closed: int, partition: int = 0, partitions: int = 1, *, idle: bool = False, latest: int | None = None
) -> RollupControl:
    """A control that has closed every cohort before `closed`; the latest event is of four cohorts later."""
    end_ms = START_MS + closed * 10_000
    return RollupControl(
        partition=partition,
        partitions=partitions,
        closed_through_ms={0: end_ms, 60: end_ms - 60_000},
        watermark_ms=end_ms,
        largest_time_ms=START_MS + latest * 10_000 if latest is not None else end_ms + 40_000,
        idle=idle,
        wall_ms=end_ms + 40_000,
    )


class Log:
    """Applies records one after the other."""

    def __init__(self, settings: DetectFoldSettings | None = None) -> None:
        self.fold = DetectFold(settings)
        self.offset = 0

    def add(self, *records: Rollup | RollupControl) -> list[tuple[int, int, float | None]]:
        """Give (horizon, cohort, searches a second) of each batch that came out."""
        outputs: list[Output] = []
        for record in records:
            outputs += self.fold.apply(record, self.offset)
            self.offset += 1
        return [
            (x.horizon_s, (x.cohort_start_ms - START_MS) // 10_000, x.points[0].value)
            for x in outputs
            if isinstance(x, SignalBatch)
        ]


def test_a_cohort_waits_for_every_partition_and_is_summed_over_them() -> None:
    log = Log()
    assert log.add(rollup(0, 10, 0), control(1, 0, 2)) == []
    assert log.add(rollup(0, 20, 1), control(1, 1, 2)) == [(0, 0, 3.0)]


def test_an_idle_partition_does_not_hold_cohorts_back() -> None:
    log = Log()
    assert log.add(control(0, 1, 2, idle=True), rollup(0), control(1, 0, 2)) == [(0, 0, 1.0)]


def test_cohorts_come_in_order_with_zeros_between_them() -> None:
    log = Log()
    assert log.add(rollup(3, 40), rollup(0), control(4)) == [(0, 0, 1.0), (0, 1, 0.0), (0, 2, 0.0), (0, 3, 4.0)]
    assert log.add(control(6)) == [(0, 4, 0.0), (0, 5, 0.0)]


def test_cohorts_behind_the_latest_event_are_not_filled() -> None:
    log = Log()
    log.add(rollup(0), control(1, latest=3))
    assert log.add(control(100, latest=3)) == [(0, 1, 0.0), (0, 2, 0.0)]


def test_a_gap_of_hours_crossed_at_once_is_another_recording() -> None:
    log = Log()
    log.add(rollup(0), control(1))
    assert log.add(rollup(5000), control(5001)) == [(0, 5000, 1.0)]


def test_repeats_are_ignored_and_those_that_differ_or_come_late_are_counted() -> None:
    log = Log()
    log.add(rollup(0), rollup(0), rollup(0, 11))
    assert log.fold.counters["repeated_rollups_total"] == 1
    assert log.fold.counters["differing_rollups_total"] == 1
    assert log.add(control(1)) == [(0, 0, 1.0)]
    log.add(rollup(0), rollup(0, 11))
    assert log.fold.counters["repeated_rollups_total"] == 2
    assert log.fold.counters["differing_rollups_total"] == 2
    log.add(rollup(0, partition=3))
    assert log.fold.counters["late_rollups_total"] == 1
    assert log.add(control(1)) == []


def test_each_horizon_has_its_own_pace() -> None:
    log = Log()
    assert log.add(rollup(0), rollup(0, horizon_s=60), control(1)) == [(0, 0, 1.0)]
    assert (60, 0) in [x[:2] for x in log.add(rollup(1), control(7))]


def test_records_that_were_applied_are_ignored() -> None:
    fold = DetectFold()
    fold.apply(rollup(0), 7)
    fold.apply(rollup(0, 99), 7)
    assert fold.offset == 7
    assert fold.counters["differing_rollups_total"] == 0


def test_the_number_of_series_is_bounded_and_what_is_beyond_is_counted() -> None:
    log = Log(DetectFoldSettings(max_series=2))
    surfaces = [Series("shop", f"surface-{i}", "*", "*") for i in range(3)]
    out = log.add(*(rollup(0, series=series) for series in surfaces), control(1))
    assert len(out) == 3  # it still has signals
    assert log.fold.counters["series"] == 2
    assert log.fold.counters["series_over_limit_total"] == 1


def test_a_version_that_was_replaced_is_not_missed() -> None:
    log = Log()
    old = Series("shop", "search", "shop-rank", "3")
    log.fold.apply_deployment(START_MS, "shop-rank", "3", "live")
    log.add(rollup(0, series=old), control(1))
    assert log.add(control(2)) == [(0, 1, 0.0)]
    log.fold.apply_deployment(START_MS + 20_000, "shop-rank", "4", "live")
    assert log.add(control(4)) == []
    assert log.add(rollup(4, series=old), control(5)) == [(0, 4, 1.0)]


def test_a_torn_or_foreign_state_is_refused() -> None:
    state = follow(Shop(minutes=3)).fold.state()
    torn = {name: part | {"offset": part["offset"] - (name == "pending:000000")} for name, part in state.items()}
    with pytest.raises(ValueError, match="torn"):
        DetectFold.from_state(torn)
    foreign = msgspec.json.decode(msgspec.json.encode(state))
    foreign["fold"]["part"]["version"] = 99
    with pytest.raises(ValueError, match="version 99"):
        DetectFold.from_state(foreign)
    leftover = state | {"series:gone": {"offset": 0, "part": {}}}
    assert DetectFold.from_state(leftover).state() == state
