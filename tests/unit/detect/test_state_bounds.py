"""The state stays small whatever names the shop comes up with."""

import random
from collections.abc import Iterator
from functools import lru_cache

import msgspec

from detectors.bounded_values import MAX_CATEGORIES, bound_counts, bound_table
from detectors.detect_fold import DetectFold
from detectors.detect_fold_settings import DetectFoldSettings
from detectors.exposure_pool import ExposurePool
from detectors.pending_rollups import PendingRollups
from detectors.reference import Reference
from detectors.state_parts import whole_part
from detectors.trail import BLOCK_COHORTS, BLOCK_VALUES, KEPT_BLOCKS, KEPT_COHORTS, Trail
from schemas.rollup import OTHER, Rollup, RollupControl, SegmentCounts
from schemas.scores import Series
from tests.unit.detect.following import every_version
from tests.unit.detect.shop_rollups import START_MS

BUCKET_S = 60
COHORTS = 2 * 3600 // BUCKET_S
PARTITIONS = 4
DIMENSIONS = 6
VALUES = 200
KEPT = 50
LARGEST_PART = 1_000_000


@lru_cache
def name(dimension: int, value: int) -> str:
    """Sixty-four Chinese characters."""
    return "".join(chr(0x4E00 + int(digit)) for digit in f"{dimension:02}{value:062}")


def rollup(cohort: int, partition: int, horizon_s: int) -> Rollup:
    """What evaluate writes of a partition: KEPT values of each dimension, others in each cohort and partition."""
    first = (cohort * 7 + partition * KEPT) % VALUES
    values = [(first + i) % VALUES for i in range(KEPT - 1)]
    counts = {value: SegmentCounts(1 + value, 10, 1, 0, 1, 41.25, 1, 0.7) for value in values}
    return Rollup(
        every_version(),
        START_MS + cohort * BUCKET_S * 1000,
        BUCKET_S,
        horizon_s,
        partition,
        searches=500,
        impressions=5000,
        exposure={name(0, (cohort * 200 + i) % 1000): i + 1 for i in range(MAX_CATEGORIES)},
        segments={
            f"dimension-{d}": {name(d, value): x for value, x in counts.items()} | {OTHER: SegmentCounts(5, 50)}
            for d in range(DIMENSIONS)
        },
    )


def log(cohorts: int) -> Iterator[Rollup | RollupControl]:
    for cohort in range(cohorts):
        end_ms = START_MS + (cohort + 1) * BUCKET_S * 1000
        for partition in range(PARTITIONS):
            yield rollup(cohort, partition, 0)
            yield rollup(cohort, partition, 60)
            yield RollupControl(
                partition, PARTITIONS, {0: end_ms, 60: end_ms}, end_ms, end_ms + 90_000, False, end_ms + 100_000
            )


def test_two_hours_of_long_names_in_many_dimensions_fit_into_the_records_of_a_broker() -> None:
    fold = DetectFold(DetectFoldSettings(bucket_s=BUCKET_S, max_segment_values=KEPT))
    for offset, record in enumerate(log(COHORTS)):
        fold.apply(record, offset)
    stored = {part: msgspec.msgpack.encode(x) for part, x in fold.state().items()}
    assert max(map(len, stored.values())) < LARGEST_PART
    assert any(part.startswith("piece:") for part in stored)  # the story is hard enough
    again = DetectFold.from_state({part: msgspec.msgpack.decode(x) for part, x in stored.items()}, fold.settings)
    series = 'series:["shop","search","*","*"]'
    before, after = ({name: part["part"] for name, part in each.state().items()} for each in (fold, again))
    assert whole_part(series, after) == whole_part(series, before)


def test_the_sum_over_partitions_keeps_as_many_values_as_one_of_them() -> None:
    pending = PendingRollups(max_segment_values=KEPT)
    for partition in range(PARTITIONS):
        pending.take(rollup(0, partition, 0))
    (summed,) = pending.decide(0, START_MS).values()
    assert {len(values) for values in summed.segments.values()} == {KEPT}
    assert sum(x.searches for x in summed.segments["dimension-0"].values()) == sum(
        x.searches for partition in range(PARTITIONS) for x in rollup(0, partition, 0).segments["dimension-0"].values()
    )


def test_what_is_kept_of_a_trail_does_not_depend_on_the_order_of_its_tables() -> None:
    def trail(seed: int) -> Trail:
        shuffling, made = random.Random(seed), Trail()
        for cohort in range(KEPT_COHORTS + (KEPT_BLOCKS + 3) * BLOCK_COHORTS):
            given = rollup(cohort, cohort % PARTITIONS, 0)
            more = {f"value-{cohort * 10 + i}": SegmentCounts(1, match_total=0.1 * i) for i in range(10)}
            values = list((given.segments["dimension-0"] | more).items())
            shuffling.shuffle(values)
            made.take(msgspec.structs.replace(given, segments={"query": dict(values)}), frozen=False, segments=True)
        return made

    assert BLOCK_VALUES <= len(trail(1).earlier["query"]) <= MAX_CATEGORIES
    assert trail(1).earlier == trail(2).earlier
    assert trail(1).earlier["query"][OTHER][0] > 0


def test_exposure_is_kept_within_bounds_and_loses_no_impression() -> None:
    reference, pool = Reference(), ExposurePool(min_searches=1_000_000)
    cohort = 0
    while not reference.ready:
        reference.learn(rollup(cohort, 0, 0))
        cohort += 1
    for later in range(cohort, cohort + 20):
        pool.take(rollup(later, 0, 0), reference)
    pooled = pool.state()["exposure"]
    sizes = {len(reference.exposure), len(pooled)}
    assert sizes <= {MAX_CATEGORIES - 1, MAX_CATEGORIES}
    each = MAX_CATEGORIES * (MAX_CATEGORIES + 1) // 2
    assert (sum(reference.exposure.values()), sum(pooled.values())) == (cohort * each, 20 * each)


def test_the_most_frequent_names_are_kept_ties_by_name() -> None:
    counts = {"c": 2, OTHER: 9, "b": 2, "a": 2, "d": 7}
    backwards = dict(reversed(counts.items()))
    for given in (counts, backwards):
        assert bound_counts(given, 4) == {"d": 7, "a": 2, OTHER: 13}
        table = {key: [float(count), 0.1 * count] for key, count in given.items()}
        kept = bound_table(table, 4)
        assert {key: numbers[0] for key, numbers in kept.items()} == {"d": 7.0, "a": 2.0, OTHER: 13.0}
    assert bound_counts(counts, 5) is counts


def test_a_series_of_a_new_application_takes_the_place_of_a_version() -> None:
    fold = DetectFold(DetectFoldSettings(max_series=3))
    versions = [Series("shop", "search", "shop-rank", str(i)) for i in range(3)]
    new = [Series("shop-2", "search", "*", "*"), every_version()]
    offset = 0

    def apply(cohort: int, *series: Series) -> None:
        nonlocal offset
        start_ms = START_MS + cohort * 10_000
        end_ms = start_ms + 10_000
        for one in series:
            fold.apply(Rollup(one, start_ms, 10, 0, 0, searches=10), offset)
            offset += 1
        fold.apply(RollupControl(0, 1, {0: end_ms}, end_ms, end_ms, False, end_ms), offset)
        offset += 1

    def watched() -> set[Series]:
        parts = [part["part"] for name, part in fold.state().items() if name.startswith("series:")]
        return {msgspec.convert(part["series"], Series) for part in parts}

    apply(0, *versions)
    apply(1, versions[0], versions[2])
    apply(2, versions[0], versions[2], new[0])
    assert watched() == {versions[0], versions[2], new[0]}  # the quietest one went
    apply(3, versions[0], versions[1], new[0])
    assert watched() == {versions[0], versions[2], new[0]}  # a version does not push out another
    apply(4, versions[0], new[0], new[1])
    assert watched() == {versions[0], *new}
    assert fold.counters["series_over_limit_total"] == 1
