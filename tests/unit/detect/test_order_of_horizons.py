"""What an alert says does not depend on how far one horizon was decided ahead of another."""

from collections.abc import Iterable
from dataclasses import replace

import msgspec
import pytest

from detectors.detect_fold import DetectFold
from detectors.outputs import Transition
from schemas.rollup import Rollup, RollupControl
from tests.unit.detect.shop_rollups import START_MS, Behaviour, Shop, changed_at


def said(records: Iterable[Rollup | RollupControl], fold: DetectFold | None = None) -> dict[str, object]:
    """Everything that is said, by id, but for how much of the log was known by then."""
    fold = fold or DetectFold()
    fold.apply_deployment(START_MS + 1_495_000, "shop-rank", "4", "live")
    outputs = [x for offset, record in enumerate(records) for x in fold.apply(record, offset)]
    return {x.id: msgspec.structs.replace(x.data, detected_at="") for x in outputs if isinstance(x, Transition)}


def test_cohorts_decided_as_they_close_and_many_at_once_give_the_same_alerts() -> None:
    shop = Shop(rate=40, minutes=40, seed=31, story=changed_at(1500, match=0.5, ctr=0.06), surfaces=("search",))
    records = list(shop.records())
    as_they_close = said(records)
    # A detect that was away hears of everything first, and of what is closed at the end.
    at_once = said([*(record for record in records if isinstance(record, Rollup)), records[-1]])
    assert len(as_they_close) >= 2
    assert at_once == as_they_close


def test_a_version_that_is_first_seen_after_the_decision_is_suspected_in_either_order() -> None:
    def story(t: float) -> Behaviour:  # the decision is about the cohort at 1520, known with that at 1580
        return changed_at(1500, ctr=0.05, version="4" if t >= 1550 else "3")(t)

    records = list(Shop(rate=40, minutes=36, seed=31, story=story, surfaces=("search",), versions=True).records())
    as_they_close = said(records)
    at_once = said([*(record for record in records if isinstance(record, Rollup)), records[-1]])
    assert any(getattr(x, "suspected_cause", None) for x in as_they_close.values())
    assert at_once == as_they_close


@pytest.mark.parametrize("first_seen_s", [1530, 1550, 1570])
def test_a_surface_that_is_first_seen_after_the_decision_has_no_share_of_its_promise_in_either_order(
    first_seen_s: int,
) -> None:
    shop = Shop(rate=40, minutes=36, seed=31, story=changed_at(1500, ctr=0.05), surfaces=("ads", "search"))
    records = [
        record
        for record in shop.records()
        if isinstance(record, RollupControl)
        or record.series.surface == "search"
        or record.cohort_start_ms >= START_MS + first_seen_s * 1000
    ]
    as_they_close = said(records)
    at_once = said([*(record for record in records if isinstance(record, Rollup)), records[-1]])
    assert any(getattr(x, "rule", None) == "ctr_drop" for x in as_they_close.values())
    assert at_once == as_they_close


def test_what_is_learned_while_another_horizon_fires_is_the_same_in_either_order() -> None:
    story = changed_at(600, match=0.4, ctr=0.002)  # while clicks are still being learned
    shop = Shop(rate=8, minutes=20, seed=31, story=lambda t: replace(story(t), ctr=0.002), surfaces=("search",))
    records = [with_positions(record) for record in shop.records()]
    as_they_close, at_once = DetectFold(), DetectFold()
    assert any(getattr(x, "rule", None) == "match_drop" for x in said(records, as_they_close).values())
    said([*(record for record in records if isinstance(record, Rollup)), records[-1]], at_once)
    assert learned_clicks(at_once) == learned_clicks(as_they_close)
    assert learned_clicks(at_once) > 0


def with_positions(record: Rollup | RollupControl) -> Rollup | RollupControl:
    if isinstance(record, RollupControl) or not record.horizon_s:
        return record
    clicks = record.labels.clicks if record.labels is not None else 0
    return msgspec.structs.replace(record, shown_at=[record.impressions], clicked_at=[clicks])


def learned_clicks(fold: DetectFold) -> int:
    (series,) = [part["part"] for name, part in fold.state().items() if name.startswith("series:")]
    return int(series["learned"]["clicks"][60]["window"]["searches"])
