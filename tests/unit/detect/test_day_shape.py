"""What other days say about a time of the day."""

import itertools
import math
import random
from collections.abc import Callable

import msgspec
import pytest

from detectors.day_shape import DayShape
from detectors.season import Season

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
Rate = Callable[[int, float], float]
"""From day and hour to events a minute."""


def steep_morning(_day: int, hour: float) -> float:
    return 10.0 if hour < 8 else 200.0 if hour >= 9 else 10 * 20 ** (hour - 8)


def closing_at_ten(_day: int, hour: float) -> float:
    return 100.0 if 7 <= hour < 22 else 0.0


def _never(_day: int, _hour: float) -> bool:
    return False


class Shop:
    """Shows minutes to a shape, and keeps what it said of each."""

    def __init__(self, rate: Rate, *, doubted: Callable[[int, float], bool] = _never) -> None:
        self.shape = DayShape()
        self.said: dict[tuple[int, int], Season] = {}
        self._rate, self._doubted = rate, doubted

    def run(self, first: int, days: int, *, left_out: Callable[[int, float], bool] = _never) -> None:
        for day, minute in itertools.product(range(first, first + days), range(24 * 60)):
            start_ms = day * DAY_MS + minute * MINUTE_MS
            if not left_out(day, minute / 60):
                n, doubtful = self._rate(day, minute / 60), self._doubted(day, minute / 60)
                self.said[day, minute] = self.shape.take(start_ms, start_ms + MINUTE_MS, n, doubtful=doubtful)

    def at(self, day: int, hour: float) -> Season:
        return self.said[day, round(hour * 60)]


def test_nothing_is_known_on_the_first_day() -> None:
    shop = Shop(steep_morning)
    shop.run(0, 1)
    assert set(shop.said.values()) == {Season()}


def test_on_the_second_day_what_is_usual_follows_the_first() -> None:
    shop = Shop(steep_morning)
    shop.run(0, 2)
    night = shop.at(1, 3.0)
    for hour in (3.5, 8.5, 12.0):
        assert shop.at(1, hour).usual / night.usual == pytest.approx(steep_morning(1, hour) / 10, rel=0.15)
    assert night.usual == pytest.approx(1.0), "the level had been learned without a shape: it goes on from there"
    assert night.is_sure
    assert shop.at(1, 15.0).is_sure
    assert not shop.at(1, 8.5).is_sure, "nobody knows yet how punctual the morning is"


def test_when_days_end_at_other_times_the_earliest_end_is_the_least() -> None:
    ends = [22.0, 21.6, 22.2, 21.9, 22.1, 21.8]
    shop = Shop(lambda day, hour: 100.0 if 7 <= hour < ends[day] else 0.0)
    shop.run(0, 6)
    assert shop.at(5, 20.0).least == pytest.approx(shop.at(5, 20.0).usual, rel=0.02)
    assert shop.at(5, 21.7).least == 0.0
    assert shop.at(5, 2.0).least == 0.0
    assert shop.at(5, 12.0).least == pytest.approx(shop.at(5, 12.0).usual, rel=0.02)


def test_a_day_off_is_odd_from_the_fifth_day_on_but_for_the_same_day_of_the_week() -> None:
    shop = Shop(lambda day, hour: 0.0 if day == 6 else closing_at_ten(day, hour))
    shop.run(0, 15)
    noons = {day: shop.at(day, 12.0).least / shop.at(day, 12.0).usual for day in range(7, 15)}
    assert noons.pop(13) == 0.0
    assert min(noons.values()) > 0.95
    assert shop.at(9, 12.0).usual == pytest.approx(shop.at(5, 12.0).usual, rel=0.05)


def test_what_came_while_an_alert_fired_counts_where_no_other_day_is_known() -> None:
    shop = Shop(closing_at_ten, doubted=lambda day, hour: day == 0 and hour >= 21.9)
    shop.run(0, 2)
    assert shop.at(1, 23.0).least == 0.0, "the first night fired; the second does not"


def test_an_outage_that_fired_is_not_what_is_usual_the_day_after() -> None:
    def outage(day: int, hour: float) -> bool:
        return day == 3 and 11 <= hour < 15

    shop = Shop(lambda day, hour: 0.0 if outage(day, hour) else closing_at_ten(day, hour), doubted=outage)
    shop.run(0, 5)
    for hour in (10.9, 11.2, 13.0, 14.9, 15.3):
        season = shop.at(4, hour)
        assert season.least > 0.9 * season.usual > 0
        assert (season.low, season.is_sure) == (1.0, True)


def test_an_hour_that_was_not_seen_leaves_what_is_usual_as_it_is() -> None:
    shop = Shop(steep_morning)
    shop.run(0, 1, left_out=lambda _, hour: 13 <= hour < 15)
    shop.run(1, 1)
    assert shop.at(1, 14.0).usual == shop.at(1, 12.99).usual
    assert shop.at(1, 14.0).low == shop.at(1, 14.0).high == 1.0
    assert shop.at(1, 16.0).usual == pytest.approx(shop.at(1, 12.0).usual, rel=0.02)


def test_weeks_without_a_log_change_nothing() -> None:
    shop = Shop(steep_morning)
    shop.run(0, 3)
    shop.run(3 + 21, 1)
    for hour in (3.0, 8.5, 12.0):
        assert shop.at(24, hour).usual == pytest.approx(shop.at(2, hour).usual, rel=0.02)


def test_a_clock_set_back_begins_anew_and_a_repeated_cohort_teaches_nothing() -> None:
    shop = Shop(steep_morning)
    shop.run(10, 2)
    noon_ms = 11 * DAY_MS + 12 * HOUR_MS
    before = shop.shape.state()
    shop.shape.take(noon_ms, noon_ms + MINUTE_MS, 1e9, doubtful=False)
    after = shop.shape.state()
    assert {k: v for k, v in after.items() if k != "usual"} == {k: v for k, v in before.items() if k != "usual"}
    usual = after["usual"]
    back = shop.shape.take(5 * DAY_MS, 5 * DAY_MS + MINUTE_MS, 10.0, doubtful=False)
    assert back == Season(usual, 1.0, 1.0, usual)


def test_a_shift_of_all_days_by_an_hour_is_known_the_day_after() -> None:
    def rate(day: int, hour: float) -> float:
        return closing_at_ten(day, hour + (day >= 8))

    shop = Shop(rate)
    shop.run(0, 10)
    assert shop.at(9, 21.5).least == 0.0
    assert shop.at(9, 12.0).least > 0.9 * shop.at(9, 12.0).usual


def test_cohorts_longer_than_a_slot_tell_about_each_that_they_cover() -> None:
    shape = DayShape()
    for hour in range(48):
        season = shape.take(hour * HOUR_MS, (hour + 1) * HOUR_MS, 60.0 if hour % 24 < 12 else 120.0, doubtful=False)
    assert season.usual == pytest.approx(2.0, rel=0.02)


def test_the_state_is_small_plain_and_enough() -> None:
    rng = random.Random(3)
    shop = Shop(lambda _, hour: rng.random() * 50 * (2 + math.sin(hour / 4)), doubted=lambda *_: rng.random() < 0.01)
    shop.run(0, 9)
    state = msgspec.msgpack.encode(shop.shape.state())
    assert len(state) < 6000
    again = DayShape()
    again.restore(msgspec.msgpack.decode(state))
    for minute in range(1500):
        start_ms = 9 * DAY_MS + minute * MINUTE_MS
        taken = [x.take(start_ms, start_ms + MINUTE_MS, minute % 7, doubtful=False) for x in (shop.shape, again)]
        assert taken[0] == taken[1]
