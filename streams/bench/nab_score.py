"""The score of the Numenta Anomaly Benchmark, v1.1: how early, how fully and how quietly windows are found."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
PROBATION_SHARE: Final = 0.15
PROBATION_MAX_ROWS: Final = 750
NOTHING_FOUND: Final = 1.1
"""The threshold that no score reaches."""
_FAR: Final = 3.0
"""Windows' widths behind a window from where on a false alarm costs its full weight."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What a miss and a false alarm cost, and what a hit is worth."""

    hit_weight: float
    miss_weight: float
    false_alarm_weight: float


@dataclass(frozen=True, slots=True)
class ScoredSeries:
    """The anomaly scores of one series, and the rows of its windows: first and last, both within, in order."""

    scores: Floats
    windows: Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class NabScore:
    """The best that one threshold for all series reaches."""

    normalized: float
    """0 for a detector that finds nothing, 100 for one that finds each window at its first row and nothing else."""
    threshold: float
    """Rows with at least this score count as found."""
    raw: float
    hits: int
    """Windows with a row at or above the threshold."""
    false_alarms: int
    """Rows at or above the threshold outside of windows."""


def nab_score(series: Sequence[ScoredSeries], profile: Profile) -> NabScore:
    """Score a detector on all series together, at the one threshold that is best for the profile.

    Args:
        series: the scores of every row. The first 15 % of each series' rows, at most 750, count nothing.
        profile: the weights.

    Returns:
        Of equal scores the one with the highest threshold.

    Raises:
        ValueError: there is no window in all series.

    References:
        Lavin & Ahmad (2015), Evaluating real-time anomaly detection algorithms: the Numenta Anomaly Benchmark.
    """
    total = sum(len(one.windows) for one in series)
    if not total:
        raise ValueError("no series has a window: without one there is nothing to find; give series with windows")
    scores, worth, window = _rows(series)
    order = np.argsort(-scores, kind="stable")
    scores, worth, window = scores[order], worth[order], window[order]
    outside = window < 0
    gains = np.where(outside, worth * profile.false_alarm_weight, 0.0)
    first_hits = np.zeros(len(scores), dtype=np.int64)
    for number in np.unique(window[~outside]):
        rows = np.flatnonzero(window == number)
        best = np.maximum.accumulate(worth[rows] * profile.hit_weight)
        gains[rows] = np.diff(best, prepend=-profile.miss_weight)
        first_hits[rows[0]] = 1
    nothing = -profile.miss_weight * len(np.unique(window[~outside]))
    # A threshold lets in all rows of one score, so only the last row of each score is a place to stop.
    stops = np.flatnonzero(np.append(scores[1:] != scores[:-1], True)) if len(scores) else np.zeros(0, dtype=np.int64)
    raws = np.append(nothing, nothing + np.cumsum(gains)[stops])
    best_stop = int(np.argmax(raws))
    raw, perfect = float(raws[best_stop]), profile.hit_weight * total
    normalized = 100.0 * (raw - nothing) / (perfect - nothing)
    if best_stop == 0:
        return NabScore(normalized, NOTHING_FOUND, raw, 0, 0)
    end = int(stops[best_stop - 1])
    hits, false_alarms = int(first_hits[: end + 1].sum()), int(outside[: end + 1].sum())
    return NabScore(normalized, float(scores[end]), raw, hits, false_alarms)


def probation_rows(rows: int) -> int:
    """How many first rows of a series count nothing."""
    return min(int(PROBATION_SHARE * rows), PROBATION_MAX_ROWS)


def _rows(series: Sequence[ScoredSeries]) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
    """Give the score, the worth and the window (−1: none) of every row that counts."""
    scores, worths, windows = [np.zeros(0)], [np.zeros(0)], [np.zeros(0, dtype=np.int64)]
    before = 0
    for one in series:
        worth, window = _worth(len(one.scores), one.windows)
        counts = slice(probation_rows(len(one.scores)), None)
        scores.append(np.asarray(one.scores, dtype=np.float64)[counts])
        worths.append(worth[counts])
        windows.append(np.where(window < 0, -1, window + before)[counts])
        before += len(one.windows)
    return np.concatenate(scores), np.concatenate(worths), np.concatenate(windows)


def _worth(rows: int, windows: Sequence[tuple[int, int]]) -> tuple[Floats, npt.NDArray[np.int64]]:
    """What an alarm at each row is worth, before weights: 1 at the start of a window, down to −1 far behind one."""
    worth = np.full(rows, -1.0)
    window = np.full(rows, -1, dtype=np.int64)
    for number, (first, last) in enumerate(windows):
        width = last - first + 1
        behind = np.arange(last + 1, rows)
        places = (behind - last) / max(width - 1, 1)
        worth[behind] = np.where(places > _FAR, -1.0, _sigmoid(np.minimum(places, _FAR)))
        within = np.arange(first, last + 1)
        worth[within] = _sigmoid((within - last - 1) / width) / _sigmoid(np.array([-1.0]))
        window[within] = number
    return worth, window


def _sigmoid(place: Floats) -> Floats:
    """Fall from 0.99 at −1 through 0 at 0 to −0.99 at 1."""
    return np.asarray(2.0 / (1.0 + np.exp(5.0 * place)) - 1.0, dtype=np.float64)
