"""Clicks that come for cohorts which were closed while clicks were idle: each is in one rollup or in a counter."""

from detectors.checkpoint import Checkpoint
from detectors.evaluate import EvaluateFold
from tests.property.evaluate.shop_log import SETTINGS, Click, Search, as_block, as_columns

START_MS = 1_700_000_000_000
SHORT_S, LONG_S = SETTINGS.horizons_s
LATENESS_S = SETTINGS.lateness_ms // 1000
ITEMS = [(7, 1, 5), (8, 2, 9)]


def searched(fold: EvaluateFold, offset: int, query_id: int, after_s: int) -> None:
    fold.apply_scores(as_block([Search(query_id, START_MS + after_s * 1000, "1", "phone", ITEMS)], offset), offset)


def clicked(fold: EvaluateFold, offset: int, *clicks: tuple[int, int, int]) -> None:
    """Apply clicks of (query, item, seconds after the start)."""
    rows = [Click(query_id, item_id, START_MS + after_s * 1000, 1) for query_id, item_id, after_s in clicks]
    fold.apply_clicks(as_columns(rows), offset)


def closed_after_silence(through_s: int) -> EvaluateFold:
    """Give a fold with a click on the first item, that has closed by searches alone up to `through_s`."""
    fold = EvaluateFold(SETTINGS, 0)
    searched(fold, 0, 1, 0)
    clicked(fold, 0, (1, 7, 1))
    searched(fold, 1, 2, through_s + LATENESS_S)
    fold.close(clicks_idle=True)
    return fold


def clicks_at(fold: EvaluateFold, horizon_s: int) -> int:
    fold.finish_clicks(START_MS + 10_000_000)
    searched(fold, 9, 99, 10_000)
    rollups = [x for x in fold.close() if x.cohort_start_ms == START_MS and x.series.version == "1"]
    return sum(x.labels.clicks for x in rollups if x.horizon_s == horizon_s)


def test_a_click_counts_at_the_horizons_that_are_open_and_in_a_counter_for_those_that_are_not() -> None:
    fold = closed_after_silence(10 + SHORT_S)
    clicked(fold, 1, (1, 8, 5), (1, 8, SHORT_S + 1))  # the second is due at the long horizon alone
    assert {name: n for name, n in fold.totals.items() if "clicks" in name} == {
        "accepted_clicks": 3,
        "matched_clicks": 3,
        "partly_overtaken_clicks": 1,
    }
    assert clicks_at(fold, LONG_S) == 2


def test_a_click_for_which_every_horizon_is_closed_is_overtaken_and_neither_matched_nor_late() -> None:
    fold = closed_after_silence(10 + LONG_S)
    clicked(fold, 1, (1, 8, 5))
    assert {name: n for name, n in fold.totals.items() if "clicks" in name} == {
        "accepted_clicks": 2,
        "matched_clicks": 1,
        "overtaken_clicks": 1,
    }


def test_a_click_in_time_after_an_idle_while_counts_as_any_other() -> None:
    fold = closed_after_silence(0)
    clicked(fold, 1, (1, 8, 5))
    assert fold.totals["matched_clicks"] == 2
    assert clicks_at(fold, SHORT_S) == 2


def test_a_successor_counts_what_is_overtaken_by_the_closings_of_the_commit() -> None:
    fold = closed_after_silence(10 + SHORT_S)
    checkpoint = Checkpoint.decode(fold.checkpoint(2, 1, "s").encode())
    successor = EvaluateFold(SETTINGS, 0, checkpoint)
    searched(successor, 0, 1, 0)
    clicked(successor, 0, (1, 7, 1))
    searched(successor, 1, 2, 10 + SHORT_S + LATENESS_S)
    successor.end_replay()
    for each in (fold, successor):
        clicked(each, 1, (1, 8, 5))
    assert successor.totals == fold.totals
    assert successor.totals["partly_overtaken_clicks"] == 1
    assert clicks_at(successor, LONG_S) == clicks_at(fold, LONG_S) == 2
