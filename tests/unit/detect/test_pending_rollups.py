import msgspec

from detectors.pending_rollups import PART_BYTES, REMEMBERED_ROLLUPS, Arrival, PendingRollups
from schemas.rollup import Rollup, RollupControl
from schemas.scores import Series
from tests.unit.detect.shop_rollups import Shop


def rollups(minutes: float) -> list[Rollup]:
    return [x for x in Shop(minutes=minutes, seed=41).records() if not isinstance(x, RollupControl)]


def test_what_waits_is_kept_in_parts_that_a_broker_takes() -> None:
    pending = PendingRollups()
    waiting = rollups(60)
    assert {pending.take(x) for x in waiting} == {Arrival.FIRST}
    parts = pending.state()
    assert len(parts) > 2
    assert all(len(msgspec.msgpack.encode(part)) < 2 * PART_BYTES for part in parts)
    again = PendingRollups()
    again.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(parts)))
    assert {again.take(x) for x in waiting} == {Arrival.REPEAT}
    assert again.cohorts(60) == pending.cohorts(60)
    first = pending.cohorts(0)[0]
    assert again.decide(0, first) == pending.decide(0, first)


def test_what_was_decided_is_remembered_within_bounds() -> None:
    pending = PendingRollups()
    template = rollups(1)[0]
    for i in range(2 * REMEMBERED_ROLLUPS // 100):
        for partition in range(100):
            pending.take(
                msgspec.structs.replace(template, cohort_start_ms=i * 10_000, partition=partition, horizon_s=i % 2 * 60)
            )
        pending.decide(i % 2 * 60, i * 10_000)
        pending.decided_through(i % 2 * 60, (i + 1) * 10_000, 10)
    parts = pending.state()
    rows = [row for part in parts for _, rows in part.get("known", []) for row in rows]
    assert 0 < len(rows) <= REMEMBERED_ROLLUPS


def test_long_names_are_remembered_in_parts_that_a_broker_takes() -> None:
    pending = PendingRollups()
    template = rollups(1)[0]
    for i in range(3_000):
        series = Series("shop", "search", "m" * 256, f"{i:0256}")
        pending.take(msgspec.structs.replace(template, series=series))
    parts = pending.state()
    assert all(len(msgspec.msgpack.encode(part)) < 2 * PART_BYTES for part in parts)
    again = PendingRollups()
    again.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(parts)))
    assert again.state() == parts
