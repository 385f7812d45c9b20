"""Made-up pages with scores and clicks, item by item and as evaluate counts them: two readings of the same thing."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.rollup import POSITION_SLOTS, SCORE_BINS, Clicks, Moments, Rollup
from schemas.scores import Series

SERIES = Series("shop", "search", "*", "*")


@dataclass(frozen=True)
class ScoredPages:
    """One row for each impression; pages all have as many."""

    scores: NDArray[np.float64]
    positions: NDArray[np.int64]
    clicked: NDArray[np.bool_]
    on_page: int

    @property
    def centres(self) -> NDArray[np.float64]:
        """The score as fine as the histogram knows it."""
        return (np.floor(self.scores * SCORE_BINS) + 0.5) / SCORE_BINS

    def rollup(self, horizon_s: int = 60, start_ms: int = 0) -> Rollup:
        bins = np.floor(self.scores * SCORE_BINS).astype(int)
        clicks = self.clicked.reshape(-1, self.on_page).sum(axis=1)
        means = self.scores.reshape(-1, self.on_page)[:, :10].mean(axis=1)
        n = clicks.size
        labels = Clicks(
            int(clicks.sum()),
            0,
            int((clicks > 0).sum()),
            int((clicks**2).sum()),
            int(clicks.sum()) * self.on_page,
            n * self.on_page**2,
        )
        return Rollup(
            SERIES,
            start_ms,
            10,
            horizon_s,
            0,
            searches=n,
            impressions=self.scores.size,
            match_at_10=Moments(n, float(means.sum()), float((means**2).sum())),
            score_bins=np.bincount(bins, minlength=SCORE_BINS).tolist(),
            clicked_score_bins=np.bincount(bins[self.clicked], minlength=SCORE_BINS).tolist(),
            shown_at=np.bincount(self.positions, minlength=POSITION_SLOTS).tolist(),
            clicked_at=np.bincount(self.positions[self.clicked], minlength=POSITION_SLOTS).tolist(),
            labels=labels,
        )


def scored_pages(
    rng: np.random.Generator, searches: int = 200, *, on_page: int = 12, shift: float = 0.0, alike: float = 0.0
) -> ScoredPages:
    """Give pages of `on_page` items whose clicks come from score and position.

    Args:
        rng: draws them.
        searches: how many pages.
        on_page: items of each.
        shift: of the scores, in deviations.
        alike: correlation of the scores of one page before they are bent into [0, 1].
    """
    shared = rng.normal(size=(searches, 1)) * np.sqrt(alike)
    raw = shared + rng.normal(size=(searches, on_page)) * np.sqrt(1 - alike) + shift
    scores = (1 / (1 + np.exp(-raw))).ravel()
    positions = np.tile(np.arange(on_page), searches)
    clicked = rng.random(scores.size) < 0.4 * scores / (1 + positions)
    return ScoredPages(scores, positions, clicked, on_page)
