"""A stage with what every stage has beside it: its HTTP side, a watch over the topics, and an account of losses.

`/metrics`, `/live` and `/ready` answer from before it joins its group until it ends.
"""

from collections.abc import Callable, Mapping

from streams.http import HttpServer
from streams.log_losses import LogLosses
from streams.metrics import Metrics
from streams.topic_watch import TopicWatch
from streams.transport import TP, Committed, RecordBatch, Stage


class ServedStage(Stage):
    """Passes everything on to a stage, serves HTTP beside it, and sees to its topics.

    Args:
        stage: what does the work.
        host: to listen on.
        port: 0 takes a free one.
        metrics: what `/metrics` shows.
        watch: looks at the topics while the stage runs.
        losses: counts what the logs do not hold any more.
        announce: gets the address as soon as it is known.
    """

    def __init__(
        self,
        stage: Stage,
        *,
        host: str,
        port: int,
        metrics: Metrics,
        watch: TopicWatch,
        losses: LogLosses,
        announce: Callable[[str], None],
    ) -> None:
        self._stage = stage
        self._watch = watch
        self._losses = losses
        self._announce = announce
        self._http = HttpServer(host, port, metrics, ready=self._is_ready, live=self._is_live)
        self.ready: Callable[[], bool] = lambda: False
        """Whether the worker is in its group; set once the app is known."""
        self.live: Callable[[], bool] = lambda: True
        """Whether the stage gets on; set once the app is known."""

    def _is_ready(self) -> bool:
        return self.ready()

    def _is_live(self) -> bool:
        return self.live()

    async def on_started(self) -> None:
        """Listen, then let the stage prepare."""
        self._stage.source = self.source
        self._announce(await self._http.start())
        await self._stage.on_started()
        self.source.run_beside(self._watch.run(), "topic-watch")

    async def on_assigned(self, committed: Mapping[TP, Committed]) -> Mapping[TP, int]:
        """Pass on, unless there are partitions that there should not be."""
        self._watch.check_assigned(committed)
        seeks = await self._stage.on_assigned(committed)
        self._losses.assigned(committed, seeks)
        return seeks

    async def on_batch(self, batch: RecordBatch) -> None:
        """Pass on."""
        self._losses.read(batch)
        await self._stage.on_batch(batch)

    async def on_revoked(self, tps: frozenset[TP]) -> None:
        """Pass on."""
        await self._stage.on_revoked(tps)

    async def on_stopping(self) -> None:
        """Pass on."""
        await self._stage.on_stopping()

    async def on_stopped(self) -> None:
        """Let the stage release what it made, then stop listening."""
        await self._stage.on_stopped()
        await self._http.stop()
