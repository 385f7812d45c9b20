"""What an alert says does not depend on how far one horizon was decided ahead of another."""

from collections.abc import Iterable

import msgspec

from detectors.detect_fold import DetectFold
from detectors.outputs import Transition
from schemas.rollup import Rollup, RollupControl
from tests.unit.detect.shop_rollups import Shop, changed_at


def said(records: Iterable[Rollup | RollupControl]) -> dict[str, object]:
    """Everything that is said, by id, but for how much of the log was known by then."""
    fold = DetectFold()
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
