"""Three searches that lost most, whatever it was that was lost."""

import pytest

from detectors.exemplars import choose_exemplars
from schemas.rollup import Exemplar

PAGES = {
    "good, clicked first": ([4000, 3900, 3800], [0]),
    "good, clicked last": ([4000, 3900, 3800], [2]),
    "good, not clicked": ([4000, 3900, 3800], []),
    "bad, not clicked": ([400, 300, 200], []),
    "bad, clicked the worst": ([900, 3000, 200], [2]),
    "no titles": ([None, None, 3900], [2]),
    "empty": ([], []),
}


@pytest.mark.parametrize(
    ("signal", "first"),
    [
        ("ctr", "bad, not clicked"),
        ("click_rate", "bad, not clicked"),
        ("coec", "bad, not clicked"),
        ("match_at_10", "bad, not clicked"),
        ("ctr_proxy_lift", "bad, clicked the worst"),
        ("auc", "bad, clicked the worst"),
        ("mrr", "bad, clicked the worst"),
        ("zero_result_rate", "empty"),
        ("missing_field_rate", "no titles"),
        ("unscored_rate", "no titles"),
    ],
)
def test_the_first_sample_shows_best_what_a_signal_lost(signal: str, first: str) -> None:
    exemplars = [
        Exemplar(number, 0, number, list(scores), clicked) for number, (scores, clicked) in enumerate(PAGES.values())
    ]
    chosen = choose_exemplars(signal, exemplars)
    assert len(chosen) == 3
    assert list(PAGES)[chosen[0].id_hash] == first
    assert chosen == choose_exemplars(signal, exemplars[::-1])


def test_what_exemplars_do_not_say_is_a_fair_sample() -> None:
    exemplars = [Exemplar(hash_, 0, hash_, [1], []) for hash_ in (5, 3, 9, 1)]
    assert [x.id_hash for x in choose_exemplars("latency_p95", exemplars)] == [1, 3, 5]
