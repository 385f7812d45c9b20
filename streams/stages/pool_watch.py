"""Asking the pool with a deadline, and what to do while it does not answer: pass batches on, and keep asking."""

import asyncio
import logging

from inference.pairs import PairBatch, ScoredBatch
from inference.pool import ScorePool
from schemas.errors import PoolUnavailable
from streams.metrics import Metrics

_log = logging.getLogger(__name__)


class PoolWatch:
    """Scores batches for as long as the pool answers.

    Only the first batches of an outage wait for the deadline. Were each to wait, what passes would be a block a
    deadline, and searches would fall ever further behind while the pool is away; so the others pass at once, and one
    batch at a time goes on asking. Its answer ends the outage.

    Args:
        pool: that scores.
        deadline_s: how long a batch waits for it.
        metrics: where an outage is shown.
    """

    def __init__(self, pool: ScorePool, deadline_s: float, metrics: Metrics) -> None:
        self._pool = pool
        self._deadline_s = deadline_s
        self._metrics = metrics
        self._away = False
        self._asking: asyncio.Task[ScoredBatch | None] | None = None

    async def score(self, batch: PairBatch) -> ScoredBatch | None:
        """Score a batch; None where the pool does not answer."""
        self._let_go_of_ended()
        if self._away:
            if self._asking is None:
                self._asking = asyncio.create_task(self._ask(batch))
            return None
        asked = asyncio.create_task(self._ask(batch))
        try:
            async with asyncio.timeout(self._deadline_s):
                scored = await asyncio.shield(asked)
        except TimeoutError:
            if not asked.done():
                self._begin_outage(asked)
                return None
            scored = asked.result()  # it answered in the last moment
        except asyncio.CancelledError:
            asked.cancel()
            raise
        if scored is None:
            self._note(away=True)
        return scored

    def close(self) -> None:
        """Ask no more."""
        if self._asking is not None:
            self._asking.cancel()

    def _begin_outage(self, asked: asyncio.Task[ScoredBatch | None]) -> None:
        """Let one batch go on asking: the one that has longest."""
        self._note(away=True)
        try:
            self._let_go_of_ended()
        except BaseException:
            asked.cancel()
            raise
        if self._asking is None:
            self._asking = asked
        else:
            asked.cancel()

    def _let_go_of_ended(self) -> None:
        """Forget a batch that is no longer out; what went wrong with it, beyond an outage, is raised here.

        At the next batch, whatever has become of the outage: not in some other outage, hours later.
        """
        if self._asking is not None and self._asking.done():
            ended, self._asking = self._asking, None
            if not ended.cancelled():
                ended.result()

    async def _ask(self, batch: PairBatch) -> ScoredBatch | None:
        try:
            scored = await self._pool.score(batch)
        except (PoolUnavailable, TimeoutError):
            return None
        self._note(away=False)
        return scored

    def _note(self, *, away: bool) -> None:
        if away and not self._away:
            _log.error("the scoring pool does not answer: searches pass on unscored until it does")
        elif self._away and not away:
            _log.warning("the scoring pool answers again")
        self._away = away
        self._metrics.pool_away.set(away)
