from schemas.rollup import RollupControl
from streams.readers.closed_cohorts import ClosedCohorts

TWO_PARTITIONS = 2


def control(
    partition: int, through_ms: int, *, watermark_ms: int = 0, idle: bool = False, wall_ms: int = 0
) -> RollupControl:
    return RollupControl(
        partition=partition,
        partitions=TWO_PARTITIONS,
        closed_through_ms={0: through_ms + 60_000, 60: through_ms},
        watermark_ms=watermark_ms,
        largest_time_ms=watermark_ms,
        idle=idle,
        wall_ms=wall_ms,
    )


def taken(*controls: RollupControl) -> ClosedCohorts:
    closed = ClosedCohorts()
    for one in controls:
        closed.take(one)
    return closed


def test_without_any_control_nothing_is_closed() -> None:
    assert taken().through_ms(60, ()) == 0


def test_the_partition_that_is_furthest_behind_decides() -> None:
    closed = taken(control(0, 90_000), control(1, 30_000))
    assert closed.through_ms(60, ()) == 30_000
    assert closed.through_ms(0, ()) == 90_000


def test_a_partition_that_was_never_heard_of_holds_everything_back_unless_it_stands() -> None:
    closed = taken(control(0, 90_000))
    assert closed.through_ms(60, ()) == 0
    assert closed.through_ms(60, {1}) == 90_000


def test_a_standing_partition_holds_nothing_back() -> None:
    closed = taken(control(0, 90_000), control(1, 30_000))
    assert closed.through_ms(60, {1}) == 90_000


def test_where_every_partition_stands_the_furthest_decides() -> None:
    closed = taken(control(0, 90_000), control(1, 30_000))
    assert closed.through_ms(60, {0, 1}) == 90_000


def test_a_horizon_that_a_partition_does_not_know_is_not_closed_there() -> None:
    closed = taken(control(0, 90_000), control(1, 90_000))
    assert closed.through_ms(1800, ()) == 0


def test_a_process_that_is_behind_its_successor_moves_nothing_back_and_is_not_believed_to_be_idle() -> None:
    closed = taken(
        control(0, 90_000, watermark_ms=150_000),
        control(0, 30_000, watermark_ms=90_000, idle=True, wall_ms=7),
        control(1, 90_000),
    )
    assert closed.through_ms(60, ()) == 90_000
    assert closed.idle() == {}


def test_idle_is_what_the_newest_control_says() -> None:
    closed = taken(control(0, 0, idle=True, wall_ms=7), control(1, 0, idle=True, wall_ms=8))
    assert closed.idle() == {0: 7, 1: 8}
    closed.take(control(0, 0, watermark_ms=1))
    assert closed.idle() == {1: 8}
