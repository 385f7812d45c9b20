"""Whatever rollups count, the drill-down neither fails nor says what is no number."""

import math

import numpy as np
import pytest

from detectors.drilldown import explain
from detectors.other_surfaces import compare_surfaces
from detectors.slice_table import exposure_table, slice_tables, surface_table
from detectors.trail import Trail
from schemas.rollup import LABEL_FREE, LARGEST_COUNT, Rollup, SegmentCounts
from tests.unit.detect.following import every_version

SIGNALS = ("ctr", "match_at_10", "zero_result_rate", "ctr_proxy_lift", "latency_p95", "search_rate", "click_rate")


def odd_trail(rng: np.random.Generator) -> Trail:
    largest = int(10 ** rng.uniform(1, 6))

    def count() -> int:
        return int(
            rng.choice([0, 1, 2, int(rng.integers(1, largest + 1)), LARGEST_COUNT], p=[0.3, 0.1, 0.1, 0.47, 0.03])
        )

    made = Trail()
    for cohort in range(int(rng.integers(1, 160))):
        segments = {
            dimension: {
                f"v{value}": SegmentCounts(
                    *(count() for _ in range(5)), count() * 1e-300, count(), float(count()), count()
                )
                for value in range(int(rng.integers(0, 5)))
            }
            for dimension in ("device", "category")
        }
        rollup = Rollup(every_version(), cohort * 10_000, 10, int(rng.choice([LABEL_FREE, 60])), -1, searches=1)
        rollup.segments, rollup.exposure = segments, {f"c{i}": count() for i in range(3)}
        rollup.shown_at, rollup.clicked_at = ([count() for _ in range(20)] for _ in range(2))
        made.take(rollup, frozen=bool(rng.random() < 0.1), segments=True)
    return made


@pytest.mark.parametrize("seed", range(5))
def test_odd_counts_give_finite_numbers_or_none(seed: int) -> None:
    rng = np.random.default_rng(seed)
    trails = {"search": odd_trail(rng), "ads": odd_trail(rng)}
    start_ms = int(rng.integers(0, 160)) * 10_000
    for signal in SIGNALS:
        surfaces = surface_table(signal, trails, start_ms)
        tables = slice_tables(signal, trails["search"], start_ms)
        for segment in explain([*tables, *([surfaces] if surfaces else [])], "down", "search").segments:
            for number in (segment.share_of_change, segment.before, segment.after, segment.p_value):
                assert number is not None
                assert math.isfinite(number)
        if surfaces is not None:
            assert all(math.isfinite(x.before + x.after) for x in compare_surfaces(surfaces, "search", "down"))
    shown = exposure_table(trails["search"], {"c0": 5, "c1": 0, "c9": 3}, start_ms)
    if shown is not None:
        assert all(math.isfinite(x.share_of_change) for x in explain([shown], "up").segments)
