"""Which shown items are clicked, against what each click model says in closed form."""

import numpy as np
import pytest

from streams.shop.clicks import draw_clicks
from streams.shop.settings import ClickModel

ATTRACTED = 0.37  # of a fully relevant item


def _draw(model: ClickModel) -> np.ndarray:
    pages = 100_000
    rng = np.random.Generator(np.random.PCG64(1))
    return draw_clicks(rng, np.ones((pages, 20)), np.full(pages, 20), np.ones(pages), model)


def test_by_position_each_is_examined_with_its_own_probability_whatever_else_is_clicked() -> None:
    clicked = _draw("position")
    expected = ATTRACTED * np.arange(1.0, 21.0) ** -0.6
    assert clicked.mean(axis=0) == pytest.approx(expected, abs=0.006)
    assert clicked[clicked[:, 0], 1].mean() == pytest.approx(expected[1], abs=0.012)


def test_in_a_cascade_who_has_clicked_goes_on_less_often() -> None:
    clicked = _draw("cascade")
    goes_on = ATTRACTED * 0.6 + (1 - ATTRACTED) * 0.92
    assert clicked.mean(axis=0) == pytest.approx(ATTRACTED * goes_on ** np.arange(20), abs=0.006)
    assert clicked[clicked[:, 0], 1].mean() == pytest.approx(0.6 * ATTRACTED, abs=0.01)
    assert clicked[~clicked[:, 0], 1].mean() == pytest.approx(0.92 * ATTRACTED, abs=0.01)
