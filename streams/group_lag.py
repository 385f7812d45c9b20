"""How far our consumer groups have read: the records of their topics that they have not committed yet."""

import logging
from collections.abc import Sequence
from typing import Final

import msgspec
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException
from confluent_kafka.admin import AdminClient

from schemas.settings import KafkaSettings
from streams.kafka_admin import TopicState, is_embedded
from streams.roles import ROLES

_log = logging.getLogger(__name__)
_TIMEOUT_S: Final = 10.0


class GroupLag(msgspec.Struct, frozen=True):
    """A group of ours on one topic that it reads."""

    group: str
    """With the prefix of the settings."""
    topic: str
    committed: int
    """Sum of the committed offsets over partitions."""
    lag: int
    """Records that lie behind them."""


def group_lags(client: AdminClient, kafka: KafkaSettings, states: Sequence[TopicState]) -> list[GroupLag]:
    """Give the lag of each of our groups on each topic of which it has committed something.

    A group that has committed nothing, or of which the broker tells nothing as the embedded one, is left out.

    Args:
        client: of the broker.
        kafka: prefix of the groups.
        states: the topics, with their offsets.
    """
    if is_embedded(client):
        return []
    offsets = {state.name: (state.start_offsets, state.end_offsets) for state in states if state.exists}
    found = []
    groups = [f"{kafka.group_prefix}-{role}" for role in ROLES]
    known = _known_groups(client)
    for group in [group for group in groups if group in known]:
        for topic, committed in sorted(_committed(client, group).items()):
            if topic not in offsets:
                continue
            places = [committed.get(number, start) for number, start in enumerate(offsets[topic][0])]
            behind = sum(
                max(0, end - max(place, start)) for place, start, end in zip(places, *offsets[topic], strict=True)
            )
            found.append(GroupLag(group, topic, sum(committed.values()), behind))
    return found


def at_a_stand(before: Sequence[GroupLag], after: Sequence[GroupLag]) -> list[GroupLag]:
    """Give those that had records to read at two looks, and committed nothing between them."""
    earlier = {(one.group, one.topic): one for one in before if one.lag}
    return [
        one
        for one in after
        if one.lag and (was := earlier.get((one.group, one.topic))) and was.committed == one.committed
    ]


def _known_groups(client: AdminClient) -> set[str]:
    """Give the groups that the brokers know of.

    Only these may be asked for their offsets: where no broker is the group's coordinator yet, as on a Kafka that has
    just started, librdkafka (up to 2.16) reads through a null pointer when it hears so, and the process dies.
    """
    try:
        answer = client.list_consumer_groups(request_timeout=_TIMEOUT_S).result(timeout=2 * _TIMEOUT_S)
    except KafkaException as error:
        _log.warning("the brokers list no groups, so no lag is known: %s", error.args[0].str())
        return set()
    return {group.group_id for group in answer.valid}


def _committed(client: AdminClient, group: str) -> dict[str, dict[int, int]]:
    (answer,) = client.list_consumer_group_offsets(
        [ConsumerGroupTopicPartitions(group)], request_timeout=_TIMEOUT_S
    ).values()
    found: dict[str, dict[int, int]] = {}
    try:
        places = answer.result(timeout=2 * _TIMEOUT_S).topic_partitions
    except KafkaException:
        return {}  # there is no such group, or it is being formed
    for place in places or ():
        if place.error is None and place.offset >= 0:
            found.setdefault(place.topic, {})[place.partition] = place.offset
    return found
