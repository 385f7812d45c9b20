from schemas.rollup import Clicks, Exemplar, Rollup, SegmentCounts, Sketch
from schemas.scores import Series
from streams.readers.merged_rollups import MergedRollups

SEARCH = Series("shop", "search", "rank", "3")
ADS = Series("shop", "ads", "rank", "3")


def rollup(partition: int, searches: int, *, series: Series = SEARCH, start_ms: int = 0, horizon_s: int = 60) -> Rollup:
    return Rollup(
        series=series,
        cohort_start_ms=start_ms,
        bucket_s=10,
        horizon_s=horizon_s,
        partition=partition,
        searches=searches,
        latency_ms=Sketch(2, 30.0, 0, {7: 1, 9: 1}),
        exposure={"shoes": 2, "phones": 1},
        labels=Clicks(clicks=searches),
        segments={"device": {"mobile": SegmentCounts(searches=searches)}},
        exemplars=[Exemplar(1, partition, 5, [7], [])],
    )


def only(merged: MergedRollups) -> Rollup:
    ((found,),) = [list(merged.rollups(60, start_ms)) for start_ms in merged.starts(60, 10**15)]
    return found


def test_partitions_add_up() -> None:
    merged = MergedRollups()
    merged.take(rollup(0, 3))
    merged.take(rollup(2, 4))
    found = only(merged)
    assert (found.searches, found.labels.clicks, found.latency_ms.count) == (7, 7, 4)
    assert found.exposure == {"shoes": 4, "phones": 2}


def test_the_first_of_a_repeat_counts_and_those_that_differ_are_counted() -> None:
    merged = MergedRollups()
    for searches in (3, 3, 99):
        merged.take(rollup(0, searches))
    assert only(merged).searches == 3
    assert (merged.repeats, merged.differing) == (1, 1)


def test_a_repeat_whose_tables_come_in_another_order_does_not_differ() -> None:
    merged = MergedRollups()
    merged.take(rollup(0, 3))
    again = rollup(0, 3)
    again.latency_ms.bins = {9: 1, 7: 1}
    again.exposure = {"phones": 1, "shoes": 2}
    merged.take(again)
    assert (merged.repeats, merged.differing) == (1, 0)


def test_a_repeat_that_differs_in_what_is_not_printed_differs() -> None:
    merged = MergedRollups()
    merged.take(rollup(0, 3))
    other = rollup(0, 3)
    other.segments["device"]["mobile"].clicks = 1
    merged.take(other)
    assert merged.differing == 1


def test_segments_are_kept_only_on_demand() -> None:
    plain, full = MergedRollups(), MergedRollups(segments=True)
    for merged in (plain, full):
        merged.take(rollup(0, 3))
        merged.take(rollup(1, 4))
    assert only(plain).segments == {}
    assert only(full).segments["device"]["mobile"].searches == 7


def test_rollups_of_a_cohort_come_by_series_and_cohorts_by_time() -> None:
    merged = MergedRollups()
    merged.take(rollup(0, 1, start_ms=20_000))
    merged.take(rollup(0, 2))
    merged.take(rollup(0, 3, series=ADS))
    merged.take(rollup(0, 4, horizon_s=1800))
    assert merged.horizons() == [60, 1800]
    assert merged.starts(60, 20_000) == [0]
    assert merged.starts(60, 20_001) == [0, 20_000]
    assert [found.series for found in merged.rollups(60, 0)] == [ADS, SEARCH]


def test_what_was_forgotten_does_not_come_back() -> None:
    merged = MergedRollups()
    merged.take(rollup(0, 1))
    merged.take(rollup(0, 2, start_ms=10_000))
    merged.forget(60, 10_000)
    merged.take(rollup(1, 4))
    assert merged.starts(60, 10**15) == [10_000]
