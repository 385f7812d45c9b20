"""One OffsetCommit request, bound to one generation of the group.

aiokafka's own `commit()` sends the coordinator's newest generation: an offset computed before a rebalance and sent
after it would be accepted. So the request is made here.
"""
# ruff: noqa: SLF001 - aiokafka has no public way to pin the generation

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from aiokafka import errors as kafka_errors  # type: ignore[import-untyped]  # aiokafka ships no types
from aiokafka.protocol.commit import OffsetCommitRequest  # type: ignore[import-untyped]

from streams.transport.assignment import Assignment
from streams.transport.batch import TP, Commit
from streams.transport.errors import CommitFailed, CommitMetadataTooLarge

METADATA_LIMIT_BYTES = 4096
"""The broker's default for `offset.metadata.max.bytes`."""

_LOST = (
    kafka_errors.UnknownMemberIdError,
    kafka_errors.IllegalGenerationError,
    kafka_errors.RebalanceInProgressError,
)
_COORDINATOR_GONE = (
    kafka_errors.GroupCoordinatorNotAvailableError,
    kafka_errors.NotCoordinatorForGroupError,
    kafka_errors.RequestTimedOutError,
)


def check_metadata(offsets: Mapping[TP, Commit]) -> None:
    """Refuse metadata that the broker would refuse.

    Raises:
        CommitMetadataTooLarge: with the partition and the size.
    """
    for tp, commit in offsets.items():
        size = len(commit.metadata.encode())
        if size > METADATA_LIMIT_BYTES:
            raise CommitMetadataTooLarge(
                f"commit metadata of {tp.topic}[{tp.partition}] has {size} bytes, the broker keeps "
                f"{METADATA_LIMIT_BYTES}: store less, or raise offset.metadata.max.bytes"
            )


async def send_commit(coordinator: Any, group: str, assignment: Assignment, offsets: Mapping[TP, Commit]) -> bool:
    """Send one commit in the name of `assignment`'s generation and member, whatever the coordinator thinks by now.

    Returns:
        True if it is stored; False after a transient error, to be tried again.

    Raises:
        CommitFailed: the generation is lost.
        aiokafka.errors.KafkaError: the broker refuses for another reason.
    """
    by_topic: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
    for tp, commit in offsets.items():
        by_topic[tp.topic].append((tp.partition, commit.offset, commit.metadata))
    await coordinator.ensure_coordinator_known()
    request = OffsetCommitRequest(
        group,
        assignment.generation,
        assignment.member_id,
        OffsetCommitRequest.DEFAULT_RETENTION_TIME,
        list(by_topic.items()),
    )
    try:
        response = await coordinator._send_req(request)
    except kafka_errors.KafkaError as error:
        if error.retriable:
            return False
        raise
    codes = {code for _, partitions in response.topics for _, code in partitions}
    failures = [kafka_errors.for_code(code) for code in codes if code]
    for failure in failures:
        if issubclass(failure, _LOST):
            _rejoin(coordinator, assignment, failure)
            raise CommitFailed(
                f"group {group} has gone on without generation {assignment.generation} ({failure.__name__}): "
                "nothing was committed, the partitions' new owner reads again from the last commit"
            )
    for failure in failures:
        if not failure.retriable:
            raise failure(f"commit of {dict(offsets)!r} for group {group}")
        if issubclass(failure, _COORDINATOR_GONE):
            coordinator.coordinator_dead()
    return not failures


def _rejoin(coordinator: Any, assignment: Assignment, failure: type[Exception]) -> None:
    """Let the coordinator join again now rather than at its next heartbeat, unless it already has."""
    if (coordinator.generation, coordinator.member_id) != (assignment.generation, assignment.member_id):
        return
    if issubclass(failure, kafka_errors.RebalanceInProgressError):
        coordinator.request_rejoin()
    else:
        coordinator.reset_generation()
