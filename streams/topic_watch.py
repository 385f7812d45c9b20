"""Looks at the topics while a worker runs: nobody else tells it that they were changed under it.

Kafka says nothing to a consumer whose topic was deleted, made anew or given more partitions: it is merely assigned
something else, and a join that needs two topics side by side goes on wrongly. So the worker stops, and its next start
says what to do. Other settings are shown and said; stopping would keep no record.
"""

import asyncio
import logging
from collections.abc import Iterable
from typing import Final

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from schemas.errors import ServerUnavailable, TopicMismatch
from schemas.settings import Settings
from streams.daemon_thread import run_in_daemon
from streams.kafka_admin import TopicState, is_embedded, shapes
from streams.metrics import Metrics
from streams.transport import TP

LOOK_EVERY_S: Final = 5.0
LOOKS_TO_BE_SURE: Final = 2
"""A broker that has just started may not know all of its topics at once."""
_TIMEOUT_S: Final = 10.0

_log = logging.getLogger(__name__)


class TopicWatch:
    """Compares the topics with the catalogue, again and again.

    Args:
        settings: where the broker is, and how long records are needed.
        metrics: where differences are shown.
    """

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._kafka = settings.kafka
        self._keep_s = settings.fold.keep_s
        self._metrics = metrics
        self._client: AdminClient | None = None
        self._ids: dict[str, str] = {}
        self._said: set[tuple[str, str]] = set()

    async def run(self) -> None:
        """Look until cancelled.

        Raises:
            TopicMismatch: a topic is gone, was made anew, or has another number of partitions.
        """
        seen = 0
        while True:
            wrong = await run_in_daemon(self._look, "topic-watch")
            seen = seen + 1 if wrong else 0
            if seen >= LOOKS_TO_BE_SURE:
                raise TopicMismatch(wrong)
            await asyncio.sleep(LOOK_EVERY_S)

    def check_assigned(self, tps: Iterable[TP]) -> None:
        """See that no partition was assigned that there should not be.

        Raises:
            TopicMismatch: the topic has more partitions than the settings say.
        """
        for tp in tps:
            if tp.partition >= self._kafka.partitions:
                raise TopicMismatch(
                    f"{tp.topic} has a partition {tp.partition}, and kafka.partitions is {self._kafka.partitions}: "
                    "partitions were added; see docs/bad-moments.md for what to do"
                )

    def _look(self) -> str:
        """Show what differs; gives what the worker must stop for, in words, else an empty string."""
        try:
            if self._client is None:
                self._client = AdminClient({"bootstrap.servers": self._kafka.brokers, "log_level": 0})
            states = shapes(self._client, self._kafka, keep_s=self._keep_s)
            renewed = self._renewed([state.name for state in states if state.exists])
        except (KafkaException, ServerUnavailable):
            return ""  # a broker that is away is not for this watch to say
        self._metrics.misconfigured(
            [(state.name, one.setting) for state in states for one in state.differences]
            + [(state.name, "exists") for state in states if not state.exists]
        )
        self._say(states)
        gone = [
            f"{state.name} does not exist any more: it was deleted while this worker ran"
            for state in states
            if not state.exists
        ]
        counts = [
            f"{state.name} has {one}: partitions were added while this worker ran"
            for state in states
            for one in state.differences
            if one.setting == "partitions"
        ]
        return "; ".join([*gone, *renewed, *counts])

    def _renewed(self, names: list[str]) -> list[str]:
        if self._client is None or not names or is_embedded(self._client):
            return []
        found = []
        for name, answer in self._client.describe_topics(TopicCollection(names), request_timeout=_TIMEOUT_S).items():
            topic_id = str(answer.result(timeout=2 * _TIMEOUT_S).topic_id)
            if self._ids.setdefault(name, topic_id) != topic_id:
                found.append(f"{name} was deleted and made anew while this worker ran")
        return found

    def _say(self, states: list[TopicState]) -> None:
        """Say what is new among the differences that stop nothing."""
        now = {(state.name, str(one)): one for state in states for one in state.differences}
        for (name, told), one in now.items():
            if (name, told) not in self._said and one.setting != "partitions":
                level = logging.ERROR if one.refused else logging.WARNING
                _log.log(level, "%s: %s; `matchwatch topics --repair` sets it right", name, told)
        self._said = set(now)
