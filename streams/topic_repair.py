"""Sets topics that differ from the catalogue as it says, where Kafka can do that without losing a record."""

from collections.abc import Sequence
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import (  # the package exports these names, but not to type checkers
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
)
from confluent_kafka.admin._resource import ResourceType

from schemas.errors import ServerUnavailable
from schemas.settings import KafkaSettings
from schemas.topics import CATALOGUE, Topic
from streams.kafka_admin import TopicState, full_name, shapes

_TIMEOUT_S: Final = 10.0


def repair_topics(
    client: AdminClient, kafka: KafkaSettings, catalogue: Sequence[Topic] = CATALOGUE, *, keep_s: int = 0
) -> list[str]:
    """Set what differs of existing topics as the catalogue says; numbers of partitions stay.

    Args:
        client: of the broker.
        kafka: partitions and prefix.
        catalogue: the topics.
        keep_s: how long records are needed that open cohorts are made of.

    Returns:
        What was set, as `topic: setting`.

    Raises:
        ServerUnavailable: the broker refuses.
    """
    by_name = {full_name(topic, kafka): topic for topic in catalogue}
    repaired: list[str] = []
    for state in shapes(client, kafka, catalogue, keep_s=keep_s):
        repaired += _repair(client, state, by_name[state.name].config())
    return repaired


def _repair(client: AdminClient, state: TopicState, wanted: dict[str, str]) -> list[str]:
    names = [one.setting for one in state.differences if one.setting != "partitions"]
    if not names:
        return []
    # What the catalogue leaves to the broker goes back to the broker's own setting.
    changes = [
        ConfigEntry(name, wanted[name], incremental_operation=AlterConfigOpType.SET)
        if name in wanted
        else ConfigEntry(name, None, incremental_operation=AlterConfigOpType.DELETE)
        for name in names
    ]
    resource = ConfigResource(ResourceType.TOPIC, state.name, incremental_configs=changes)
    for answer in client.incremental_alter_configs([resource], request_timeout=_TIMEOUT_S).values():
        try:
            answer.result(timeout=2 * _TIMEOUT_S)
        except KafkaException as error:
            words = error.args[0].str()
            raise ServerUnavailable(f"Kafka does not set {', '.join(names)} of {state.name}: {words}") from None
    return [f"{state.name}: {name}" for name in names]
