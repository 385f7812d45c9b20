"""Sends batches so that each partition holds them in order, without gaps."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer, TopicPartition  # type: ignore[import-untyped]  # aiokafka ships no types
from aiokafka import errors as kafka_errors
from aiokafka.codec import has_zstd  # type: ignore[import-untyped]
from aiokafka.partitioner import DefaultPartitioner  # type: ignore[import-untyped]

from schemas.errors import ServerUnavailable
from streams.transport.batch import TP
from streams.transport.errors import RecordTooLarge, SendFailed, TopicMissing

MAX_RECORD_BYTES = 1_048_588 - 256
"""The broker's default for `max.message.bytes`, less what the batch and the record add to key, value and headers."""

_HEADER_OVERHEAD_BYTES = 16


class OutRecord(NamedTuple):
    """One record to send; the broker gives it its time."""

    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()

    def size_bytes(self) -> int:
        """What counts against `MAX_RECORD_BYTES`."""
        size = len(self.key or b"") + len(self.value or b"")
        return size + sum(len(name) + len(value) + _HEADER_OVERHEAD_BYTES for name, value in self.headers)


class OrderedProducer:
    """An idempotent producer with at most one batch in flight per partition.

    aiokafka drops a batch that was refused and goes on with the next; idempotence does not prevent that gap. So the
    next batch of a partition waits for the acknowledgement of the one before, and after a failure nothing more is sent.

    A batch that was sent never expires: with idempotence aiokafka sends it again until the broker takes or refuses it,
    whatever lies between, and the broker drops the copies. Meanwhile its stage waits, as does its `send_ordered`.

    Args:
        brokers: `host:port`, several separated by commas.
        client_id: how the broker's logs name it.
        max_batch_bytes: size of one batch before compression.
        answer_timeout_s: how long a request waits for its answer before its batches are sent again; and how long a
            batch that was not sent yet waits for a leader of its partition before it fails.
        max_record_bytes: largest key, value and headers together, before compression.
    """

    def __init__(
        self,
        brokers: str,
        *,
        client_id: str = "matchwatch",
        max_batch_bytes: int = 512 * 1024,
        answer_timeout_s: float = 60.0,
        max_record_bytes: int = MAX_RECORD_BYTES,
    ) -> None:
        self._brokers = brokers
        self._options = {
            "bootstrap_servers": brokers.split(","),
            "client_id": client_id,
            "acks": "all",
            "enable_idempotence": True,
            "compression_type": "zstd" if has_zstd() else "gzip",
            "max_batch_size": max_batch_bytes,
            "request_timeout_ms": int(answer_timeout_s * 1000),
        }
        self._max_record_bytes = max_record_bytes
        self._producer: Any = None
        self._turns: dict[TP, asyncio.Lock] = {}
        self._unacknowledged: dict[TP, asyncio.Future[Any]] = {}
        self._failure: SendFailed | None = None
        self._partitioner = DefaultPartitioner()
        self._partitions: dict[str, list[int]] = {}

    async def start(self) -> None:
        """Connect.

        Raises:
            ServerUnavailable: no broker answers.
        """
        producer = AIOKafkaProducer(**self._options)
        try:
            await producer.start()
        except kafka_errors.KafkaConnectionError as error:
            await producer.stop()
            raise ServerUnavailable(f"Kafka does not answer at {self._brokers}: {error}") from error
        self._producer = producer

    async def stop(self) -> None:
        """Wait for batches in flight, then disconnect."""
        if self._producer is not None:
            await self._producer.stop()
            await asyncio.gather(*self._unacknowledged.values(), return_exceptions=True)

    async def send_ordered(self, topic: str, partition: int, records: Sequence[OutRecord]) -> None:
        """Append records to a partition and wait until all are acknowledged; concurrent calls are served in order.

        Raises:
            RecordTooLarge: before anything is sent; the producer stays usable.
            SendFailed: a batch was refused, or found no leader in time. What came before it is in the log, it and what
                follows are not; every later call fails too, since going on would leave a gap.
        """
        for record in records:
            if record.size_bytes() > self._max_record_bytes:
                raise RecordTooLarge(
                    f"a record for {topic}[{partition}] has {record.size_bytes()} bytes, the topic takes "
                    f"{self._max_record_bytes}: cut it, or raise max.message.bytes"
                )
        tp = TP(topic, partition)
        async with self._turns.setdefault(tp, asyncio.Lock()):
            await self._acknowledged(tp)  # of a call that was cancelled
            for batch in self._batches(records):
                await self._send(tp, batch)
                await self._acknowledged(tp)

    async def partition_for(self, topic: str, key: bytes | None) -> int:
        """Give the partition of a key, as Java's producers do (murmur2); any partition where there is no key.

        Raises:
            TopicMissing: the topic does not exist.
        """
        partitions = self._partitions.get(topic)
        if partitions is None:
            # The producer's own `partitions_for` would wait the whole answer timeout for a topic that is not there.
            cluster = await self._producer.client.fetch_all_metadata()
            partitions = sorted(cluster.partitions_for_topic(topic) or ())
            if not partitions:
                raise TopicMissing(f"topic {topic} does not exist: create it with `matchwatch topics`")
            self._partitions[topic] = partitions
        return int(self._partitioner(key, partitions, partitions))

    def _batches(self, records: Sequence[OutRecord]) -> Iterator[Any]:
        builder = self._producer.create_batch()
        for key, value, headers in records:
            fields = {"key": key, "value": value, "timestamp": None, "headers": list(headers)}
            if builder.append(**fields) is None:
                yield builder
                builder = self._producer.create_batch()
                builder.append(**fields)
        if builder.record_count():
            yield builder

    async def _send(self, tp: TP, batch: Any) -> None:
        if self._failure is not None:
            raise self._failure
        try:
            self._unacknowledged[tp] = await self._producer.send_batch(batch, tp.topic, partition=tp.partition)
        except kafka_errors.KafkaError as error:
            raise self._failed(tp, error) from error

    async def _acknowledged(self, tp: TP) -> None:
        future = self._unacknowledged.get(tp)
        if future is None:
            return
        try:
            await asyncio.shield(future)
        except kafka_errors.KafkaError as error:
            raise self._failed(tp, error) from error
        del self._unacknowledged[tp]

    def _failed(self, tp: TP, error: Exception) -> SendFailed:
        kind = RecordTooLarge if isinstance(error, kafka_errors.MessageSizeTooLargeError) else SendFailed
        self._failure = kind(f"{TopicPartition(*tp)} did not take a batch ({error!r}): nothing more is sent")
        return self._failure
