"""What signals are compared with: a series' scores, and its clicks by position, in an earlier window.

Each window begins with the first cohort that is learned, ends with the one that makes it large enough, and stays. It is
learned again by rule: scores once another match model scores, those of a horizon once a change at it has been accepted
as the new level or a live deployment is so old that what it did counts as the new level. Only counts are kept, so that
a successor goes on with the same numbers.
"""

from collections.abc import Sequence
from functools import lru_cache
from operator import add
from typing import Final

import msgspec

from detectors.reference import LEARN_S, LEARN_SEARCHES
from schemas.rollup import LABEL_FREE, Rollup

LEARN_CLICKS: Final = 300
"""Clicks that the expected clicks rest on at least: their sum is then known to about 6 %."""


class ReferenceWindow(msgspec.Struct):
    """Which cohorts were learned."""

    start_ms: int = -1
    """Start of the first one, −1 before it."""
    through_ms: int = -1
    """End of the latest one."""
    seconds: int = 0
    """Seconds with searches."""
    searches: int = 0

    def add(self, rollup: Rollup) -> None:
        """Add a cohort."""
        if self.start_ms < 0:
            self.start_ms = rollup.cohort_start_ms
        self.through_ms = rollup.cohort_start_ms + rollup.bucket_s * 1000
        self.seconds += rollup.bucket_s
        self.searches += rollup.searches

    @property
    def is_long_enough(self) -> bool:
        """Whether it covers what any reference must cover."""
        return self.seconds >= LEARN_S and self.searches >= LEARN_SEARCHES


class ScoreReference(msgspec.Struct):
    """Scored impressions by score."""

    window: ReferenceWindow = msgspec.field(default_factory=ReferenceWindow)
    bins: list[int] = []

    @property
    def ready(self) -> bool:
        """Whether it has been learned, and stays as it is."""
        return self.window.is_long_enough and bool(self.bins)


class ClickReference(msgspec.Struct):
    """Impressions and clicks by position, at one horizon."""

    window: ReferenceWindow = msgspec.field(default_factory=ReferenceWindow)
    shown_at: list[int] = []
    clicked_at: list[int] = []

    @property
    def ready(self) -> bool:
        """Whether it has been learned, and stays as it is."""
        return self.window.is_long_enough and sum(self.clicked_at) >= LEARN_CLICKS

    def clicks_per_impression(self) -> tuple[float, ...]:
        """Give the click-through at each position; one never shown has that of the nearest one above it.

        A click-through of the window itself then adds up to the clicks of the window.
        """
        return _clicks_per_impression(tuple(self.shown_at), tuple(self.clicked_at))

    def examination(self) -> tuple[float, ...] | None:
        """Give how likely each position is looked at, the first one surely; None where nobody clicked on that.

        It is the click-through relative to the first position's, at most one: position bias, and whatever relevance
        the shop's order has (Craswell et al. 2008, section 4). Frozen, so that it cannot hide what changes later.
        """
        rates = self.clicks_per_impression()
        return tuple(min(1.0, rate / rates[0]) for rate in rates) if rates and rates[0] > 0 else None


class QueryReference(msgspec.Struct):
    """Queries by the share of their tokens that are unknown."""

    window: ReferenceWindow = msgspec.field(default_factory=ReferenceWindow)
    bins: list[int] = []

    @property
    def ready(self) -> bool:
        """Whether it has been learned, and stays as it is."""
        return self.window.is_long_enough and sum(self.bins) >= LEARN_SEARCHES


class SignalReference(msgspec.Struct):
    """The references of one series."""

    scores: ScoreReference = msgspec.field(default_factory=ScoreReference)
    clicks: dict[int, ClickReference] = {}
    """By horizon."""
    queries: QueryReference = msgspec.field(default_factory=QueryReference)

    def learn(self, rollup: Rollup) -> None:
        """Add a cohort to what is still being learned at its horizon."""
        if not rollup.searches:
            return
        if rollup.horizon_s == LABEL_FREE:
            if rollup.score_bins and not self.scores.ready:
                self.scores.window.add(rollup)
                self.scores.bins = _added(self.scores.bins, rollup.score_bins)
            if any(rollup.unknown_share_bins) and not self.queries.ready:
                self.queries.window.add(rollup)
                self.queries.bins = _added(self.queries.bins, rollup.unknown_share_bins)
            return
        clicks = self.clicks.setdefault(rollup.horizon_s, ClickReference())
        if rollup.shown_at and not clicks.ready:
            clicks.window.add(rollup)
            clicks.shown_at = _added(clicks.shown_at, rollup.shown_at)
            clicks.clicked_at = _added(clicks.clicked_at, rollup.clicked_at or [0] * len(rollup.shown_at))

    def begun_ms(self, horizon_s: int) -> int | None:
        """Start of the earliest window of a horizon; None before any has begun."""
        return min((window.start_ms for window in self._windows(horizon_s) if window.start_ms >= 0), default=None)

    def forget_scores(self) -> None:
        """Begin anew with scores and unknown tokens: another match model gives them."""
        self.scores, self.queries = ScoreReference(), QueryReference()

    def forget(self, horizon_s: int) -> None:
        """Begin anew with every reference of a horizon."""
        if horizon_s == LABEL_FREE:
            self.forget_scores()
        self.clicks.pop(horizon_s, None)

    def forget_before(self, horizon_s: int, time_ms: int) -> None:
        """Begin anew with every reference of a horizon whose window began before `time_ms`."""
        if horizon_s != LABEL_FREE:
            if any(0 <= window.start_ms < time_ms for window in self._windows(horizon_s)):
                self.forget(horizon_s)
            return
        if 0 <= self.scores.window.start_ms < time_ms:
            self.scores = ScoreReference()
        if 0 <= self.queries.window.start_ms < time_ms:
            self.queries = QueryReference()

    def ready_scores(self) -> Sequence[int] | None:
        """Give scored impressions by score, None while they are being learned."""
        return self.scores.bins if self.scores.ready else None

    def ready_queries(self) -> Sequence[int] | None:
        """Give queries by their share of unknown tokens, None while they are being learned."""
        return self.queries.bins if self.queries.ready else None

    def ready_clicks(self, horizon_s: int) -> ClickReference | None:
        """Give the clicks by position at a horizon, None while they are being learned."""
        clicks = self.clicks.get(horizon_s)
        return clicks if clicks is not None and clicks.ready else None

    def _windows(self, horizon_s: int) -> list[ReferenceWindow]:
        if horizon_s == LABEL_FREE:
            return [self.scores.window, self.queries.window]
        return [self.clicks[horizon_s].window] if horizon_s in self.clicks else []


def _added(left: list[int], right: list[int]) -> list[int]:
    return list(map(add, left, right)) if left else list(right)


@lru_cache(maxsize=2048)
def _clicks_per_impression(shown_at: tuple[int, ...], clicked_at: tuple[int, ...]) -> tuple[float, ...]:
    # Remembered, because a reference that is ready stays as it is, and is asked at every cohort.
    rates, rate = [], 0.0
    for shown, clicked in zip(shown_at, clicked_at, strict=True):
        rate = clicked / shown if shown else rate
        rates.append(rate)
    return tuple(rates)
