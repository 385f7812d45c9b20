"""Faust's assignor is a dependency that the design leans on: topics with equally many partitions go together."""

import random
from collections.abc import Iterable
from typing import Any

import pytest
from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata
from aiokafka.protocol.metadata import MetadataResponse_v0
from faust.assignor.partition_assignor import PartitionAssignor

from streams.transport import Stage, make_app


class Idle(Stage):
    async def on_assigned(self, committed: Any) -> Any:
        return dict.fromkeys(committed, 0)

    async def on_batch(self, batch: Any) -> None:
        raise AssertionError(batch)


def cluster(partitions: dict[str, int]) -> ClusterMetadata:
    metadata = ClusterMetadata()
    topics = [(0, topic, [(0, p, 1, [1], [1]) for p in range(n)]) for topic, n in partitions.items()]
    metadata.update_metadata(MetadataResponse_v0([(1, "h", 1)], topics))
    return metadata


def new_member(topics: Iterable[str]) -> PartitionAssignor:
    app = make_app("m", Idle(), brokers="h:1", group="g", topics=list(topics))
    assignor = app.assignor
    assert isinstance(assignor, PartitionAssignor)
    return assignor


@pytest.mark.parametrize("partitions", [1, 2, 4, 7])
@pytest.mark.parametrize("seed", range(5))
def test_every_partition_has_one_owner_shared_by_both_topics_whoever_comes_and_goes(partitions: int, seed: int) -> None:
    rng = random.Random(seed)
    topics = {"click-events": partitions, "match-scores": partitions}
    members: dict[str, PartitionAssignor] = {}
    owned: dict[str, set[int]] = {}
    for step in range(25):
        if not members or (len(members) < 6 and rng.random() < 0.55):
            members[f"member-{step}"] = new_member(topics)
        else:
            del members[rng.choice(sorted(members))]
        if not members:
            continue
        leader = members[rng.choice(sorted(members))]
        shuffled = rng.sample(sorted(members), len(members))
        metadata: dict[str, ConsumerProtocolMemberMetadata] = {
            member: members[member].metadata(set(topics)) for member in shuffled
        }
        result = leader.assign(cluster(topics), metadata)
        before, owned = owned, {}
        for member, assignment in result.items():
            members[member].on_assignment(ConsumerProtocolMemberAssignment.decode(assignment.encode()))
            by_topic = {topic: set(numbers) for topic, numbers in assignment.assignment}
            assert by_topic.get("click-events", set()) == by_topic.get("match-scores", set())
            owned[member] = by_topic.get("click-events", set())
        assert sorted(p for numbers in owned.values() for p in numbers) == list(range(partitions))
        sizes = [len(numbers) for numbers in owned.values()]
        assert max(sizes) <= -(-partitions // len(members))
        # A member that stays keeps what it may: state is rebuilt for as few partitions as possible.
        for member in before.keys() & owned.keys():
            if len(before[member]) <= partitions // len(members):
                assert before[member] <= owned[member]
