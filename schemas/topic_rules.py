"""Which of a topic's settings on the broker matter, and what is at stake where one is not as the catalogue says.

Settings that are better than the catalogue's (records kept longer, larger records taken) are no difference. Where
counts would be wrong without a sign, a worker refuses to start: other numbers of partitions, and logs of events that
are compacted. The rest is said and shown as a metric: what it can cost is met, and counted, where it happens.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from schemas.topics import Cleanup, Topic

UNLIMITED: Final = -1
"""How Kafka writes that nothing is deleted for its age or its size."""
DEFAULT_MESSAGE_BYTES: Final = 1_048_588
"""Kafka's default `max.message.bytes`."""


class Difference(msgspec.Struct, frozen=True):
    """One setting of a topic that is not as the catalogue says."""

    setting: str
    """`partitions`, or Kafka's name of the setting."""
    told: str
    """What it is, what it should be, and what is at stake."""
    refused: bool
    """Whether a worker does not start with it."""

    def __str__(self) -> str:
        return self.told


def differences(
    topic: Topic, *, wanted_partitions: int, partitions: int, config: Mapping[str, str | None] | None, keep_s: int = 0
) -> list[Difference]:
    """Compare a topic on the broker with the catalogue.

    Args:
        topic: as the catalogue has it.
        wanted_partitions: how many it should have.
        partitions: how many it has.
        config: its settings on the broker; None where the broker does not tell them.
        keep_s: how long records are needed that open cohorts are made of.
    """
    found = []
    if partitions != wanted_partitions:
        told = f"{partitions} partitions instead of {wanted_partitions}"
        found.append(Difference("partitions", told, refused=True))
    if config is not None:
        found += [*_cleanup(topic, config), *_clock(config), *_kept(topic, config, keep_s), *_sizes(topic, config)]
    return found


def _cleanup(topic: Topic, config: Mapping[str, str | None]) -> Iterator[Difference]:
    policy = config.get("cleanup.policy")
    if policy == topic.cleanup:
        return
    told = f"cleanup.policy is {policy} instead of {topic.cleanup}: "
    if topic.cleanup is Cleanup.DELETE:
        stake = "records with the key of a later one disappear"
        yield Difference("cleanup.policy", told + stake, refused=True)
    else:
        stake = "records disappear when they are old, though they are the newest of their key"
        yield Difference("cleanup.policy", told + stake, refused=False)


def _clock(config: Mapping[str, str | None]) -> Iterator[Difference]:
    kind = config.get("message.timestamp.type")
    if kind != "LogAppendTime":
        told = (
            f"message.timestamp.type is {kind} instead of LogAppendTime: "
            "without the broker's time, events dated ahead go unnoticed"
        )
        yield Difference("message.timestamp.type", told, refused=False)


def _kept(topic: Topic, config: Mapping[str, str | None], keep_s: int) -> Iterator[Difference]:
    if topic.retention_ms is None:
        lag_ms = _number(config, "min.compaction.lag.ms")
        if lag_ms is not None and lag_ms < topic.min_compaction_lag_ms:
            told = (
                f"min.compaction.lag.ms is {lag_ms} instead of {topic.min_compaction_lag_ms}: "
                "readers may miss records that a later one replaces"
            )
            yield Difference("min.compaction.lag.ms", told, refused=False)
        return
    kept_ms = _number(config, "retention.ms")
    needed_ms = keep_s * 1000 if topic.feeds_cohorts else 0
    if kept_ms is not None and UNLIMITED < kept_ms < topic.retention_ms:
        stake = f"open cohorts need {needed_ms}" if kept_ms < needed_ms else "a shorter outage loses records"
        told = f"retention.ms is {kept_ms} instead of {topic.retention_ms}: {stake}"
        yield Difference("retention.ms", told, refused=False)
    kept_bytes = _number(config, "retention.bytes")
    if kept_bytes is not None and kept_bytes > UNLIMITED:
        told = f"retention.bytes is {kept_bytes} instead of {UNLIMITED}: a busy day loses records before their time"
        yield Difference("retention.bytes", told, refused=False)


def _sizes(topic: Topic, config: Mapping[str, str | None]) -> Iterator[Difference]:
    taken = _number(config, "max.message.bytes")
    wanted = topic.max_message_bytes or DEFAULT_MESSAGE_BYTES
    if taken is not None and taken < wanted:
        # What the stages write is cut to the broker's default, and no further.
        ours = topic.max_message_bytes is None
        stake = "a stage stops at a record that does not fit" if ours else "large events become no dead letters"
        yield Difference(
            "max.message.bytes", f"max.message.bytes is {taken} instead of {wanted}: {stake}", refused=False
        )


def _number(config: Mapping[str, str | None], setting: str) -> int | None:
    text = config.get(setting)
    return int(text) if text is not None and text.lstrip("-").isdigit() else None
