"""Faust's consumer, reduced to starting, stopping and subscribing: offsets and records do not pass through it."""

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar

from faust.transport.conductor import Conductor
from faust.transport.drivers.aiokafka import Consumer, Transport
from faust.types import TP
from mode import Service

from streams.transport.consumer_thread import BatchConsumerThread, RebalanceListener

if TYPE_CHECKING:
    from streams.transport.app import StageApp


class BatchConsumer(Consumer):
    """Polls in its thread and delivers to the driver; Faust's acks, commits and seeks do nothing."""

    RebalanceListener: ClassVar[Any] = RebalanceListener
    app: "StageApp"
    _polling: asyncio.Future[None] | None = None

    def _new_consumer_thread(self) -> BatchConsumerThread:
        thread = BatchConsumerThread(self, loop=self.loop, beacon=self.beacon)
        thread.driver = self.app.driver
        self.app.driver.connect(thread)
        self._batch_thread = thread
        return thread

    async def on_started(self) -> None:
        """Poll from here on until the worker stops, now that the thread runs; an error in it stops the worker."""
        await super().on_started()
        self._polling = self.add_future(self._poll())

    async def _poll(self) -> None:
        thread = self._batch_thread
        try:
            await thread.call(thread.poll_until_cancelled(self.app.driver.deliver))
        except Exception as error:  # noqa: BLE001 - anything unforeseen stops the worker
            await self.app.driver.fail(error)

    def stop_polling(self) -> None:
        """Fetch no more."""
        if self._polling is not None:
            self._polling.cancel()

    async def on_stop(self) -> None:
        """Nothing to commit: the stage has."""

    async def perform_seek(self) -> None:
        """Nothing to seek: the stage decides."""

    async def wait_empty(self) -> None:
        """Nothing to wait for: there are no acks."""

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Nothing to commit: the stage does."""
        del topics, start_new_transaction
        return False

    @Service.task
    async def _commit_handler(self) -> None:
        """No commits by timer."""

    @Service.task
    async def _commit_livelock_detector(self) -> None:
        """No acks, so no livelock to detect."""

    def verify_event_path(self, now: float, tp: TP) -> None:
        """No acks, so nothing to verify."""


class BatchConductor(Conductor):
    """Subscribes to the stage's topics; no message ever passes through it."""

    app: "StageApp"

    @Service.task
    async def _subscriber(self) -> None:
        await self.app.agents.wait_until_agents_started()
        if not self.should_stop:
            await self.app.consumer.subscribe(self.app.stage_topics)


class BatchTransport(Transport):
    """The aiokafka transport with whole record lists."""

    Consumer: ClassVar[Any] = BatchConsumer
    Conductor: ClassVar[Any] = BatchConductor
