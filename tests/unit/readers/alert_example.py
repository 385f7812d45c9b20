"""An alert with everything in it, and texts that would like to be more than texts."""

from schemas.alerts import (
    FIRING_TYPE,
    Alert,
    AlertData,
    AlertSegment,
    AlertSeries,
    SampleItem,
    SampleSearch,
    SuspectedCause,
)

ALERT = Alert(
    id="a1",
    source="matchwatch/shop-web",
    type=FIRING_TYPE,
    subject="f1",
    time="2026-11-23T10:20:00.000Z",
    data=AlertData(
        fingerprint="f1",
        rule="ctr_drop",
        severity="critical",
        status="firing",
        signal="ctr",
        series=AlertSeries("shop-web", "search", "*", "*"),
        value=0.02,
        expected=0.1,
        threshold=0.09,
        direction="down",
        n=4160,
        standard_error=0.002,
        started_at="2026-11-23T10:07:00.000Z",
        detected_at="2026-11-23T10:09:47.812Z",
        summary="ctr of search in shop-web is 2 % instead of 10 %",
        segments=[AlertSegment("device", "mobile", 0.74)],
        suspected_cause=SuspectedCause("shop-rank", "5", "live", 30.0),
        samples=[
            SampleSearch(
                query_id=f"q{number}",
                user_query=f"运动鞋[red]{number}\x1b[2J",
                timestamp="2026-11-23T10:08:00.000Z",
                version="5",
                items=[
                    SampleItem("sku-1", 1, "kettle [/bold]", 0.01, clicked=False),
                    SampleItem("sku-2", 2, None, None, clicked=True),
                ],
            )
            for number in range(4)
        ],
        runbook_url="docs/runbooks/ctr_drop.md",
    ),
)
