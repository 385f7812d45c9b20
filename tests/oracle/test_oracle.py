import math
from pathlib import Path
from typing import Any

import pytest

from tests.oracle.build import block, click, search
from tests.oracle.oracle import (
    Expected,
    OracleSettings,
    PartitionLog,
    expect_folder,
    expect_logs,
    lines_of,
    murmur2,
    partition_of,
)

S = 1000
NO_PAIRS = {"concordant": 0, "discordant": 0, "tied": 0}


def expect(searches: list[bytes], clicks: list[bytes] | None = None, scores: list[bytes] | None = None) -> Expected:
    records = None if scores is None else [(0, value) for value in scores]
    return expect_logs([PartitionLog(searches, clicks or [])], scores=records)


def only(expected: Expected, horizon_s: int = 60) -> dict[str, Any]:
    (row,) = [row for row in expected.rows if row["horizon_s"] == horizon_s]
    return row


@pytest.mark.parametrize(
    ("key", "signed_hash"),
    [
        # org.apache.kafka.common.utils.UtilsTest
        ("21", -973932308),
        ("foobar", -790332482),
        ("a-little-bit-long-string", -985981536),
        ("a-little-bit-longer-string", -1486304829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        ("abc", 479470107),
    ],
)
def test_keys_hash_as_kafkas_java_client_does(key: str, signed_hash: int) -> None:
    assert murmur2(key.encode()) == signed_hash % (1 << 32)
    assert partition_of(key, 4) == (signed_hash & 0x7FFFFFFF) % 4


def test_one_search_gives_a_line_for_each_horizon() -> None:
    expected = expect([search("q", 12_345, "a", "b")], [click("q", 20_000, "a"), click("q", 100 * S, "b", "purchase")])
    first, second = expected.rows
    assert first == {
        "series": {"application": "shop-web", "surface": "search", "model": "shop-rank", "version": "3"},
        "cohort_start": "2026-11-23T10:00:10Z",
        "bucket_s": 10,
        "horizon_s": 60,
        "searches": 1,
        "impressions": 2,
        "clicks": 1,
        "purchases": 0,
        "zero_results": 0,
        "pairs": None,
        "shown_pairs": None,
        "latency_ms": {"count": 1, "sum": 40.0, "p50": 40.0, "p95": 40.0, "p99": 40.0},
        "ndcg_at_10": 1.0,
        "mrr": 1.0,
        "match_at_10": None,
    }
    assert second == {**first, "horizon_s": 1800, "purchases": 1}
    assert not expected.counters


def test_a_cohort_begins_with_its_bucket_and_ends_before_the_next() -> None:
    searches = [search(f"q{time}", time) for time in (0, 9_999, 10_000, 19_999)]
    starts = [(row["cohort_start"][-3:], row["searches"]) for row in expect(searches).rows if row["horizon_s"] == 60]
    assert starts == [("00Z", 2), ("10Z", 2)]


def test_each_version_is_a_series_and_all_versions_are_one_more_on_demand() -> None:
    log = PartitionLog([search("a", 0), search("b", 1, model={"name": "other", "version": "1"})])
    settings = OracleSettings(horizons_s=(60,), partitions=1)
    assert [row["series"]["model"] for row in expect_logs([log], settings).rows] == ["other", "shop-rank"]
    rows = expect_logs([log], settings, all_versions=True).rows
    assert [(row["series"]["model"], row["series"]["version"], row["searches"]) for row in rows] == [
        ("*", "*", 2),
        ("other", "1", 1),
        ("shop-rank", "3", 1),
    ]


def test_a_search_exactly_lateness_behind_is_timely_and_a_millisecond_more_is_late() -> None:
    expected = expect([search("a", 100 * S), search("b", 70 * S), search("c", 70 * S - 1), search("d", 100 * S)])
    assert expected.counters == {"late search-events": 1}
    assert sum(row["searches"] for row in expected.rows) == 3 * 2


def test_late_invalid_and_unknown_do_not_hold_back_but_repeats_move_the_watermark() -> None:
    invalid = search("x", 500 * S, surface="nowhere")
    repeat = search("a", 40 * S)
    expected = expect([search("a", 0), invalid, repeat, search("b", 9 * S)])
    assert expected.counters == {"invalid search-events": 1, "repeated searches": 1, "late search-events": 1}
    assert only(expected)["searches"] == 1


def test_a_late_search_counts_as_nothing_else_and_its_clicks_are_unmatched() -> None:
    expected = expect(
        [search("a", 100 * S), search("late", 0, "x"), search("a", 0)],
        [click("late", 1 * S, "x")],
    )
    assert expected.counters == {"late search-events": 2, "unmatched clicks": 1}


def test_topics_and_partitions_are_late_each_for_themselves() -> None:
    logs = [
        PartitionLog([search("a", 500 * S)], [click("a", 0, "x")]),
        PartitionLog([search("b", 0, "x")], [click("b", 1 * S, "x")]),
    ]
    expected = expect_logs(logs)
    assert "late search-events" not in expected.counters
    assert "late click-events" not in expected.counters


def test_the_first_valid_timely_search_of_an_id_counts_whatever_the_later_ones_say() -> None:
    broken = search("q", 0, latency_ms=-1)
    expected = expect([broken, search("q", 11 * S, "a"), search("q", 0, "a", "b"), search("q", 11 * S, "a")])
    row = only(expected)
    assert (row["cohort_start"], row["searches"], row["impressions"]) == ("2026-11-23T10:00:10Z", 1, 1)
    assert expected.counters == {"invalid search-events": 1, "repeated searches": 2}


def test_impressions_are_distinct_items_and_zero_results_an_empty_page() -> None:
    expected = expect([search("a", 0, "x", "y", "x"), search("b", 0)])
    row = only(expected)
    assert (row["searches"], row["impressions"], row["zero_results"]) == (2, 2, 1)


@pytest.mark.parametrize(
    ("after_ms", "clicks", "unmatched"),
    [
        (-30_000, [1, 1], 0),
        (-30_001, [0, 0], 1),
        (0, [1, 1], 0),
        (60_000, [1, 1], 0),
        (60_001, [0, 1], 0),
        (1_800_000, [0, 1], 0),
        (1_800_001, [0, 0], 1),
    ],
)
def test_a_click_counts_from_lateness_before_to_its_horizon_inclusive(
    after_ms: int, clicks: list[int], unmatched: int
) -> None:
    expected = expect([search("q", 0, "a")], [click("q", after_ms, "a")])
    assert [row["clicks"] for row in expected.rows] == clicks
    assert expected.counters["unmatched clicks"] == unmatched


def test_an_impression_is_clicked_once_however_often_and_in_whatever_order() -> None:
    clicks = [click("q", 70 * S, "a"), click("q", 50 * S, "a"), click("q", 50 * S, "a")]
    row = only(expect([search("q", 0, "a", "b")], clicks))
    assert row["clicks"] == 1


def test_purchases_imply_no_click_and_other_actions_are_counted_wherever_they_lie() -> None:
    clicks = [
        click("q", 1, "a", "purchase"),
        click("q", 1, "a", "add_to_cart"),
        click("nowhere", 1, "a", "Click"),
        click("q", 1, "a", ""),
    ]
    expected = expect([search("q", 0, "a")], clicks)
    row = only(expected)
    assert (row["clicks"], row["purchases"]) == (0, 1)
    assert expected.counters == {"unknown actions": 3}


def test_ubi_words_for_a_click_mean_a_click() -> None:
    clicks = [click("q", 1, "a", "item_click"), click("q", 1, "b", "global_click")]
    assert only(expect([search("q", 0, "a", "b", "c")], clicks))["clicks"] == 2


def test_clicks_on_unknown_searches_and_unshown_items_are_unmatched_and_positions_do_not_matter() -> None:
    clicks = [click("nowhere", 0, "a"), click("q", 0, "z", position=1), click("q", 0, "a", position=77)]
    expected = expect([search("q", 0, "a")], clicks)
    assert only(expected)["clicks"] == 1
    assert expected.counters == {"unmatched clicks": 2}


def test_a_late_click_counts_only_as_late_and_an_unknown_action_moves_the_watermark() -> None:
    clicks = [click("q", 40 * S, "a", "hover"), click("q", 9 * S, "a"), click("q", 9 * S, "a", "hover")]
    expected = expect([search("q", 0, "a")], clicks)
    assert only(expected)["clicks"] == 0
    assert expected.counters == {"unknown actions": 1, "late click-events": 2}


def test_quantiles_are_the_values_at_rank_floor_of_q_times_n_minus_one() -> None:
    values = [*range(21, 1, -1), 1000.5]
    row = only(expect([search(f"q{n}", 0, latency_ms=value) for n, value in enumerate(values)]))
    # sorted: 2…21, 1000.5; ranks 10, 19 and 19
    assert row["latency_ms"] == {"count": 21, "sum": 230 + 1000.5, "p50": 12, "p95": 21, "p99": 21}


def test_null_latencies_are_left_out() -> None:
    row = only(expect([search("a", 0, latency_ms=None)]))
    assert row["latency_ms"] == {"count": 0, "sum": 0.0, "p50": None, "p95": None, "p99": None}


def test_pairs_compare_clicked_with_examined_items_by_score_and_by_position() -> None:
    # clicked: b (2) and d (4); examined to position 5: a, c, e; f is not examined; c has no score
    scored = [("a", 1, 0.9), ("b", 2, 0.5), ("c", 3, None), ("d", 4, 0.95), ("e", 5, 0.5), ("f", 6, 0.1)]
    searches = [search("q", 0, "a", "b", "c", "d", "e", "f")]
    expected = expect(searches, [click("q", 1, "b"), click("q", 61 * S, "d")], [block((0, "q", 0, scored))])
    # at 60 s only b is clicked, and examined are a and c: b < a
    assert only(expected, 60)["pairs"] == {"concordant": 0, "discordant": 1, "tied": 0}
    assert only(expected, 60)["shown_pairs"] == {"concordant": 0, "discordant": 1, "tied": 0}
    # later: b < a, b = e, d > a, d > e; by position b and d are above e, below a
    assert only(expected, 1800)["pairs"] == {"concordant": 2, "discordant": 1, "tied": 1}
    assert only(expected, 1800)["shown_pairs"] == {"concordant": 2, "discordant": 2, "tied": 0}
    assert not expected.score_faults


def test_the_shown_order_is_rated_by_places_on_pages_that_were_clicked() -> None:
    page = search("a", 0, *((f"i{n}", 10 * n) for n in range(1, 13)))
    searches = [page, search("b", 1, "x", "y"), search("nobody", 2, "x")]
    row = only(expect(searches, [click("a", 5, "i3"), click("a", 6, "i11"), click("b", 7, "x")]))
    # i3 gains 1/log₂4 of the 1 + 1/log₂3 that two clicks on top would; i11 is below the first ten
    assert row["ndcg_at_10"] == pytest.approx((0.5 / (1 + 1 / math.log2(3)) + 1) / 2)
    assert row["mrr"] == pytest.approx((1 / 3 + 1) / 2)


def test_examined_is_a_matter_of_positions_not_of_places_in_the_list() -> None:
    scored = [("a", 1, 0.9), ("b", 3, 0.5), ("c", 3, 0.25)]
    searches = [search("q", 0, ("a", 1), ("b", 3), ("c", 3))]
    clicked_first = expect(searches, [click("q", 1, "a")], [block((0, "q", 0, scored))])
    assert only(clicked_first)["pairs"] == NO_PAIRS
    clicked_last = expect(searches, [click("q", 1, "c")], [block((0, "q", 0, scored))])
    assert only(clicked_last)["pairs"] == {"concordant": 0, "discordant": 2, "tied": 0}
    assert only(clicked_last)["shown_pairs"] == {"concordant": 0, "discordant": 1, "tied": 1}


def test_a_clicked_item_without_score_still_marks_how_far_people_looked() -> None:
    scored = [("a", 1, 0.5), ("b", 2, 0.25), ("c", 3, None), ("d", 4, 0.75)]
    clicks = [click("q", 1, "a"), click("q", 1, "c")]
    expected = expect([search("q", 0, "a", "b", "c", "d")], clicks, [block((0, "q", 0, scored))])
    assert only(expected)["pairs"] == {"concordant": 1, "discordant": 1, "tied": 0}


def test_match_at_10_is_the_mean_over_scored_searches_of_their_first_ten_scores() -> None:
    many = [("x0", 1, None), *[(f"x{n}", n + 1, 0.5 if n <= 10 else 1.0) for n in range(1, 13)]]
    scores = [block((0, "a", 0, many), (1, "b", 0, [("y", 1, 0.25), ("z", 2, 1.0)]), (2, "c", 0, [("y", 1, None)]))]
    searches = [search("a", 0, *[name for name, *_ in many]), search("b", 0, "y", "z"), search("c", 0, "y")]
    expected = expect(searches, scores=scores)
    assert only(expected)["match_at_10"] == pytest.approx((0.5 + 0.625) / 2)
    assert only(expected)["pairs"] == NO_PAIRS


def test_scores_of_repeats_are_taken_in_source_order_and_rewritten_ones_are_skipped() -> None:
    control = b"\x92\xa7control\x00"
    scores = [
        block((0, "q", 0, [("a", 1, 0.25)])),
        control,
        block((0, "q", 0, [("a", 1, 1.0)]), (1, "q", 5, [("a", 1, 0.75)])),
    ]
    expected = expect([search("q", 0, "a"), search("q", 5, "a")], scores=scores)
    assert only(expected)["match_at_10"] == 0.25
    assert not expected.score_faults


def test_scores_that_do_not_fit_the_files_are_named() -> None:
    searches = [search("a", 0, "x"), search("b", 0, "x"), search("c", 0, "x")]
    scores = [block((0, "a", 1, [("x", 1, 0.5)]), (1, "b", 0, [("y", 1, 0.5)]), (2, "d", 0, [("x", 1, 0.5)]))]
    faults = expect(searches, scores=scores).score_faults
    assert [fault.partition(" in ")[0] for fault in faults[:3]] == ["search 'a'", "search 'b'", "search 'c'"]
    assert "1 times more than the files" in faults[3]


def test_misrouted_records_are_folded_where_they_lie_and_counted() -> None:
    right, wrong = partition_of("q", 4), (partition_of("q", 4) + 1) % 4
    logs = [PartitionLog() for _ in range(4)]
    logs[wrong] = PartitionLog([search("q", 0, "a")], [])
    logs[right] = PartitionLog([search("q", 0, "a")], [click("q", 1, "a")])
    expected = expect_logs(logs)
    assert expected.counters == {"misrouted": 1}
    assert (only(expected)["searches"], only(expected)["clicks"]) == (2, 1)


def test_a_folder_is_routed_by_query_id_and_its_broken_lines_are_counted_by_topic(tmp_path: Path) -> None:
    names = [f"q{n}" for n in range(40)]
    lines = [search(name, n * 60 * S, "a") for n, name in enumerate(names)]
    (tmp_path / "search-events.ndjson").write_bytes(b"\n".join([lines[0], b"", b"{", *lines[1:]]) + b"\n")
    clicks = [click(name, n * 60 * S + 1, "a") for n, name in enumerate(names)]
    (tmp_path / "click-events.ndjson").write_bytes(b"\n".join([*clicks, b"null"]))
    (tmp_path / "catalog-items.ndjson").write_bytes(b'{"object_id":"a"}\n{"object_id":""}\n')
    expected = expect_folder(tmp_path)
    assert sum(row["clicks"] for row in expected.rows) == 2 * 40
    assert expected.counters == {"invalid search-events": 2, "invalid click-events": 1, "invalid catalog-items": 1}
    assert sorted(expected.invalid_lines) == [
        ("catalog-items", 2),
        ("click-events", 41),
        ("search-events", 2),
        ("search-events", 3),
    ]


def test_lines_end_at_line_feeds_only(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes("a\u2028b\r\n\nc\x0bd\n".encode())
    assert lines_of(path) == ["a\u2028b\r".encode(), b"", b"c\x0bd"]
    assert lines_of(tmp_path / "absent") == []
