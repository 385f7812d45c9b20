"""Topics exactly as the catalogue says: made where they are missing, and compared where they exist."""

import time
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource  # the package exports these names, but not to type checkers
from confluent_kafka.admin._listoffsets import OffsetSpec
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewTopic

from schemas.errors import ServerUnavailable, TopicMismatch
from schemas.settings import KafkaSettings
from schemas.topic_rules import Difference, differences
from schemas.topics import CATALOGUE, Topic
from streams.stack.embedded import CLUSTER_PREFIX

_TIMEOUT_S: Final = 10.0
_PROBE_S: Final = 3.0
_RETRY_S: Final = 0.5
_VISIBLE_S: Final = 10.0
_SOON_S: Final = 0.05
# What is answered for a partition in the moment after its topic was made.
_NO_LEADER_YET: Final = {
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError.FENCED_LEADER_EPOCH,
    KafkaError.OFFSET_NOT_AVAILABLE,  # KIP-207: a new leader that does not know yet how far it may tell
}


class TopicState(msgspec.Struct, frozen=True):
    """One topic of the catalogue as the broker has it."""

    name: str
    """With the prefix of the settings."""
    exists: bool
    start_offsets: tuple[int, ...] = ()
    """Of each partition, in order: the oldest record that is kept."""
    end_offsets: tuple[int, ...] = ()
    """Of each partition, in order: one past the newest record."""
    differences: tuple[Difference, ...] = ()
    """What is not as the catalogue says; empty for a missing topic."""

    @property
    def records(self) -> int:
        """How many offsets lie between start and end; compaction and transactions leave gaps among them."""
        return sum(self.end_offsets) - sum(self.start_offsets)

    @property
    def refused(self) -> tuple[Difference, ...]:
        """The differences with which no worker starts."""
        return tuple(one for one in self.differences if one.refused)


def full_name(topic: Topic, kafka: KafkaSettings) -> str:
    """Give the topic's name on the broker."""
    return kafka.topic_prefix + topic.name


def connect(kafka: KafkaSettings, wait_s: float = 0.0) -> AdminClient:
    """Give a client of a broker that answers.

    Args:
        kafka: whose `brokers` are asked.
        wait_s: how long to try again while none answers; 0 asks once.

    Raises:
        ServerUnavailable: none answered in time.
    """
    deadline = time.monotonic() + wait_s
    while True:
        # A new client each time: an old one waits longer and longer before it tries again.
        client = AdminClient({"bootstrap.servers": kafka.brokers, "log_level": 0, "socket.timeout.ms": 10_000})
        try:
            client.list_topics(timeout=_PROBE_S)
        except KafkaException:
            if time.monotonic() >= deadline:
                raise ServerUnavailable(
                    f"no Kafka answers at {kafka.brokers}: start one with `matchwatch up`, or set kafka.brokers"
                ) from None
            time.sleep(_RETRY_S)
        else:
            return client


def is_embedded(client: AdminClient) -> bool:
    """Whether this is no Kafka but the embedded broker, which knows fewer requests."""
    return (client.list_topics(timeout=_TIMEOUT_S).cluster_id or "").startswith(CLUSTER_PREFIX)


def ensure_topics(
    client: AdminClient, kafka: KafkaSettings, catalogue: Sequence[Topic] = CATALOGUE, *, keep_s: int = 0
) -> list[str]:
    """Make the topics that are missing, and see that all can be worked with.

    Any number of workers may do this at once.

    Args:
        client: of the broker.
        kafka: partitions, replicas and prefix.
        catalogue: the topics.
        keep_s: how long records are needed that open cohorts are made of.

    Returns:
        The names of those that this call made.

    Raises:
        TopicMismatch: a topic exists and is so different that records would be lost; nothing is changed about it.
        ServerUnavailable: the broker stopped answering or refuses.
    """
    present = _partition_counts(client)
    missing = [topic for topic in catalogue if full_name(topic, kafka) not in present]
    made = _create(client, kafka, missing) if missing else []
    refuse_mismatch(_compare(client, kafka, catalogue, _wait_for(client, kafka, catalogue), keep_s))
    return made


def refuse_mismatch(states: Sequence[TopicState]) -> None:
    """See that topics which exist can be worked with.

    Raises:
        TopicMismatch: some cannot; the message names all of them, and the cures.
    """
    wrong = [state for state in states if state.refused]
    if not wrong:
        return
    told = "; ".join(f"{state.name}: {', '.join(map(str, state.refused))}" for state in wrong)
    cures = []
    if any(one.setting == "partitions" for state in wrong for one in state.refused):
        cures.append(
            "set kafka.partitions to what all topics of many partitions have, or kafka.topic_prefix and "
            "kafka.group_prefix to new ones, for Kafka takes no partition away"
        )
    if any(one.setting != "partitions" for state in wrong for one in state.refused):
        cures.append("`matchwatch topics --repair` sets topics as the catalogue says")
    raise TopicMismatch(f"{told}: {'; '.join(cures)}")


def shapes(
    client: AdminClient, kafka: KafkaSettings, catalogue: Sequence[Topic] = CATALOGUE, *, keep_s: int = 0
) -> list[TopicState]:
    """Say of each topic of the catalogue whether it exists and how it differs, without its offsets."""
    return _compare(client, kafka, catalogue, _partition_counts(client), keep_s)


def topic_states(
    client: AdminClient, kafka: KafkaSettings, catalogue: Sequence[Topic] = CATALOGUE, *, keep_s: int = 0
) -> list[TopicState]:
    """Say of each topic of the catalogue whether it exists, how it differs, and which offsets it holds."""
    present = _partition_counts(client)
    states = _compare(client, kafka, catalogue, present, keep_s)
    there = {state.name: present[state.name] for state in states if state.exists}
    starts, ends = _offsets(client, there, OffsetSpec.earliest()), _offsets(client, there, OffsetSpec.latest())
    return [
        msgspec.structs.replace(state, start_offsets=starts[state.name], end_offsets=ends[state.name])
        if state.exists
        else state
        for state in states
    ]


def end_offsets(client: AdminClient, name: str, partitions: int) -> tuple[int, ...]:
    """Give where each partition of a topic ends: one past its newest record.

    Raises:
        ServerUnavailable: the broker does not tell.
    """
    return _offsets(client, {name: partitions}, OffsetSpec.latest())[name]


def _partition_counts(client: AdminClient) -> dict[str, int]:
    try:
        topics = client.list_topics(timeout=_TIMEOUT_S).topics
    except KafkaException as error:
        raise ServerUnavailable(f"Kafka does not list its topics: {_words(error)}") from None
    return {name: len(topic.partitions) for name, topic in topics.items() if topic.error is None}


def _create(client: AdminClient, kafka: KafkaSettings, missing: Sequence[Topic]) -> list[str]:
    if is_embedded(client):
        raise TopicMismatch(
            f"the embedded broker has no {full_name(missing[0], kafka)} and makes no topics: "
            "`matchwatch down`, then `matchwatch up` with these settings"
        )
    wanted = [
        NewTopic(
            full_name(topic, kafka),
            num_partitions=topic.partitions(kafka.partitions),
            replication_factor=kafka.replication_factor,
            config=topic.config(),
        )
        for topic in missing
    ]
    made = []
    for name, answer in client.create_topics(wanted, operation_timeout=_TIMEOUT_S).items():
        try:
            answer.result(timeout=2 * _TIMEOUT_S)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:  # another worker was faster
                raise ServerUnavailable(f"Kafka does not create the topic {name}: {_words(error)}") from None
        else:
            made.append(name)
    return sorted(made)


def _wait_for(client: AdminClient, kafka: KafkaSettings, catalogue: Sequence[Topic]) -> dict[str, int]:
    """A topic that was made just now may not be seen at once, and its partitions may have no leader yet."""
    wanted = {full_name(topic, kafka) for topic in catalogue}
    deadline = time.monotonic() + _VISIBLE_S
    while not wanted <= (present := _partition_counts(client)).keys():
        if time.monotonic() > deadline:
            hidden = min(wanted - present.keys())
            raise ServerUnavailable(f"Kafka created {hidden} and does not show it after {_VISIBLE_S:.0f} s")
        time.sleep(_SOON_S)
    _offsets(client, {name: present[name] for name in wanted}, OffsetSpec.latest())
    return present


def _compare(
    client: AdminClient, kafka: KafkaSettings, catalogue: Sequence[Topic], present: Mapping[str, int], keep_s: int
) -> list[TopicState]:
    names = [full_name(topic, kafka) for topic in catalogue]
    configs = _configs(client, [name for name in names if name in present])
    states = []
    for topic, name in zip(catalogue, names, strict=True):
        if name not in present:
            states.append(TopicState(name=name, exists=False))
            continue
        found = differences(
            topic,
            wanted_partitions=topic.partitions(kafka.partitions),
            partitions=present[name],
            config=configs.get(name),
            keep_s=keep_s,
        )
        states.append(TopicState(name=name, exists=True, differences=tuple(found)))
    return states


def _configs(client: AdminClient, names: Sequence[str]) -> dict[str, dict[str, str | None]]:
    """Give the settings of topics; of none where the broker does not know the question, as the embedded one."""
    if not names or is_embedded(client):
        return {}
    configs = {}
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
    # The request gives up before the wait for it does: else a broker that hangs raises what no caller expects.
    answers = client.describe_configs(resources, request_timeout=_TIMEOUT_S)
    for resource, answer in answers.items():
        try:
            configs[resource.name] = {key: entry.value for key, entry in answer.result(timeout=2 * _TIMEOUT_S).items()}
        except KafkaException as error:
            raise ServerUnavailable(f"Kafka does not describe {resource.name}: {_words(error)}") from None
    return configs


def _offsets(client: AdminClient, partitions: Mapping[str, int], which: OffsetSpec) -> dict[str, tuple[int, ...]]:
    found: dict[str, list[int]] = {name: [0] * count for name, count in partitions.items()}
    asked = {TopicPartition(name, number): which for name, count in partitions.items() for number in range(count)}
    deadline = time.monotonic() + _VISIBLE_S
    while asked:
        again = {}
        for partition, answer in client.list_offsets(asked, request_timeout=_TIMEOUT_S).items():
            try:
                found[partition.topic][partition.partition] = answer.result(timeout=2 * _TIMEOUT_S).offset
            except KafkaException as error:
                if error.args[0].code() not in _NO_LEADER_YET or time.monotonic() > deadline:
                    place = f"{partition.topic}[{partition.partition}]"
                    raise ServerUnavailable(f"Kafka does not tell the offsets of {place}: {_words(error)}") from None
                again[TopicPartition(partition.topic, partition.partition)] = which
        asked = again
        if asked:
            time.sleep(_SOON_S)
    return {name: tuple(offsets) for name, offsets in found.items()}


def _words(error: KafkaException) -> str:
    return str(error.args[0].str())
