"""The volume rules through weeks of nights, closing hours, Sundays and steep mornings."""

import msgspec
import pytest

from detectors.detect_fold import DetectFold
from detectors.detect_fold_settings import DetectFoldSettings
from detectors.outputs import Output, Transition
from schemas.timestamps import timestamp_ms
from tests.unit.detect.shop_weeks import (
    DAY_S,
    MONDAY_MS,
    SERIES,
    VOLUME_RULES,
    Fault,
    Shape,
    Weeks,
    closed_at_night,
    fired,
    flash_morning,
    night_of_a_tenth,
    short_sundays,
)

FIRST_DAYS = 1.4
"""Until then the shop has not been seen for a day."""


@pytest.mark.parametrize("shape", [night_of_a_tenth, flash_morning])
def test_nights_alarm_once_but_for_chance(shape: Shape) -> None:
    alarms = fired(Weeks(shape, days=6), seed=11)
    assert [x for x in alarms if x.day <= FIRST_DAYS], "without a shape there is an alarm: the story is hard enough"
    assert len([x for x in alarms if x.day > FIRST_DAYS]) <= 1


def test_a_shop_that_is_open_for_less_time_on_sundays_says_so_once() -> None:
    alarms = fired(Weeks(short_sundays, days=14), seed=12)
    assert len([x for x in alarms if 6 <= x.day < 7.1]) <= 2
    assert [x.rule for x in alarms if x.day > FIRST_DAYS and not 6 <= x.day < 7.1] == []


@pytest.mark.parametrize(
    ("hour", "left", "rule", "within_s"),
    [
        (12.0, 0.4, "search_rate_drop", 300),
        (12.0, 0.0, "searches_absent", 240),
        (20.0, 0.0, "searches_absent", 240),
        (26.0, 0.0, "searches_absent", 600),
    ],
)
def test_a_fault_on_the_third_day_is_found_whatever_the_hour(
    hour: float, left: float, rule: str, within_s: int
) -> None:
    day = 2 + hour / 24
    weeks = Weeks(night_of_a_tenth, days=4 if hour > 24 else 3, faults=(Fault(day, 1.0, left),))
    found = next(x for x in fired(weeks, seed=13) if x.day >= day)
    assert found.rule == rule
    assert (found.day - day) * DAY_S <= within_s
    assert found.data.expected is not None
    usual = 5.0 if hour < 24 else 0.5
    assert found.data.expected == pytest.approx(usual, rel=0.25)
    assert found.data.resolves_when is not None
    assert found.data.resolves_when.value is not None
    assert found.data.resolves_when.value <= found.data.expected


def test_a_shop_that_does_not_open_is_missed() -> None:
    opens = 3 + 6.5 / 24
    found = [x for x in fired(Weeks(closed_at_night, days=4, faults=(Fault(opens, 5.0, 0.0),)), seed=14) if x.day > 2]
    assert found[0].rule == "searches_absent"
    assert opens < found[0].day < opens + 1.5 / 24


def test_a_drop_soon_after_a_steep_morning_is_found_at_once() -> None:
    drop = 2 + 8.75 / 24
    found = [x for x in fired(Weeks(flash_morning, days=3, faults=(Fault(drop, 1.0, 0.4),)), seed=15) if x.day > 2]
    assert found[0].rule == "search_rate_drop"
    assert 0 <= (found[0].day - drop) * DAY_S <= 420


def test_when_the_clocks_of_a_shop_are_changed_it_is_over_after_two_days() -> None:
    weeks = Weeks(closed_at_night, days=9, later_h=lambda day: 1.0 if day >= 5.1 else 0.0)
    alarms = [x.day for x in fired(weeks, seed=16) if x.day > FIRST_DAYS]
    assert [x for x in alarms if not 5.1 < x < 7.1] == []
    assert len(alarms) <= 2


@pytest.mark.parametrize("bucket_s", [10, 300])
def test_cohorts_of_any_length_tell_that_nothing_comes(bucket_s: int) -> None:
    noon = 1 + 12 / 24
    weeks = Weeks(night_of_a_tenth, days=2, bucket_s=bucket_s, first_h=20.0, faults=(Fault(noon, 2.0, 0.0),))
    found = [x for x in fired(weeks, seed=18) if x.day >= noon]
    assert found[0].rule == "searches_absent"
    assert (found[0].day - noon) * DAY_S <= 6 * bucket_s + 60


def test_a_successor_goes_on_with_the_shape_as_it_was() -> None:
    settings = DetectFoldSettings(bucket_s=60)
    weeks = Weeks(night_of_a_tenth, days=3, faults=(Fault(2.5, 1.0, 0.4),))
    whole, handed = DetectFold(settings, VOLUME_RULES), DetectFold(settings, VOLUME_RULES)
    outputs: list[list[Output]] = [[], []]
    for offset, record in enumerate(weeks.records(19)):
        if offset % 1777 == 0:
            plain = msgspec.msgpack.decode(msgspec.msgpack.encode(handed.state()))
            handed = DetectFold.from_state(plain, settings, VOLUME_RULES)
        outputs[0] += whole.apply(record, offset)
        outputs[1] += handed.apply(record, offset)
    assert outputs[0] == outputs[1]
    alerts = [x.data for x in outputs[0] if isinstance(x, Transition) and x.data.status == "firing"]
    assert any(timestamp_ms(x.started_at, "test") > MONDAY_MS + 2 * DAY_S * 1000 for x in alerts)
    assert SERIES in {x.series for x in outputs[0] if not isinstance(x, Transition)}


def test_a_state_from_before_there_were_shapes_is_read() -> None:
    settings = DetectFoldSettings(bucket_s=60)
    fold = DetectFold(settings, VOLUME_RULES)
    for offset, record in enumerate(Weeks(night_of_a_tenth, days=1).records(20)):
        fold.apply(record, offset)
    state = fold.state()
    series = next(x["part"] for name, x in state.items() if name.startswith("series:"))
    del series["days"]
    for one in series["watched"]:
        for cohort in one["watch"]["watch"]["recent"]:
            del cohort[-1]
        for observed in one["watch"]["watch"]["quarantine"]:
            del observed["season"]
    again = DetectFold.from_state(state, settings, VOLUME_RULES)
    assert again.offset == fold.offset
