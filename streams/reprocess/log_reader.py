"""Reads stretches of topic partitions outside the groups, up to the ends that they had at the start."""

import time
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Self

from aiokafka import AIOKafkaConsumer, TopicPartition  # type: ignore[import-untyped]  # aiokafka ships no types
from aiokafka import errors as kafka_errors

from schemas.errors import MatchwatchError, ServerUnavailable
from streams.transport import TP, Record
from streams.transport.unreadable import read_singly

_POLL_MS: Final = 250
STALL_S: Final = 30.0


class Batch(NamedTuple):
    """Records of one partition, and the position behind them."""

    records: list[Record]
    next_offset: int


class LogReader:
    """The partitions of some topics; an asynchronous context manager.

    Args:
        brokers: `host:port`, several separated by commas.
        topics: full names; they must exist.
    """

    def __init__(self, brokers: str, topics: Sequence[str]) -> None:
        self._brokers = brokers
        self._topics = topics
        self._consumer: Any = None
        self._places: dict[TP, Any] = {}
        self._positions: dict[TP, int] = {}
        self.starts: dict[TP, int] = {}
        """The oldest record that is kept, by partition."""
        self.ends: dict[TP, int] = {}
        """One behind the newest record when the reader was opened."""
        self.opened_ms = 0
        """When that was, epoch milliseconds."""

    async def __aenter__(self) -> Self:
        """Connect, and note where the logs begin and end."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._brokers.split(","),
            client_id="matchwatch-reprocess",
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            fetch_max_wait_ms=_POLL_MS,
        )
        try:
            await consumer.start()
        except kafka_errors.KafkaConnectionError as error:
            await consumer.stop()
            raise ServerUnavailable(f"Kafka does not answer at {self._brokers}: {error}") from error
        self._consumer = consumer
        try:
            await self._open()
        except BaseException:
            await consumer.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Disconnect."""
        await self._consumer.stop()

    async def _open(self) -> None:
        cluster = await self._consumer._client.fetch_all_metadata()  # noqa: SLF001 - `topics()` keeps the partitions
        for topic in self._topics:
            numbers = cluster.partitions_for_topic(topic)
            if not numbers:
                raise MatchwatchError(f"there is no topic {topic}: make it with `matchwatch topics --create`")
            self._places |= {TP(topic, number): TopicPartition(topic, number) for number in sorted(numbers)}
        places = list(self._places.values())
        self._consumer.assign(places)
        self.opened_ms = time.time_ns() // 1_000_000
        ends = await self._consumer.end_offsets(places)
        starts = await self._consumer.beginning_offsets(places)
        self.ends = {tp: ends[place] for tp, place in self._places.items()}
        self.starts = {tp: starts[place] for tp, place in self._places.items()}
        for tp, start in self.starts.items():
            self.seek(tp, start)

    def seek(self, tp: TP, offset: int) -> None:
        """Go to an offset of a partition."""
        self._consumer.seek(self._places[tp], offset)
        self._positions[tp] = offset

    def at_end(self, tp: TP) -> bool:
        """Whether everything up to the noted end has been read."""
        return self._positions[tp] >= self.ends[tp]

    async def read(self, tp: TP, most: int) -> Batch:
        """Read on in one partition; records that came after the noted end are left out.

        Args:
            tp: not at its end.
            most: records at once.

        Raises:
            ServerUnavailable: nothing came for a while, although there is more.
            MatchwatchError: retention has taken what was to be read.
        """
        place = self._places[tp]
        stalled_s = time.monotonic() + STALL_S
        while True:
            try:
                polled = await self._consumer.getmany(place, timeout_ms=_POLL_MS, max_records=most)
            except UnicodeDecodeError:
                polled = await read_singly(self._consumer, {place: self._positions[tp]})
            except kafka_errors.OffsetOutOfRangeError as error:
                raise MatchwatchError(
                    f"{tp.topic}[{tp.partition}]: retention took offset {self._positions[tp]} while it was read: "
                    "begin later with --from"
                ) from error
            position = await self._consumer.position(place)
            if position > self._positions[tp]:
                self._positions[tp] = position
                end = self.ends[tp]
                return Batch([one for one in polled.get(place, ()) if one.offset < end], min(position, end))
            if time.monotonic() > stalled_s:
                raise ServerUnavailable(
                    f"Kafka at {self._brokers} stopped sending {tp.topic}[{tp.partition}]: see that it runs, "
                    "then try again"
                )
