"""What `bench localize` makes of its trials, and that its shop breaks what it says it breaks."""

import numpy as np
import pytest

from schemas.rollup import Rollup
from streams.bench.localize import Trial, draw_shop, trial_figures
from streams.bench.sliced_shop import Fault, SlicedShop


def clicks_and_impressions(shop: SlicedShop, since_s: int, until_s: int) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for record in shop.records():
        if not isinstance(record, Rollup) or record.horizon_s != 60:
            continue
        if not since_s <= (record.cohort_start_ms - shop.start_ms) / 1000 < until_s:
            continue
        slices = {
            value: (counts.clicks, counts.impressions)
            for values in record.segments.values()
            for value, counts in values.items()
        }
        slices |= {str(i + 1): pair for i, pair in enumerate(zip(record.clicked_at, record.shown_at, strict=True))}
        for value, (clicks, shown) in slices.items():
            x, n = found.get(value, (0, 0))
            found[value] = x + clicks, n + shown
    return found


@pytest.mark.parametrize(("dimension", "value", "name"), [("device", 0, "device-0"), ("position", 1, "2")])
def test_a_slice_loses_its_clicks_from_the_fault_on_and_the_others_keep_theirs(
    dimension: str, value: int, name: str
) -> None:
    shop = SlicedShop(3, Fault("ctr", "slice", 0.5, dimension, value, at_s=400), rate=60, end_s=800)
    before, after = (clicks_and_impressions(shop, *span) for span in ((0, 400), (400, 800)))
    for slice_ in (*(f"device-{i}" for i in range(3)), "1", "2", "3"):
        kept = after[slice_][0] / after[slice_][1] / (before[slice_][0] / before[slice_][1])
        if slice_ == name:
            assert kept == pytest.approx(0.5, rel=0.1)
        elif (slice_[0] == "d") == (dimension == "device"):
            assert kept == pytest.approx(1.0, rel=0.1)


def test_equal_seeds_draw_equal_logs_until_the_fault() -> None:
    faults = [Fault("ctr", "slice", 0.5, "device", value, at_s=100) for value in (0, 1)]
    logs = [list(SlicedShop(4, fault, rate=20, end_s=100).records()) for fault in faults]
    assert logs[0] == logs[1]


@pytest.mark.parametrize("kind", ["device", "position", "surface", "latency_p95", "everywhere", "mix"])
def test_faults_are_drawn_of_the_kind_and_in_slices_of_a_fair_size(kind: str) -> None:
    for seed in range(5):
        shop = draw_shop(kind, seed)
        fault = shop.fault
        if kind == "everywhere":
            assert fault.dimension == ""
            continue
        assert 0.05 <= shop.share(fault.dimension, fault.value) <= 0.5
        if kind in {"device", "position", "surface"}:
            assert (fault.signal, fault.dimension) == ("ctr", kind)
        if kind == "mix":
            taste = shop.taste[fault.dimension]
            assert taste[fault.value] < np.average(taste, weights=shop.shares[fault.dimension])


def test_shares_are_of_what_they_say() -> None:
    trials = [
        Trial("device", "right", "right"),
        Trial("device", "none", "no alert"),
        Trial("position", "wrong", "none"),
        Trial("everywhere", "right", "wrong"),
        Trial("mix", "right", "right"),
    ]
    values = {one.name: one.value for one in trial_figures(trials)}
    assert values["localize_named_first"] == pytest.approx(0.3333)
    assert values["localize_named_first_device"] == 0.5
    assert values["localize_wrong_first"] == pytest.approx(0.3333)
    assert values["localize_everywhere_names_none"] == 1.0
    assert values["localize_alerted"] == pytest.approx(0.6667)
    assert values["localize_alert_named_first"] == 0.5
    assert values["localize_alert_everywhere_names_none"] == 0.0
    assert values["localize_named_first_surface"] is None
