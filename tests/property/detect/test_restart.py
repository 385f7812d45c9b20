"""A successor that loads the state goes on exactly where its predecessor stopped."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.detect_fold import DetectFold
from detectors.detect_fold_settings import DetectFoldSettings
from detectors.rules import DEFAULT_RULES, Rule
from schemas.rollup import Rollup, RollupControl, decode_rollup, encode_rollup
from schemas.silences import Silence, SilenceMatcher
from schemas.timestamps import format_timestamp
from tests.unit.detect.shop_rollups import HEALTHY, START_MS, Behaviour, Shop

SETTINGS = DetectFoldSettings(accept_s=400)
"""Longer than the faults, so that they resolve; shorter than the silence at the end, which becomes the new level."""
# Every kind of detector and scope, so that all of them are restored.
CHANGES: dict[str, dict[str, object]] = {
    "latency_p95_rise": {"detector": "adwin"},
    # The misrouted events of the story would explain it.
    "click_tracking_lost": {"inhibited_by": ()},
    # Several cohorts make a point of it.
    "exposure_shift": {"min_n": 150},
}
RULES = (
    *(msgspec.structs.replace(rule, **CHANGES.get(rule.name, {})) for rule in DEFAULT_RULES),
    # Fires and resolves with every few cohorts, so that it flaps; and is repeated often.
    Rule(
        name="flaps",
        signal="search_rate",
        detector="threshold",
        settings={"limit": 4.0},
        direction="up",
        min_n=0,
        resolve_s=0,
        renotify_s=200,
    ),
    Rule(
        name="limit",
        signal="zero_result_rate",
        detector="threshold",
        settings={"limit": 0.05},
        direction="up",
        for_s=20,
    ),
    Rule(name="any_version", signal="match_at_10", scope="any", settings={"min_effect": 0.03}, min_n=20),
)
DEPLOYED_S = 600
SILENCES = (
    Silence(
        id="s1",
        matchers=[SilenceMatcher("rule", "match_*", is_pattern=True)],
        starts_at=format_timestamp(START_MS + DEPLOYED_S * 1000),
        ends_at=format_timestamp(START_MS + (DEPLOYED_S + 200) * 1000),
        created_by="dana",
    ),
    Silence(
        id="s2",
        matchers=[SilenceMatcher("signal", "zero_result_rate")],
        starts_at=format_timestamp(START_MS),
        ends_at=format_timestamp(START_MS + 86_400_000),
        created_by="dana",
    ),
)
"""One ends while its alert fires, the other outlives it."""
ODD_FROM = 900
"""Records before it come once and in time."""
STRIDE = 3
"""No divisor of the records of a cohort: stopping so often stops at every place within one."""


def story(t: float) -> Behaviour:
    """A bad ranker; later all goes wrong at once, also the pipeline; another match model; nothing; the end."""
    if DEPLOYED_S <= t < 900:
        return replace(HEALTHY, match=0.6, ctr=0.06, version="4")
    if 1200 <= t < 1500:
        return replace(
            HEALTHY, latency_ms=80.0, ctr=0.0, gone_category=0, zero_results=0.12, unscored=0.2, misrouted=0.3
        )
    if 1500 <= t < 1800:
        return replace(HEALTHY, match=0.5, match_model="shop-match/2")
    if 1800 <= t < 1900:
        return replace(HEALTHY, volume=0)
    return HEALTHY


def silence(last: RollupControl) -> Iterator[RollupControl]:
    """Ten minutes in which only the wall clock goes on: longer than a change takes to be the new level."""
    for i in range(1, 60):
        yield msgspec.structs.replace(last, idle=i >= 3, wall_ms=last.wall_ms + i * 10_000)


def with_odd_records(records: Sequence[Rollup | RollupControl]) -> Iterator[Rollup | RollupControl]:
    """Evaluate repeats itself, says something else than before, and comes too late."""
    for i, record in enumerate(records):
        yield record
        if i < ODD_FROM or not isinstance(record, Rollup):
            continue
        if i % 13 == 0:
            yield record
        if i % 17 == 0:
            yield msgspec.structs.replace(record, searches=record.searches + 1)
        if i % 11 == 0:
            earlier_ms = record.cohort_start_ms - 50_000
            yield msgspec.structs.replace(record, cohort_start_ms=earlier_ms, partition=i)


def with_scores(record: Rollup | RollupControl) -> Rollup | RollupControl:
    """Add what signals of scores and positions look at, without drawing anything."""
    if not isinstance(record, Rollup):
        return record
    mean = record.match_at_10.total / max(1, record.match_at_10.count)
    low = int(mean * 48)
    bins, clicked, shown_at, clicked_at = [0] * 64, [0] * 64, [0] * 20, [0] * 20
    for i in range(record.impressions):
        bins[low + i * i % 13] += 1
        shown_at[i % 10] += 1
    for i in range(min(record.labels.clicks, record.impressions)):
        clicked[low + i * i % 13] += 1
        clicked_at[i % (1 + i % 10)] += 1
    return msgspec.structs.replace(
        record, score_bins=bins, clicked_score_bins=clicked, shown_at=shown_at, clicked_at=clicked_at
    )


@lru_cache
def log() -> tuple[Rollup | RollupControl, ...]:
    shop = Shop(
        rate=8, minutes=36, seed=2, story=story, partitions=2, versions=True, surfaces=("search",), closing=False
    )
    records = [with_scores(record) for record in shop.records()]
    last = [record for record in records if isinstance(record, RollupControl)][-2:]
    ends = [control for both in zip(*map(silence, last), strict=True) for control in both]
    return (*with_odd_records(records), *ends)


def new_fold() -> DetectFold:
    """Begin; a successor is not told of the deployment and the silences again."""
    fold = DetectFold(SETTINGS, RULES)
    for silence in SILENCES:
        fold.apply_silence(silence.id, silence)
    fold.apply_deployment(START_MS + DEPLOYED_S * 1000, "shop-rank", "4", "live")
    return fold


def successor(fold: DetectFold) -> DetectFold:
    stored = {name: msgspec.msgpack.encode(part) for name, part in fold.state().items()}
    state = {name: msgspec.msgpack.decode(part, strict=False) for name, part in stored.items()}
    return DetectFold.from_state(state, SETTINGS, RULES)


def run(fold: DetectFold, first: int, last: int) -> list[bytes]:
    return [msgspec.json.encode(x) for offset in range(first, last) for x in fold.apply(log()[offset], offset)]


@lru_cache
def expected() -> tuple[list[bytes], dict[str, int]]:
    fold = new_fold()
    return run(fold, 0, len(log())), fold.counters


def run_with_successors(ends: Sequence[int]) -> tuple[list[bytes], dict[str, int]]:
    """Hand the state over before each of the offsets `ends`."""
    outputs: list[bytes] = []
    fold, first = new_fold(), 0
    for end in [*ends, len(log())]:
        outputs += run(fold, first, end)
        before, fold = fold, successor(fold)
        assert (fold.offset, fold.counters) == (before.offset, before.counters)
        # The successor reads a little twice: what has been applied is ignored.
        assert run(fold, max(0, end - 5), end) == []
        first = end
    return outputs, fold.counters


def test_the_log_has_every_kind_of_output() -> None:
    outputs, counters = expected()
    alerts = [alert["data"] for alert in map(msgspec.json.decode, outputs) if "data" in alert]
    told = {(alert["rule"], alert["status"]) for alert in alerts}
    rules = "match_drop latency_p95_rise click_tracking_lost exposure_shift searches_absent limit any_version "
    rules += "events_misrouted searches_unscored"
    assert told >= {(rule, "firing") for rule in rules.split()}
    assert told >= {(rule, "resolved") for rule in rules.split()}
    assert any(alert.get("suspected_cause") for alert in alerts)
    silenced = [(alert["rule"], alert["status"]) for alert in alerts if alert.get("silenced_by")]
    assert {("match_drop", "firing"), ("limit", "firing"), ("limit", "resolved")} <= set(silenced)
    assert [alert["repeat"] for alert in alerts if alert["rule"] == "match_drop"][:3] == [0, 1, 1]
    flaps = [(alert["flapping"], alert["repeat"]) for alert in alerts if alert["rule"] == "flaps"]
    assert (False, 0) in flaps
    assert any(flapping and repeat for flapping, repeat in flaps)
    assert {alert["grouped"] for alert in alerts} == {False, True}
    assert len({alert["incident"] for alert in alerts}) > 2
    assert any("more alert" in alert["summary"] for alert in alerts)
    points = [point for batch in map(msgspec.json.decode, outputs) for point in batch.get("points", ())]
    compared = "score_psi score_js exposure_gini coec log_loss normalized_entropy ece calibration_ratio auc"
    assert {point["signal"] for point in points if point["value"] is not None} >= set(compared.split())
    assert all(counters[name] for name in counters if name != "series_over_limit_total")


def test_the_same_log_gives_the_same_bytes() -> None:
    fold = new_fold()
    again = [
        msgspec.json.encode(x)
        for offset, record in enumerate(log())
        for x in fold.apply(decode_rollup(encode_rollup(record)), offset)
    ]
    assert again == expected()[0]


@pytest.mark.timeout(600)  # many successors: minutes on a busy machine
def test_a_successor_every_few_records_gives_the_outputs_of_a_run_without_a_crash() -> None:
    assert run_with_successors(range(STRIDE, len(log()), STRIDE)) == expected()


@settings(max_examples=5, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=4))
def test_any_crash_points_give_the_outputs_of_a_run_without_a_crash(cuts: list[float]) -> None:
    assert run_with_successors(sorted({int(x * len(log())) for x in cuts})) == expected()


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 1 << 32))
def test_the_order_of_rollups_between_two_controls_does_not_matter(seed: int) -> None:
    shuffling = random.Random(seed)
    shuffled: list[Rollup | RollupControl] = []
    batch: list[Rollup | RollupControl] = []
    for record in log()[:ODD_FROM]:
        if isinstance(record, RollupControl):
            shuffling.shuffle(batch)
            shuffled += [*batch, record]
            batch = []
        else:
            batch.append(record)
    one, other = new_fold(), new_fold()
    plain = run(one, 0, len(shuffled))
    mixed = [msgspec.json.encode(x) for o, r in enumerate(shuffled) for x in other.apply(r, o)]
    assert mixed == plain
