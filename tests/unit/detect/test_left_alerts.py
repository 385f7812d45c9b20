"""An alert that fired when its rule was changed or removed is ended by the successor, once."""

import msgspec
import pytest

from detectors.detect_fold import DetectFold
from detectors.outputs import Transition
from detectors.rules import DEFAULT_RULES, Rule
from schemas.rollup import Rollup
from tests.unit.detect.shop_rollups import Shop, changed_at

RECORDS = list(Shop(rate=40, minutes=40, seed=31, story=changed_at(1500, match=0.5), surfaces=("search",)).records())


def run(fold: DetectFold, records: list[object], begin: int) -> list[Transition]:
    outputs = [x for offset, record in enumerate(records, begin) for x in fold.apply(record, offset)]  # type: ignore[arg-type]
    return [x for x in outputs if isinstance(x, Transition)]


def fired() -> tuple[DetectFold, int, Transition]:
    fold = DetectFold()
    for offset, record in enumerate(RECORDS):
        for x in fold.apply(record, offset):
            if isinstance(x, Transition) and x.data.rule == "match_drop":
                return fold, offset + 1, x
    raise AssertionError("nothing fired")


REMOVED = tuple(rule for rule in DEFAULT_RULES if rule.name != "match_drop")
CHANGED = tuple(
    msgspec.structs.replace(rule, detector="page_hinkley") if rule.name == "match_drop" else rule
    for rule in DEFAULT_RULES
)


@pytest.mark.parametrize("rules", [REMOVED, CHANGED], ids=["removed", "changed"])
def test_what_fired_under_a_rule_that_is_another_now_is_resolved_with_the_next_cohort(rules: tuple[Rule, ...]) -> None:
    fold, offset, alert = fired()
    found = run(DetectFold.from_state(fold.state(), rules=rules), RECORDS[offset:], offset)
    (ended,) = [x for x in found if x.data.fingerprint == alert.data.fingerprint]
    assert ended.data.status == "resolved"
    assert ended.cohort_start_ms == alert.cohort_start_ms + 10_000
    assert "is no longer watched by the rule as it was" in ended.data.summary
    assert ended.data.started_at == alert.data.started_at


def test_a_successor_that_stops_before_it_could_say_so_leaves_it_to_the_next() -> None:
    fold, offset, alert = fired()
    second = DetectFold.from_state(fold.state(), rules=CHANGED)
    plain = msgspec.msgpack.decode(msgspec.msgpack.encode(second.state()), strict=False)
    third = DetectFold.from_state(plain, rules=CHANGED)
    first_says, then_says = (
        [x.id for x in run(x, RECORDS[offset:], offset) if x.data.fingerprint == alert.data.fingerprint]
        for x in (second, third)
    )
    assert first_says == then_says
    assert len(first_says) == 1
    fourth = DetectFold.from_state(third.state(), rules=CHANGED)
    assert not run(fourth, RECORDS[-2:], len(RECORDS)), "it is said once"


def test_cohorts_decided_as_they_close_and_many_at_once_end_it_with_the_same_cohort() -> None:
    fold, offset, _ = fired()
    rest = RECORDS[offset:]
    at_once = [*(record for record in rest if isinstance(record, Rollup)), rest[-1]]
    assert [
        [x.id for x in run(DetectFold.from_state(fold.state(), rules=REMOVED), records, offset)]
        for records in (rest, at_once)
    ] == [[x.id for x in run(DetectFold.from_state(fold.state(), rules=REMOVED), rest, offset)]] * 2


def test_with_the_rules_as_they_were_it_goes_on_firing() -> None:
    fold, offset, _ = fired()
    found = run(DetectFold.from_state(fold.state()), RECORDS[offset:], offset)
    assert all(x.data.status == "firing" for x in found)
