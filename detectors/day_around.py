"""What other days say about a time of the day: how much usually comes, and what else came at about that time.

A watch holds what comes against its level of the last hour. So days are compared by how much a slot had over what came
about as long before it: that is what must not be taken for a fault.
"""

import math
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from detectors.shift_watch import WAITING
from detectors.watch import LEARN_POINTS

SLOT_S: Final = 600
WIDEST: Final = 4
"""By how many slots the edges of a day may be early or late, where one other day is known."""
REACH: Final = 3
"""The same where more are: they show by themselves how much edges move."""
BASE: Final = 9
"""Slots before, of which a level may be made."""
MEMORY_S: Final = 900.0
"""What the default rules on volume remember."""
TRUST: Final = 4
"""From so many other days on, what a single one of them showed is not usual: it was odd."""
CHANCE: Final = 2.0
"""Deviations by which a slot's count may differ by chance."""
WANDERS: Final = 1.15
"""By so much days differ anyhow: that is in the scatter of the level."""
WIDTH: Final = BASE + 2 * WIDEST + 1
"""Slots that are looked at."""
MIDDLE: Final = BASE + WIDEST
"""Place of the slot in question among them."""
Floats = npt.NDArray[np.float64]


class Around(NamedTuple):
    """What is usual in a slot, in events."""

    curve: tuple[float, float, float]
    """In the slot before, in it, and in the one behind it."""
    low: float
    """By what factor the change since the level may be less than the curve's: at most 1."""
    high: float
    """By what factor it may be more: at least 1."""
    least: float
    """So many events any day had, a little earlier or later."""


def look_around(days: Floats, bucket_s: float) -> Around | None:
    """Give what is usual in a slot; None where no day tells.

    Args:
        days: a row for each day before, the latest first and the same day of the week last; `WIDTH` slots with that in
            question at `MIDDLE`; NaN where nothing is known.
        bucket_s: length of the cohorts that levels are learned from.
    """
    curve = _medians(days)
    if np.isnan(curve[MIDDLE]):
        return None
    smooth = _smooth(curve)
    before, here, after = smooth[MIDDLE - 1 : MIDDLE + 2]
    before, after = (here if np.isnan(x) else x for x in (before, after))
    reach = WIDEST if (~np.isnan(days[:, MIDDLE])).sum() == 1 else REACH
    usual, _ = _changes(smooth[None, :], bucket_s)
    change, error = _changes(days, bucket_s)
    low = high = 1.0
    if not np.isnan(usual[0, WIDEST]):
        falls = _least(change * (1 + error), reach)
        rises = -_least(-change / (1 + error), reach)
        if math.isfinite(falls) and math.isfinite(rises):
            low = min(1.0, WANDERS * falls / usual[0, WIDEST])
            high = max(1.0, rises / usual[0, WIDEST] / WANDERS)
    least = min(here, _least(_most(days), reach))
    return Around((float(before), float(here), float(after)), float(low), float(high), float(least))


def _medians(days: Floats) -> Floats:
    """Give the median day of each slot, NaN where none is known."""
    known, slots = (~np.isnan(days)).sum(axis=0), np.arange(days.shape[1])
    in_order = np.sort(days, axis=0)  # what is not known comes last
    upper, lower = in_order[known // 2 % len(days), slots], in_order[np.maximum(known - 1, 0) // 2, slots]
    medians: Floats = np.where(known > 0, (upper + lower) / 2, np.nan)
    return medians


def _smooth(curve: Floats) -> Floats:
    """Give each slot half of itself and a quarter of each neighbour, where they are known."""
    sides = [np.concatenate([curve[:1], curve[:-1]]), np.concatenate([curve[1:], curve[-1:]])]
    smooth: Floats = curve / 2 + sum(np.where(np.isnan(x), curve, x) for x in sides) / 4
    return smooth


@lru_cache(maxsize=16)
def _base(bucket_s: float) -> Floats:
    """Give how much of a level came in each of the `BASE` slots before, the nearest last."""
    ages_s = np.arange(BASE, 0, -1) * SLOT_S - min(WAITING * bucket_s, (BASE - 2) * SLOT_S)
    parts = [
        np.exp(-np.maximum(ages_s + at, 0) / max(MEMORY_S, LEARN_POINTS * bucket_s)) * (ages_s + at >= 0)
        for at in range(-SLOT_S // 2, SLOT_S // 2, SLOT_S // 10)
    ]
    shares: Floats = np.sum(parts, axis=0)
    normal: Floats = shares / shares.sum()
    return normal


def _changes(days: Floats, bucket_s: float) -> tuple[Floats, Floats]:
    """Give by what factor each slot within reach has more than the level, and how far off that may be by chance."""
    shares = _base(bucket_s)
    windows = np.lib.stride_tricks.sliding_window_view(days, BASE, axis=1)[:, : 2 * WIDEST + 1]
    known = (~np.isnan(windows) * shares).sum(axis=2)
    base = np.where(known >= 0.5, np.nansum(windows * shares, axis=2) / np.maximum(known, 0.5), np.nan)
    here = days[:, BASE:]
    return (here + 1) / (base + 1), CHANCE * np.sqrt(1 / (here + 1) + 1 / (2 * base + 1))


def _most(days: Floats) -> Floats:
    """Give how many events each slot within reach might have had: none where it and a neighbour had none."""
    here = days[:, BASE:]
    beside = np.concatenate([days[:, BASE + 1 :], days[:, -1:] * np.nan], axis=1)
    none = (here == 0) & ((days[:, BASE - 1 : -1] == 0) | (beside == 0))
    most: Floats = np.where(none, 0.0, here + CHANCE * np.sqrt(here + 1))
    return most


def _least(slots: Floats, reach: int) -> float:
    """Give the least of some days within reach of the slot in the middle; infinite where none is known.

    One day alone of many is odd, unless it is the same day of the week: then what the others had counts, a little
    earlier or later still.
    """
    known = np.where(np.isnan(slots), np.inf, slots)
    near = known[:, WIDEST - reach : WIDEST + reach + 1].min(axis=1)
    least = near[:-1].min()
    if np.isfinite(near[:-1]).sum() >= TRUST:
        least = max(least, np.sort(known[:-1].min(axis=1))[1])
    return float(min(least, near[-1]))
