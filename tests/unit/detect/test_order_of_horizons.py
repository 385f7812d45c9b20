"""What an alert says does not depend on how far one horizon was decided ahead of another."""

from collections.abc import Iterable

import msgspec

from detectors.detect_fold import DetectFold
from detectors.outputs import Transition
from schemas.rollup import Rollup, RollupControl
from tests.unit.detect.shop_rollups import START_MS, Behaviour, Shop, changed_at


def said(records: Iterable[Rollup | RollupControl]) -> dict[str, object]:
    """Everything that is said, by id, but for how much of the log was known by then."""
    fold = DetectFold()
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
