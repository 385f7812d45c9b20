"""What `doctor` makes of evaluate's counters."""

import pytest

from streams.counted_findings import of_counters
from streams.finding import Finding
from streams.readers.counter_store import LiveCounters


def told(*partitions: dict[str, int]) -> list[Finding]:
    sums: dict[str, int] = {}
    for part in partitions:
        for name, count in part.items():
            sums[name] = sums.get(name, 0) + count
    return list(of_counters(LiveCounters(sums, dict(enumerate(partitions)), [], {})))


HEALTHY = {"accepted_searches": 900, "accepted_clicks": 90, "unknown_actions": 10, "late_searches": 20}


def test_a_healthy_shop_has_one_finding_and_an_empty_log_no_praise() -> None:
    assert [(one.verdict, one.found) for one in told(HEALTHY, HEALTHY)] == [
        ("ok", "every event lies in the partition of its query_id")
    ]
    assert [one.found for one in told()] == ["no event has been counted yet"]


def test_a_partition_whose_events_are_late_is_named_with_how_many_and_the_cure() -> None:
    (_, late) = told(HEALTHY, {"accepted_searches": 1, "late_searches": 99})
    assert (late.name, late.verdict) == ("partition 1", "warn")
    assert late.found.startswith("99 of 100 events came too late")
    assert "correct the clock" in late.cure


@pytest.mark.parametrize(("unknown", "known", "warns"), [(60, 40, True), (40, 60, False), (5, 0, False)])
def test_click_events_of_which_most_mean_nothing_are_told(unknown: int, known: int, warns: bool) -> None:
    names = [one.name for one in told({"accepted_clicks": known, "unknown_actions": unknown})]
    assert names == (["producers", "actions"] if warns else ["producers"])
