"""The topics of a recomputation: rollups, signals and alerts under a prefix of their own."""

from typing import Final

import msgspec
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from schemas.errors import MatchwatchError, ServerUnavailable
from schemas.settings import KafkaSettings
from schemas.topics import ALERTS, ROLLUPS, SIGNALS
from streams.kafka_admin import ensure_topics, full_name

OWN: Final = (ROLLUPS, SIGNALS, ALERTS)
_LONGEST_PREFIX: Final = 100
_TIMEOUT_S: Final = 10.0


def own_kafka(kafka: KafkaSettings, name: str) -> KafkaSettings:
    """Give the settings under which the commands that read show a recomputation.

    Raises:
        MatchwatchError: the prefix would be too long for the settings.
    """
    prefix = f"{kafka.topic_prefix}reprocess-{name}."
    if len(prefix) > _LONGEST_PREFIX:
        raise MatchwatchError(
            f"the topic prefix {prefix!r} has more than {_LONGEST_PREFIX} characters: take another --id"
        )
    return msgspec.structs.replace(kafka, topic_prefix=prefix)


def make(client: AdminClient, own: KafkaSettings) -> None:
    """Make the topics.

    Raises:
        MatchwatchError: one is there already.
    """
    there = existing(client, own)
    if there:
        name = own.topic_prefix.rpartition("reprocess-")[2].rstrip(".")
        raise MatchwatchError(
            f"{there[0]} is there already: take another --id, or `matchwatch reprocess --drop {name}` first"
        )
    ensure_topics(client, own, OWN)


def existing(client: AdminClient, own: KafkaSettings) -> list[str]:
    """Give the names of those topics that exist."""
    present = _topics(client)
    return [name for name in (full_name(topic, own) for topic in OWN) if name in present]


def recomputations(client: AdminClient, kafka: KafkaSettings) -> list[str]:
    """Give the ids of the recomputations that are there."""
    before, behind = f"{kafka.topic_prefix}reprocess-", f".{ROLLUPS.name}"
    return sorted(
        name.removeprefix(before).removesuffix(behind)
        for name in _topics(client)
        if name.startswith(before) and name.endswith(behind)
    )


def drop(client: AdminClient, own: KafkaSettings) -> list[str]:
    """Delete the topics; gives the names of those that were there."""
    names = existing(client, own)
    for name, answer in (client.delete_topics(names, operation_timeout=_TIMEOUT_S) if names else {}).items():
        try:
            answer.result(timeout=2 * _TIMEOUT_S)
        except KafkaException as error:
            raise ServerUnavailable(f"Kafka does not delete the topic {name}: {error.args[0].str()}") from None
    return names


def _topics(client: AdminClient) -> set[str]:
    try:
        return set(client.list_topics(timeout=_TIMEOUT_S).topics)
    except KafkaException as error:
        raise ServerUnavailable(f"Kafka does not list its topics: {error.args[0].str()}") from None
