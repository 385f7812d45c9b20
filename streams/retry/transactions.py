"""Records and the marks that they were sent, in one Kafka transaction: both are in the log, or neither."""

import logging
from collections.abc import Sequence
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Producer

from schemas.dead_letters import dead_letter_key
from schemas.errors import DeliveryFailed, ServerUnavailable
from schemas.settings import KafkaSettings
from schemas.topics import DEAD_LETTERS, LARGEST_EVENT_BYTES
from streams.retry.judge import Back

_TIMEOUT_S: Final = 30.0
_TRANSACTION_S: Final = 20.0
"""A sender that dies within a transaction holds up the readers of its topics for so long."""
_TAKEN_OVER: Final = frozenset({
    KafkaError._FENCED,  # noqa: SLF001 - librdkafka's own codes begin with an underscore
    KafkaError.INVALID_PRODUCER_EPOCH,
    KafkaError.PRODUCER_FENCED,
})  # fmt: skip

# Even at its quietest the client writes fatal errors to the terminal.
_SILENT: Final = logging.getLogger(f"{__name__}.client")
_SILENT.addHandler(logging.NullHandler())
_SILENT.propagate = False


class Transactions:
    """Sends records back, each at most once, whoever else does the same.

    The transactional id is the installation's own. Whoever begins ends what a predecessor left open and locks it out:
    marks that are read after `begin` are therefore all there are.

    Args:
        kafka: brokers, and the prefixes of topics and groups.
    """

    def __init__(self, kafka: KafkaSettings) -> None:
        self._prefix = kafka.topic_prefix
        self._brokers = kafka.brokers
        self._refused: list[str] = []
        self._producer = Producer({
            "bootstrap.servers": kafka.brokers,
            "transactional.id": f"{kafka.group_prefix}-retry",
            "transaction.timeout.ms": round(_TRANSACTION_S * 1000),
            "delivery.timeout.ms": round(_TRANSACTION_S * 1000),
            "partitioner": "murmur2_random",
            "message.max.bytes": LARGEST_EVENT_BYTES,
            "log_level": 0,
        }, logger=_SILENT)  # fmt: skip

    def begin(self) -> None:
        """Lock out whoever sends back now.

        Raises:
            ServerUnavailable: no broker answers.
        """
        try:
            self._producer.init_transactions(_TIMEOUT_S)
        except KafkaException as error:
            raise ServerUnavailable(
                f"Kafka at {self._brokers} gives no transactional producer: {error.args[0].str()}"
            ) from error

    def send(self, records: Sequence[Back]) -> None:
        """Send records and their marks; when this returns all are in the log.

        Raises:
            DeliveryFailed: none of them is in the log.
        """
        try:
            self._producer.begin_transaction()
            for back in records:
                self._put(self._prefix + back.origin.topic, back.key, back.value, back.headers, back.partition)
                self._put(self._prefix + DEAD_LETTERS.name, dead_letter_key(back.origin), None, [], None)
            self._producer.flush(_TIMEOUT_S)
            if self._refused:
                self._producer.abort_transaction(_TIMEOUT_S)
                raise DeliveryFailed(f"{self._refused[0]}: none of the last {len(records)} records was sent back")
            self._producer.commit_transaction(_TIMEOUT_S)
        except KafkaException as error:
            raise self._failed(error.args[0], len(records)) from error
        except SystemError as error:
            raise self._failed(self._fatal(error), len(records)) from error

    def _fatal(self, error: SystemError) -> KafkaError:
        """Give what ended the producer, where the client raised it while it called delivery reports.

        It then comes as a cause, or, from some threads, not at all: the next call of a transaction tells.
        """
        if isinstance(error.__cause__, KafkaException):
            return _told(error.__cause__)
        try:
            self._producer.abort_transaction(_TIMEOUT_S)
        except KafkaException as told:
            return _told(told)
        raise error

    def _put(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: list[tuple[str, bytes]],
        partition: int | None,
    ) -> None:
        while True:
            try:
                self._producer.produce(
                    topic,
                    value=value,
                    key=key,
                    headers=headers,  # type: ignore[arg-type]  # its stub wants mixed values
                    partition=-1 if partition is None else partition,
                    on_delivery=self._delivered,
                )
            except BufferError:
                self._producer.poll(0.1)
            else:
                return

    def _delivered(self, error: KafkaError | None, _: object) -> None:
        if error is not None:
            self._refused.append(error.str())

    def _failed(self, error: KafkaError, records: int) -> DeliveryFailed:
        if error.code() in _TAKEN_OVER:
            return DeliveryFailed(
                "another `dead-letters --retry` has begun, which ends this one: what it has sent back stays, "
                "and is not sent again"
            )
        if error.txn_requires_abort():
            self._producer.abort_transaction(_TIMEOUT_S)
        return DeliveryFailed(
            f"Kafka at {self._brokers} did not take {records} records ({error.str()}): call it again, "
            "what was sent back before is not sent again"
        )


def _told(error: KafkaException) -> KafkaError:
    told: KafkaError = error.args[0]
    return told
