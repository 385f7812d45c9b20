from collections.abc import Sequence
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.settings import FoldSettings
from streams.replay.merge import merge_placed, place_records, place_sorted
from streams.replay.pace import Pace
from streams.replay.records import Record
from streams.replay.replay import finish_watermark_ms

T0 = 1_767_607_200_000
IN_2099 = 4_070_908_800_000


def _file(topic: str, times: Sequence[int | None]) -> list[Record]:
    return [Record(topic, b"k", b"%d" % number, time) for number, time in enumerate(times)]


def _merge(*files: list[Record]) -> list[tuple[int, Record]]:
    return list(merge_placed([place_records(file) for file in files]))


times = st.lists(st.one_of(st.none(), st.integers(T0, T0 + 10**7), st.just(IN_2099)), max_size=200)


@given(st.lists(times, max_size=4))
def test_every_line_goes_out_once_and_each_file_keeps_its_order(files: list[list[int | None]]) -> None:
    made = [_file(str(number), lines) for number, lines in enumerate(files)]
    merged = [record for _, record in _merge(*made)]
    for number, file in enumerate(made):
        assert [record for record in merged if record.topic == str(number)] == file


@given(st.lists(times, min_size=1, max_size=4))
def test_places_never_go_back(files: list[list[int | None]]) -> None:
    merged = _merge(*[_file(str(number), lines) for number, lines in enumerate(files)])
    for _, group in groupby(sorted(merged, key=lambda placed: placed[1].topic), key=lambda placed: placed[1].topic):
        own = [place for place, _ in group]
        assert own == sorted(own)
    assert [place for place, _ in merged] == sorted(place for place, _ in merged)


@given(st.lists(st.integers(0, 10**8), min_size=1, max_size=300), st.lists(st.integers(0, 10**8), max_size=300))
def test_files_in_order_are_merged_by_time(first: list[int], second: list[int]) -> None:
    files = [_file("a", sorted(T0 + time for time in first)), _file("b", sorted(T0 + time for time in second))]
    merged = _merge(*files)
    assert all(place == record.time_ms for place, record in merged)
    assert merged == sorted(merged, key=lambda placed: (placed[0], placed[1].topic))


def test_of_equal_times_the_earlier_file_goes_first() -> None:
    merged = _merge(_file("model-events", [T0]), _file("search-events", [T0]), _file("click-events", [T0]))
    assert [record.topic for _, record in merged] == ["model-events", "search-events", "click-events"]


def test_a_late_line_stays_where_it_stands() -> None:
    merged = _merge(_file("a", [T0, T0 + 9_000, T0 + 1_000, T0 + 10_000]), _file("b", [T0 + 5_000, T0 + 9_500]))
    assert [(record.topic, record.time_ms) for _, record in merged] == [
        ("a", T0),
        ("b", T0 + 5_000),
        ("a", T0 + 9_000),
        ("a", T0 + 1_000),
        ("b", T0 + 9_500),
        ("a", T0 + 10_000),
    ]


@pytest.mark.parametrize("absurd", [IN_2099, T0 + 86_400_000, T0 + 600_000])
@pytest.mark.parametrize("where", [0, 1, 50, 98])
def test_a_line_dated_far_ahead_does_not_hold_its_file_back(absurd: int, where: int) -> None:
    seconds = [T0 + 1000 * second for second in range(100)]
    dirty = [*seconds[:where], absurd, *seconds[where:]]
    merged = _merge(_file("a", dirty), _file("b", seconds))
    places = [place for place, record in merged if record.topic == "b"]
    ahead = [
        max((p for p, r in merged[:i] if r.topic == "a"), default=0)
        for i, (_, r) in enumerate(merged)
        if r.topic == "b"
    ]
    assert max(place for place, _ in merged) == seconds[-1]
    assert all(other <= place for place, other in zip(places, ahead, strict=True))


@pytest.mark.parametrize("minutes", [[0], [0, 10], [0, 10, 20], range(0, 2400, 60), [0, 60, 61, 62, 180]], ids=len)
def test_gaps_in_a_quiet_log_are_plausible(minutes: Sequence[int]) -> None:
    quiet = [T0 + 60_000 * minute for minute in minutes]
    assert [place for place, _ in place_records(_file("a", quiet))] == quiet


def test_the_last_lines_of_a_file_count_however_long_after_the_others_they_come() -> None:
    lines = [*range(T0, T0 + 60_000, 1_000), T0 + 7 * 3_600_000]
    assert [place for place, _ in place_records(_file("a", lines))] == lines


@pytest.mark.parametrize("strays", [1, 2, 9])
def test_in_a_sorted_log_what_lies_a_year_or_more_beyond_moves_no_place(strays: int) -> None:
    own = [T0 + 60_000 * minute for minute in range(20)]
    log = _file("a", [*[1_000_000_000_000] * strays, *own, *[IN_2099] * strays])
    placed = place_sorted(log)
    assert [record for _, record in placed] == log
    assert [place for place, _ in placed] == [*[0] * strays, *own, *[own[-1]] * strays]


def test_a_sorted_log_of_many_years_is_plausible_throughout() -> None:
    months = [T0 + 30 * 86_400_000 * month for month in range(60)]
    assert [place for place, _ in place_sorted(_file("a", months))] == months
    assert place_sorted([]) == []


@given(
    last_ms=st.integers(T0, T0 + 10**8),
    bucket_s=st.integers(1, 3600),
    lateness_s=st.integers(0, 3600),
    horizons_s=st.sampled_from([(60,), (60, 1800)]),
)
def test_the_watermark_of_the_end_closes_the_cohort_of_the_last_event(
    last_ms: int, bucket_s: int, lateness_s: int, horizons_s: tuple[int, ...]
) -> None:
    watermark_ms = finish_watermark_ms(
        last_ms, FoldSettings(bucket_s=bucket_s, lateness_s=lateness_s, horizons_s=horizons_s)
    )
    cohort_start_ms = last_ms - last_ms % (bucket_s * 1000)
    assert watermark_ms >= cohort_start_ms + (bucket_s + horizons_s[-1]) * 1000
    assert watermark_ms >= last_ms + (horizons_s[-1] + lateness_s) * 1000
    if lateness_s >= bucket_s:
        assert watermark_ms == last_ms + (horizons_s[-1] + lateness_s) * 1000


def _paced(speed: float, times: Sequence[int]) -> list[float]:
    """How long each wait for one of these times was: a clock that only sleep moves on."""
    now = [100.0]
    waits = []
    pace = Pace(speed, clock=lambda: now[0], sleep=lambda seconds: now.__setitem__(0, now[0] + seconds))
    for time_ms in times:
        before_s = now[0]
        pace.wait_for(time_ms)
        waits.append(now[0] - before_s)
    return waits


def test_pace_waits_as_long_as_the_speed_says() -> None:
    assert _paced(10, [T0, T0 + 1_000, T0 + 1_000, T0 + 5_000]) == pytest.approx([0, 0.1, 0, 0.4])


def test_pace_without_speed_never_waits() -> None:
    assert _paced(0, [T0, T0 + 1_000, T0 + 3_600_000]) == [0, 0, 0]


def test_pace_makes_up_for_lost_time() -> None:
    now = [100.0]
    naps: list[float] = []
    pace = Pace(10, clock=lambda: now[0], sleep=naps.append)
    pace.wait_for(T0)
    now[0] += 60
    pace.wait_for(T0 + 6_000)
    assert naps == []
    pace.wait_for(T0 + 601_000)
    assert naps == pytest.approx([0.1])


def test_nobody_sits_through_the_years_after_a_line_dated_2001() -> None:
    day_ms = 86_400_000
    assert _paced(1, [1_000_000_000_000, T0, T0 + 2_000]) == pytest.approx([0, 0, 2])
    assert _paced(1, [T0, T0 + 1_000, T0 + 2_000 + day_ms, T0 + 3_000 + day_ms]) == pytest.approx([0, 1, 0, 1])
    assert _paced(1000, [T0, T0 + day_ms]) == pytest.approx([0, 86_400 / 1000])
