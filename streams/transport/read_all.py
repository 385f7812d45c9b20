"""Reads a whole topic, outside the groups: first to its end, then as it grows."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition  # type: ignore[import-untyped]  # aiokafka ships no types
from aiokafka import errors as kafka_errors

from schemas.errors import ServerUnavailable
from streams.transport.batch import TP, Record
from streams.transport.errors import TopicMissing
from streams.transport.unreadable import read_singly

_POLL_MS = 250
_RETRY_S = 0.2


class ReadAll:
    """All records of all partitions of one topic, from the oldest on; each partition in order.

    A broker that restarts only delays it. Partitions added while it runs are not seen. What the records become in
    memory is the callback's to bound.

    Args:
        brokers: `host:port`, several separated by commas.
        topic: the topic's full name.
        on_records: gets each poll's records of one partition; its exceptions end the reading.
        poll_records: the most records in one call.
    """

    def __init__(
        self,
        brokers: str,
        topic: str,
        on_records: Callable[[Sequence[Record]], Awaitable[None]],
        *,
        poll_records: int = 2_000,
    ) -> None:
        self._brokers = brokers
        self._topic = topic
        self._on_records = on_records
        self._options = {
            "bootstrap_servers": brokers.split(","),
            "client_id": f"matchwatch-read-{topic}",
            "group_id": None,
            "enable_auto_commit": False,
            "auto_offset_reset": "earliest",
            "isolation_level": "read_committed",
            "max_poll_records": poll_records,
            "fetch_max_wait_ms": _POLL_MS,
        }
        self._consumer: Any = None
        self._tps: list[Any] = []
        self._positions: dict[TP, int] = {}
        self._moved = asyncio.Event()

    async def read_to_end(self) -> None:
        """Read everything that is in the topic now.

        Raises:
            TopicMissing: the topic does not exist.
            ServerUnavailable: no broker answers at the start.
        """
        consumer = AIOKafkaConsumer(**self._options)
        try:
            await consumer.start()
        except kafka_errors.KafkaConnectionError as error:
            await consumer.stop()
            raise ServerUnavailable(f"Kafka does not answer at {self._brokers}: {error}") from error
        self._consumer = consumer
        # `consumer.topics()` asks the same, but keeps the partitions to itself.
        cluster = await consumer._client.fetch_all_metadata()  # noqa: SLF001
        partitions = cluster.partitions_for_topic(self._topic)
        if not partitions:
            raise TopicMissing(f"topic {self._topic} does not exist: create it with `matchwatch topics`")
        self._tps = [TopicPartition(self._topic, partition) for partition in sorted(partitions)]
        consumer.assign(self._tps)
        ends = await self._end_offsets()
        await consumer.seek_to_beginning(*self._tps)
        while not all(self._positions.get(TP(*tp), -1) >= end for tp, end in ends.items()):
            await self._poll()

    async def tail(self) -> None:
        """Go on where `read_to_end` stopped, until cancelled."""
        while True:
            await self._poll()

    async def catch_up(self) -> None:
        """Wait until `tail`, which runs beside, has handed over everything that is in the topic now."""
        ends = await self._end_offsets()
        while any(self._positions.get(TP(*tp), -1) < end for tp, end in ends.items()):
            self._moved.clear()
            await self._moved.wait()

    async def stop(self) -> None:
        """Disconnect; `tail` must have been cancelled."""
        if self._consumer is not None:
            await self._consumer.stop()

    def positions(self) -> Mapping[TP, int]:
        """Give the offset behind the last record handed over, per partition."""
        return dict(self._positions)

    async def _poll(self) -> None:
        try:
            polled = await self._consumer.getmany(timeout_ms=_POLL_MS)
        except UnicodeDecodeError:
            polled = await read_singly(self._consumer, {tp: self._positions.get(TP(*tp), 0) for tp in self._tps})
        for records in polled.values():
            await self._on_records(records)
        for tp in self._tps:
            # Also where nothing came: the position moves over transaction markers and compacted tails.
            self._positions[TP(*tp)] = await self._consumer.position(tp)
        self._moved.set()

    async def _end_offsets(self) -> Mapping[Any, int]:
        while True:
            try:
                ends: Mapping[Any, int] = await self._consumer.end_offsets(self._tps)
            except kafka_errors.KafkaError as error:
                if not error.retriable:
                    raise
                await asyncio.sleep(_RETRY_S)
            else:
                return ends
