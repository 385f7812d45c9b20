"""Partitions that hold no cohort back: those that nothing was ever written to, and those that are truly idle.

Evaluate's word that a partition is idle is as old as its last control. While a worker is down, or has just been given
new records, it is no longer true; so the log itself is asked whether anything has come since.
"""

from collections.abc import Mapping
from typing import Final

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec  # exported by the package, but not to type checkers

from schemas.errors import ServerUnavailable
from schemas.settings import KafkaSettings
from schemas.topics import CLICK_EVENTS, SEARCH_EVENTS
from streams.kafka_admin import full_name, topic_states

_TIMEOUT_S: Final = 10.0
_NONE: Final = -1
"""The offset that a broker gives where no record is as new as asked."""


def standing_partitions(
    client: AdminClient, kafka: KafkaSettings, idle: Mapping[int, int], idle_timeout_s: int
) -> set[int]:
    """Give the partitions that hold nothing back.

    To be asked after `rollups` has been read: then whatever led to those rollups is in the log by now.

    Args:
        client: of a broker that answers.
        kafka: topic prefix and partitions.
        idle: partitions that evaluate calls idle, and when it did: epoch milliseconds.
        idle_timeout_s: for how long nothing had come when evaluate called them so. A record younger than half of it
            before that word came later, however the clocks differ.

    Raises:
        ServerUnavailable: the broker does not tell.
    """
    (searches,) = topic_states(client, kafka, [SEARCH_EVENTS])
    unused = {number for number, end in enumerate(searches.end_offsets) if end == 0} if searches.exists else set(idle)
    asked = {
        TopicPartition(full_name(topic, kafka), number): OffsetSpec.for_timestamp(wall_ms - idle_timeout_s * 500)
        for number, wall_ms in idle.items()
        for topic in (SEARCH_EVENTS, CLICK_EVENTS)
        if number not in unused
    }
    awake = set()
    for place, answer in (client.list_offsets(asked, request_timeout=_TIMEOUT_S) if asked else {}).items():
        try:
            if answer.result(timeout=2 * _TIMEOUT_S).offset != _NONE:
                awake.add(place.partition)
        except KafkaException as error:
            raise ServerUnavailable(
                f"Kafka does not tell the offsets of {place.topic}[{place.partition}]: {error.args[0].str()}"
            ) from None
    return unused | (set(idle) - awake)
