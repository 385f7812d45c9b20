import msgspec

from schemas.rollup import Clicks, Moments, Pairs, Rollup, SegmentCounts, Sketch
from schemas.scores import Series
from streams.readers.rollup_row import rollup_row

FULL = Rollup(
    series=Series("shop-web", "search", "shop-rank", "3"),
    cohort_start_ms=1_795_428_000_000,
    bucket_s=10,
    horizon_s=60,
    partition=-1,
    searches=5,
    impressions=40,
    zero_results=1,
    unscored_searches=1,
    latency_ms=Sketch(3, 60.0, 1, {150: 2}),
    match_at_10=Moments(4, 3.0, 2.5),
    ndcg_at_10=Moments(3, 1.5, 1.0),
    mrr=Moments(3, 0.75, 0.5),
    exposure={"shoes": 30, "phones": 10},
    labels=Clicks(clicks=4, purchases=1, clicked_searches=3),
    pairs=Pairs(5, 3, 1),
    shown_pairs=Pairs(6, 3, 0),
    segments={"device": {"mobile": SegmentCounts(searches=5)}},
)


def test_a_row_has_the_contract_s_fields() -> None:
    row = rollup_row(FULL)
    assert row["series"] == {"application": "shop-web", "surface": "search", "model": "shop-rank", "version": "3"}
    assert row["cohort_start"] == "2026-11-23T10:00:00.000Z"
    counts = ("bucket_s", "horizon_s", "searches", "impressions", "clicks", "purchases", "zero_results")
    assert [row[name] for name in counts] == [10, 60, 5, 40, 4, 1, 1]
    assert row["pairs"] == {"concordant": 5, "discordant": 3, "tied": 1}
    assert row["shown_pairs"] == {"concordant": 6, "discordant": 3, "tied": 0}
    assert (row["match_at_10"], row["ndcg_at_10"], row["mrr"]) == (0.75, 0.5, 0.25)
    assert row["ctr"] == 0.1
    assert row["latency_ms"]["count"] == 3
    assert row["latency_ms"]["sum"] == 60.0
    assert "segments" not in row
    assert msgspec.json.decode(msgspec.json.encode(row)) == row


def test_segments_are_added_on_demand() -> None:
    assert rollup_row(FULL, segments=True)["segments"]["device"]["mobile"]["searches"] == 5


def test_ratios_without_what_they_are_shares_of_are_null() -> None:
    row = rollup_row(Rollup(series=FULL.series, cohort_start_ms=0, bucket_s=10, horizon_s=60, partition=0))
    assert row["clicks"] == 0
    assert row["ctr"] is None
    assert [row[name] for name in ("match_at_10", "ndcg_at_10", "mrr")] == [None] * 3
    assert row["latency_ms"] == {"count": 0, "sum": 0.0, "p50": None, "p95": None, "p99": None}


def test_before_any_horizon_nothing_is_said_of_clicks() -> None:
    row = rollup_row(msgspec.structs.replace(FULL, horizon_s=0))
    assert row["searches"] == 5
    assert [row[name] for name in ("clicks", "purchases", "clicked_searches", "ctr", "pairs", "shown_pairs")] == [
        None
    ] * 6
