"""Weeks without a fault: cohorts are sums of the simulated shop's pages, alarms are held to a promise."""

import numpy as np
import pytest

from schemas.rollup import Rollup, RollupControl
from streams.bench.null_week import BUCKET_S, RATE, SURFACES, Pages, count_pages, week_log
from streams.bench.null_weeks import alarm_figures


@pytest.fixture(scope="module")
def pages() -> dict[str, Pages]:
    return count_pages(seed=5, minutes=10.0)


def test_cohorts_are_sums_of_pages_as_many_as_the_shop_has(pages: dict[str, Pages]) -> None:
    log = list(week_log(np.random.default_rng(1), pages, days=1))
    controls = [one for one in log if isinstance(one, RollupControl)]
    assert len(controls) == 24 * 3600 // BUCKET_S
    for surface, share in SURFACES.items():
        early, labelled = (
            [
                one
                for one in log
                if isinstance(one, Rollup) and one.series.surface == surface and one.horizon_s == horizon
            ]
            for horizon in (0, 60)
        )
        searches = sum(one.searches for one in early)
        expected = RATE * share * 24 * 3600
        assert searches == pytest.approx(expected, abs=5 * expected**0.5)
        columns = pages[surface].counts
        for place, total in (
            (0, sum(one.impressions for one in early)),
            (6, sum(one.match_at_10.count for one in early)),
            (9, sum(one.labels.clicks for one in labelled)),
            (columns.shape[1] - 1, sum(one.shown_pairs.bb for one in labelled)),
        ):
            error = columns[:, place].std() / searches**0.5
            assert total / searches == pytest.approx(columns[:, place].mean(), abs=5 * error)
        assert not any(one.labels.clicks or one.pairs.bb for one in early)
        shown = sum(sum(one.exposure.values()) for one in early)
        assert shown == sum(one.impressions for one in early)
        assert sum(one.latency_ms.count for one in early) == pytest.approx(searches, rel=0.02)


def test_too_few_alarms_are_as_wrong_as_too_many() -> None:
    def met(alarms: list[int]) -> bool | None:
        return alarm_figures(alarms)[0].met

    assert met([0] * 20) is False
    assert met([1, 0, 0, 2] + [0] * 16) is True
    assert met([1] * 10 + [0] * 10) is False
    assert alarm_figures([0] * 20)[0].target == "1 to 9"
