"""Counters of searches that score tells evaluate of."""

from detectors.checkpoint import Checkpoint
from detectors.evaluate import EvaluateFold
from schemas.scores import ScoreControl
from tests.property.evaluate.shop_log import SETTINGS


def told(next_source_offset: int, **totals: int) -> ScoreControl:
    return ScoreControl(0, next_source_offset, totals, False, 0)


def test_a_successor_of_score_that_counts_again_takes_no_counter_back() -> None:
    fold = EvaluateFold(SETTINGS, 0)
    fold.apply_scores(told(100, valid=90, invalid_not_json=10), 0)
    fold.apply_scores(told(60, valid=55, invalid_not_json=5), 1)
    assert fold.totals == {"source_valid": 90, "source_invalid_not_json": 10}
    fold.apply_scores(told(120, valid=108, invalid_not_json=12), 2)
    assert fold.totals == {"source_valid": 108, "source_invalid_not_json": 12}


def test_neither_does_a_successor_of_evaluate_that_hears_it_then() -> None:
    fold = EvaluateFold(SETTINGS, 0)
    fold.apply_scores(told(100, valid=100), 0)
    successor = EvaluateFold(SETTINGS, 0, Checkpoint.decode(fold.checkpoint(1, 0, "s").encode()))
    successor.end_replay()
    successor.apply_scores(told(60, valid=60), 1)
    assert successor.totals == {"source_valid": 100}


def test_totals_that_score_does_not_have_are_left_out() -> None:
    fold = EvaluateFold(SETTINGS, 0)
    fold.apply_scores(told(1, valid=1, anything_else=7), 0)
    assert fold.totals == {"source_valid": 1}
