from collections.abc import Sequence
from itertools import accumulate, groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.settings import FoldSettings
from streams.replay.merge import PLAUSIBLE_AHEAD_MS, merge_placed, place_records
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


gaps = st.lists(st.integers(0, PLAUSIBLE_AHEAD_MS), max_size=300)


@given(gaps, gaps)
def test_files_in_order_are_merged_by_time(first: list[int], second: list[int]) -> None:
    merged = _merge(*[_file(name, list(accumulate(gaps, initial=T0))) for name, gaps in (("a", first), ("b", second))])
    assert all(place == record.time_ms for place, record in merged)
    assert merged == sorted(merged, key=lambda placed: (placed[0], placed[1].topic))


@given(st.lists(st.integers(T0, T0 + 10**10), max_size=300).map(sorted))
def test_in_a_file_of_rare_events_no_gap_is_strange(rare: list[int]) -> None:
    assert [place for place, _ in place_records(_file("model-events", rare), steady=False)] == rare


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
@pytest.mark.parametrize("where", [0, 1, 50, 98, 99, 100])
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


def test_two_lines_dated_far_ahead_at_the_end_do_not_vouch_for_each_other() -> None:
    lines = [T0, T0 + 1_000, T0 + 2_000, IN_2099, IN_2099 + 1_000]
    assert [place for place, _ in place_records(_file("a", lines))] == [T0, T0 + 1_000, *[T0 + 2_000] * 3]


@pytest.mark.parametrize("minutes", [[0], [0, 10], [0, 10, 20], range(0, 2400, 60), [0, 60, 61, 62, 180]], ids=len)
def test_gaps_in_a_quiet_log_are_plausible(minutes: Sequence[int]) -> None:
    quiet = [T0 + 60_000 * minute for minute in minutes]
    assert [place for place, _ in place_records(_file("a", quiet))] == quiet


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


def test_pace_waits_as_long_as_the_speed_says() -> None:
    now = [100.0]
    naps: list[float] = []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        now[0] += seconds

    pace = Pace(10, clock=lambda: now[0], sleep=sleep)
    for time_ms in (T0, T0 + 1_000, T0 + 1_000, T0 + 5_000):
        pace.wait_for(time_ms)
    assert naps == pytest.approx([0.1, 0.4])
    now[0] += 60
    pace.wait_for(T0 + 6_000)
    Pace(0, clock=lambda: now[0], sleep=sleep).wait_for(T0)
    assert len(naps) == 2
