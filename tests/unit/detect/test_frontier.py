"""What the controls of several processes say of one partition, when one of them is behind."""

import pytest

from detectors.frontier import Frontier
from schemas.rollup import RollupControl


def control(closed_s: int, *, idle: bool = False, partition: int = 0, wall_s: int | None = None) -> RollupControl:
    wall_ms = (closed_s if wall_s is None else wall_s) * 1000
    return RollupControl(partition, 2, {0: closed_s * 1000}, closed_s * 1000, closed_s * 1000, idle, wall_ms)


def test_a_partition_that_stands_at_its_end_holds_nothing_back() -> None:
    frontier = Frontier()
    for said in (control(100, partition=1), control(50), control(50, idle=True, wall_s=60)):
        frontier.take(said)
    assert frontier.complete_through_ms(0) == 100_000


@pytest.mark.parametrize(
    "old",
    [control(40, idle=True, wall_s=70), control(50, idle=True, wall_s=40)],
    ids=["of an earlier watermark", "written earlier"],
)
def test_a_process_that_is_behind_does_not_make_its_partition_idle(old: RollupControl) -> None:
    frontier = Frontier()
    for said in (control(100, partition=1), control(50), old):
        frontier.take(said)
    assert frontier.complete_through_ms(0) == 50_000
    assert not frontier.all_idle
    frontier.take(control(50, idle=True, wall_s=80))
    assert frontier.complete_through_ms(0) == 100_000


def test_a_partition_without_records_is_idle_though_its_watermark_lies_before_all_time() -> None:
    frontier = Frontier()
    empty = RollupControl(0, 1, {}, -1_000_000, 0, True, 1_000)
    frontier.take(empty)
    frontier.take(empty)
    assert frontier.all_idle
