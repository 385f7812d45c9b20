"""Who clicks what: examination by position, attraction by relevance, and how long people take.

References:
    Chuklin, Markov & de Rijke (2015), Click Models for Web Search: position-based model (3.2), cascade models (3.3).
"""

from typing import Final

import numpy as np

from streams.shop.settings import ClickModel

POSITIONS: Final = 20
"""The longest page."""
_EXAMINATION: Final = (np.arange(POSITIONS) + 1.0) ** -0.6
_ATTRACTION_FLOOR: Final = 0.01
_ATTRACTION_SPAN: Final = 0.36
_GO_ON: Final = 0.92
_GO_ON_AFTER_CLICK: Final = 0.6

DELAY_MEDIAN_S: Final = 8.0
_DELAY_SIGMA: Final = 0.9
_RETURN_SHARE: Final = 0.03
LONGEST_DELAY_S: Final = 1200.0
"""People who come back to a page do so within twenty minutes."""


def draw_clicks(
    rng: np.random.Generator, relevance: np.ndarray, lengths: np.ndarray, interest: np.ndarray, model: ClickModel
) -> np.ndarray:
    """Tell which shown items are clicked.

    Args:
        rng: the source of chance.
        relevance: of the shown items in shown order, shape (pages, positions).
        lengths: how many positions each page has, shape (pages,).
        interest: what attraction is multiplied with, by surface, shape (pages,).
        model: `position`: every position is examined with its own probability; `cascade`: from the top until
            somebody gives up or has found enough.

    Returns:
        bool, shape (pages, positions).
    """
    attraction = (_ATTRACTION_FLOOR + _ATTRACTION_SPAN * relevance**2) * interest[:, None]
    attracted: np.ndarray = rng.random(relevance.shape) < attraction
    patience = rng.random(relevance.shape)
    if model == "position":
        examined = patience < _EXAMINATION
    else:
        goes_on = patience < np.where(attracted, _GO_ON_AFTER_CLICK, _GO_ON)
        examined = np.ones(relevance.shape, dtype=bool)
        examined[:, 1:] = np.logical_and.accumulate(goes_on[:, :-1], axis=1)
    return attracted & examined & (np.arange(POSITIONS) < lengths[:, None])


def draw_delays_ms(rng: np.random.Generator, positions: np.ndarray) -> np.ndarray:
    """Draw how long after the search each click comes: mostly within half a minute, some much later.

    Args:
        rng: the source of chance.
        positions: of the clicked items from 0; those further down are read later.
    """
    seconds = rng.lognormal(np.log(DELAY_MEDIAN_S), _DELAY_SIGMA, positions.shape) + 0.4 * positions
    returns = rng.random(positions.shape) < _RETURN_SHARE
    later = rng.uniform(60.0, LONGEST_DELAY_S, positions.shape)
    milliseconds: np.ndarray = np.minimum(np.where(returns, later, seconds), LONGEST_DELAY_S) * 1000
    return milliseconds.astype(np.int64)
