"""Who is in a consumer group, and whether all of its partitions have an owner."""

from dataclasses import dataclass
from typing import Final

from confluent_kafka import ConsumerGroupState, KafkaException
from confluent_kafka.admin import AdminClient

from schemas.settings import Settings
from streams.bench.program import Condition

_TIMEOUT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Members:
    """A group at one moment."""

    stable: bool
    """No rebalance is going on."""
    partitions: dict[str, int]
    """How many partitions each member has, by its id."""


class Group:
    """Asks the broker about one group of ours."""

    def __init__(self, settings: Settings, role: str) -> None:
        self._name = f"{settings.kafka.group_prefix}-{role}"
        self._client = AdminClient({"bootstrap.servers": settings.kafka.brokers, "log_level": 0})

    def members(self) -> Members:
        """Say who is in it; nobody where the broker cannot tell right now."""
        (answer,) = self._client.describe_consumer_groups([self._name], request_timeout=_TIMEOUT_S).values()
        try:
            found = answer.result(timeout=2 * _TIMEOUT_S)
        except KafkaException:
            return Members(stable=False, partitions={})
        partitions = {
            member.member_id: len(member.assignment.topic_partitions) if member.assignment else 0
            for member in found.members
        }
        return Members(found.state == ConsumerGroupState.STABLE, partitions)


class Shared(Condition):
    """So many members share the partitions of each of some groups, and nobody has none."""

    def __init__(self, settings: Settings, members: dict[str, int]) -> None:
        """Say how many.

        Args:
            settings: brokers and prefixes.
            members: how many, by role.
        """
        self._groups = [(Group(settings, role), number) for role, number in members.items()]

    def __call__(self) -> bool:
        """Whether they do."""
        for group, number in self._groups:
            found = group.members()
            if not found.stable or len(found.partitions) != number or not all(found.partitions.values()):
                return False
        return True
