"""One Faust app and consumer group per stage."""

from collections.abc import Callable, Sequence
from typing import Any

import faust
from faust.app.base import BootStrategy
from faust.types import StreamT
from mode import CrashingSupervisor

from streams.transport.batch import RecordBatch
from streams.transport.channel import BatchChannel
from streams.transport.consumer import BatchConsumer, BatchTransport
from streams.transport.driver import Driver
from streams.transport.limits import Limits
from streams.transport.stage import Stage


class StageBoot(BootStrategy):
    """Starts neither Faust's producer nor its tables: the stage has its own producer and no tables."""

    def kafka_producer(self) -> Any:
        """No producer."""
        return []

    def tables(self) -> Any:
        """No tables."""
        return []


class StageApp(faust.App):
    """A Faust app around one stage; made by `make_app`."""

    BootStrategy = StageBoot
    driver: Driver
    stage_topics: frozenset[str]
    ensure_end: Callable[[int], None] | None = None
    """Called with the exit status once all that matters is done, or the worker has failed; set by `run_worker`."""
    failed: bool = False
    """Whether the worker ends because of a failure."""
    ready: bool = False
    """Whether the worker is in its group: it reads its partitions, or stands by without any."""

    def _new_transport(self) -> BatchTransport:
        return BatchTransport(self.conf.broker_consumer, self)

    def _create_directories(self) -> None:
        """No data directory: Kafka is the only store."""

    def on_assignment_open(self) -> None:
        """Note that the worker has what it needs."""
        self.ready = True
        self.on_rebalance_return()
        self.on_rebalance_end()

    def on_failure(self) -> None:
        """Note that the worker must end; `run_worker` sees to it that it does."""
        self.ready, self.failed = False, True
        if self.ensure_end is not None:
            self.ensure_end(1)

    async def on_start(self) -> None:
        """Let the stage prepare before the group is joined."""
        await super().on_start()
        self.flow_control.resume()
        await self.driver.start()

    async def _stop_consumer(self) -> None:
        self.ready = False
        if isinstance(self._consumer, BatchConsumer):
            self._consumer.stop_polling()
        if self.ensure_end is not None and not self.failed:
            self.ensure_end(1)  # a broker that is away may keep the last flush waiting for ever
        await self.driver.stop()
        if self.ensure_end is not None and not self.failed and not self.crashed:
            self.ensure_end(0)  # all is sent and committed: what is left is to disconnect

    async def on_shutdown(self) -> None:
        """Let the stage release what it made, after the group was left."""
        await super().on_shutdown()
        await self.driver.stopped()


def make_app(
    name: str,
    stage: Stage,
    *,
    brokers: str,
    group: str,
    topics: Sequence[str],
    session_timeout_s: float = 10.0,
    limits: Limits | None = None,
    web_port: int | None = None,
) -> StageApp:
    """Make the Faust app that drives a stage.

    Args:
        name: the stage's name, for logs and the agent.
        stage: gets its `source` here, and its callbacks once the app runs.
        brokers: `host:port`, several separated by commas.
        group: consumer group, which is also Faust's app id.
        topics: what to subscribe to; topics with equally many partitions are assigned together.
        session_timeout_s: how long a killed member blocks its successor; within the broker's bounds.
        limits: how much may wait for the stage.
        web_port: start Faust's web server there; off by default.

    Returns:
        An app to start with `run_worker` or any Faust worker.
    """
    app = StageApp(
        group,
        broker=";".join(f"kafka://{broker.strip()}" for broker in brokers.split(",")),
        # Bare environment variables would override all of this.
        env={},
        env_prefix="MATCHWATCH_FAUST_",
        agent_supervisor=CrashingSupervisor,
        autodiscover=False,
        broker_session_timeout=session_timeout_s,
        broker_heartbeat_interval=session_timeout_s / 4,
        broker_rebalance_timeout=3 * session_timeout_s,
        broker_client_id=f"matchwatch-{name}",
        processing_guarantee="at_least_once",
        store="memory://",
        # Without standbys Faust would take an assignor that does not co-partition.
        table_standby_replicas=1,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=web_port is not None,
        web_port=web_port or 6066,
        worker_redirect_stdouts=False,
    )
    app.stage_topics = frozenset(topics)
    app.driver = Driver(app, stage, limits or Limits())
    stage.source = app.driver
    _add_agent(app, name)
    return app


def _add_agent(app: StageApp, name: str) -> None:
    async def take_batches(batches: StreamT[RecordBatch]) -> None:
        async for batch in batches:
            await app.driver.hand_over(batch)

    app.agent(BatchChannel(app, inbox=app.driver.inbox), name=name, supervisor_strategy=CrashingSupervisor)(
        take_batches
    )
