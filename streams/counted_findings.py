"""What evaluate's counters tell of the producers: events in wrong partitions, late ones, actions without meaning."""

from collections.abc import Iterator, Mapping
from typing import Final

from streams.finding import Finding
from streams.readers.counter_store import LiveCounters

_LATE_SHARE: Final = 0.2
"""More of a partition's events are late than stragglers are: one dated ahead has made them so."""
_FEW: Final = 10
"""Fewer events tell nothing about a share."""


def of_counters(live: LiveCounters) -> Iterator[Finding]:
    """Say what is wrong with the events, as counted since the log began."""
    counters = live.counters
    wrong = {name: counters.get(f"misrouted_{name}", 0) for name in ("searches", "clicks")}
    if any(wrong.values()):
        told = " and ".join(f"{number:,} {name}" for name, number in wrong.items() if number)
        yield Finding(
            "producers",
            "warn",
            f"{told} lie in another partition than their query_id belongs to, so clicks may miss their searches",
            "set partitioner=murmur2_random in every producer that is built on librdkafka",
        )
    elif _timely(counters):
        yield Finding("producers", "ok", "every event lies in the partition of its query_id")
    else:
        yield Finding("producers", "ok", "no event has been counted yet")
    for number, part in live.partitions.items():
        yield from _late(number, part)
    yield from _actions(counters)


def _late(partition: int, counters: Mapping[str, int]) -> Iterator[Finding]:
    late = counters.get("late_searches", 0) + counters.get("late_clicks", 0)
    events = late + _timely(counters)
    if events >= _FEW and late > _LATE_SHARE * events:
        yield Finding(
            f"partition {partition}",
            "warn",
            f"{late:,} of {events:,} events came too late and count nowhere: one before them is dated later",
            "correct the clock of the producer that is ahead, and wait until the others have caught up; a second "
            "recording of the same days wants topics of its own (MATCHWATCH_KAFKA_TOPIC_PREFIX)",
        )


def _actions(counters: Mapping[str, int]) -> Iterator[Finding]:
    unknown, known = counters.get("unknown_actions", 0), counters.get("accepted_clicks", 0)
    if unknown >= _FEW and unknown > known:
        yield Finding(
            "actions",
            "warn",
            f"{unknown:,} of {unknown + known:,} click events have an action_name that means nothing here: ignored",
            "send click (or item_click, global_click) and purchase: docs/formats.md lists them",
        )


def _timely(counters: Mapping[str, int]) -> int:
    names = ("accepted_searches", "repeated_searches", "accepted_clicks", "unknown_actions")
    return sum(counters.get(name, 0) for name in names)
