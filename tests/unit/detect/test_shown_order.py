"""NDCG and reciprocal ranks, held against scikit-learn's on the pages themselves."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import label_ranking_average_precision_score, ndcg_score

from detectors.exemplars import choose_exemplars
from detectors.observation import observe
from detectors.reference import Reference
from detectors.shown_order import ClickedPages, sum_rankings
from detectors.signals import signal_points
from schemas.rollup import Clicks, Exemplar, Moments, Rollup, decode_rollup, encode_rollup
from schemas.scores import Series

PAGES = st.lists(st.lists(st.booleans(), max_size=40), min_size=1, max_size=30)


def summed(pages: list[list[bool]], series: list[int] | None = None, groups: int = 1) -> list[tuple[Moments, Moments]]:
    counts = np.array([len(page) for page in pages])
    clicked = np.array([hit for page in pages for hit in page], dtype=bool)
    hits = np.flatnonzero(clicked)
    clicks = np.array([sum(page) for page in pages])
    of = np.array(series or [0] * len(pages))
    rows = np.flatnonzero(clicks)
    return sum_rankings(ClickedPages(hits, clicks[rows], (np.cumsum(counts) - counts)[rows]), of[rows], groups)


def ndcg(page: list[bool]) -> float:
    padded = [*page, False]  # scikit-learn refuses pages of one item, where any order is right
    return float(ndcg_score([padded], [[-place for place in range(len(padded))]], k=10))


@settings(max_examples=50, deadline=None)
@given(PAGES)
def test_ndcg_is_scikit_learn_s(pages: list[list[bool]]) -> None:
    found = [ndcg(page) for page in pages if any(page)]
    ((moments, _),) = summed(pages)
    assert moments.count == len(found)
    assert moments.total == pytest.approx(sum(found))
    assert moments.squares == pytest.approx(sum(x * x for x in found))


@settings(max_examples=50, deadline=None)
@given(PAGES)
def test_a_reciprocal_rank_is_the_precision_of_a_page_whose_uppermost_click_is_its_only_one(
    pages: list[list[bool]],
) -> None:
    found = []
    for page in pages:
        if any(page):
            first = [place == page.index(True) for place in range(len(page))]
            order = [[-place for place in range(len(page))]]
            found.append(float(label_ranking_average_precision_score([first], order)))
    ((_, moments),) = summed(pages)
    assert moments.count == len(found)
    assert moments.total == pytest.approx(sum(found))
    assert moments.squares == pytest.approx(sum(x * x for x in found))


@settings(max_examples=50, deadline=None)
@given(PAGES, st.randoms(use_true_random=False))
def test_each_series_has_its_own_pages(pages: list[list[bool]], random: object) -> None:
    series = [random.randrange(3) for _ in pages]  # type: ignore[attr-defined]
    for number, both in enumerate(summed(pages, series, 3)):
        mine = [page for page, of in zip(pages, series, strict=True) if of == number]
        alone = summed(mine)[0] if mine else (Moments(), Moments())
        for one, other in zip(both, alone, strict=True):
            assert one.count == other.count
            assert (one.total, one.squares) == pytest.approx((other.total, other.squares))


def test_signals_and_rules_see_the_mean_with_its_standard_error() -> None:
    x = np.random.default_rng(1).uniform(0, 1, 40)
    moments = Moments(40, float(x.sum()), float((x * x).sum()))
    rollup = Rollup(Series("shop", "search", "*", "*"), 0, 10, 60, 0, searches=90, ndcg_at_10=moments, mrr=moments)
    found = {point.signal: point for point in signal_points(rollup)}
    for name in ("ndcg_at_10", "mrr"):
        assert found[name].n == 40
        assert found[name].value == pytest.approx(x.mean())
        assert found[name].standard_error == pytest.approx(x.std(ddof=1) / np.sqrt(40))
        seen = observe(name, rollup, Reference())
        assert seen is not None
        assert seen.ratio == found[name].value


def test_rollups_of_an_older_evaluate_have_none_and_older_readers_do_not_mind_newer_ones() -> None:
    new = Rollup(Series("a", "search", "m", "1"), 0, 10, 60, 0, searches=1, labels=Clicks(1), mrr=Moments(1, 0.5, 0.25))
    plain = msgspec.msgpack.decode(encode_rollup(new))
    old = {name: field for name, field in plain.items() if name not in {"ndcg_at_10", "mrr"}}
    assert decode_rollup(msgspec.msgpack.encode(old)) == msgspec.structs.replace(new, mrr=Moments())
    # An older reader has no such fields, as this one has none of this name: it leaves out what it does not know.
    assert decode_rollup(msgspec.msgpack.encode({**plain, "a_later_field": [1, 2.0]})) == new


def test_the_searches_that_show_a_lost_order_are_those_whose_uppermost_click_is_lowest() -> None:
    pages = [
        Exemplar(number, 0, number, [4000] * 9, clicked) for number, clicked in enumerate([[], [0, 8], [5], [2, 3]])
    ]
    for signal in ("ndcg_at_10", "mrr"):
        assert [page.clicked for page in choose_exemplars(signal, pages)] == [[5], [2, 3], [0, 8]]
