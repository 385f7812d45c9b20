"""Refused records on their way to `dead-letters`, and how many there were of each reason."""

from collections import Counter
from typing import Final

import msgspec

from schemas.dead_letters import Origin, dead_letter, dead_letter_key
from schemas.errors import BadRecord
from schemas.topics import DEAD_LETTERS
from streams.control import arrival_text, read_retry
from streams.transport import OrderedProducer, OutRecord, Record

_encode: Final = msgspec.json.Encoder().encode


class BadRecords:
    """Collects dead letters of one topic until they are sent; counts by reason since the log began."""

    def __init__(self, stage: str, topic: str) -> None:
        self._stage = stage
        self._topic = topic
        self._letters: list[OutRecord] = []
        self.reasons: Counter[str] = Counter()

    def add(self, error: BadRecord, record: Record) -> None:
        """Refuse a record."""
        origin = Origin(self._topic, record.partition, record.offset)
        letter = dead_letter(
            error,
            origin,
            self._stage,
            record.value,
            record.key,
            arrival=arrival_text(record.headers, record.timestamp),
            retry_of=read_retry(record.headers),
        )
        self.reasons[error.reason] += 1
        self._letters.append(OutRecord(dead_letter_key(origin), _encode(letter)))

    def take(self) -> list[OutRecord]:
        """Give the dead letters that were not sent yet, and forget them."""
        letters, self._letters = self._letters, []
        return letters

    def __len__(self) -> int:
        return len(self._letters)


async def send_dead_letters(producer: OrderedProducer, topic_prefix: str, letters: list[OutRecord]) -> None:
    """Send dead letters to the partitions of their origins; returns when all are acknowledged."""
    topic = topic_prefix + DEAD_LETTERS.name
    by_partition: dict[int, list[OutRecord]] = {}
    for letter in letters:
        by_partition.setdefault(await producer.partition_for(topic, letter.key), []).append(letter)
    for partition, records in by_partition.items():
        await producer.send_ordered(topic, partition, records)
