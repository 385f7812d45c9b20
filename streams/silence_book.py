"""The topic `silences` as those keep it who ask for silences: the newest of each id, and writing another."""

from confluent_kafka import KafkaError, KafkaException, Producer

from schemas.errors import ServerUnavailable
from schemas.settings import KafkaSettings
from schemas.silences import Silence, decode_silence, encode_silence
from schemas.topics import SILENCES
from streams.kafka_admin import connect, ensure_topics, full_name
from streams.readers.topic_reader import TopicReader

_FLUSH_S = 30.0


class SilenceBook:
    """Reads and writes silences; a broker without the topic gets it.

    Args:
        kafka: where they are.
        wait_s: how long to wait for a broker.

    Raises:
        ServerUnavailable: no broker answers.
    """

    def __init__(self, kafka: KafkaSettings, wait_s: float = 0.0) -> None:
        self._kafka = kafka
        self._wait_s = wait_s
        ensure_topics(connect(kafka, wait_s), kafka, [SILENCES])

    def read(self) -> dict[str, Silence]:
        """Give all silences by id, also those that have ended; in the order in which they were last changed."""
        found: dict[str, Silence] = {}
        with TopicReader(self._kafka, SILENCES, self._wait_s, nulls=True) as reader:
            for record in reader.to_end():
                if record.null:
                    found.pop((record.key or b"").decode(errors="replace"), None)
                    continue
                silence = reader.decode(record, decode_silence)
                if silence is not None:
                    found.pop(silence.id, None)
                    found[silence.id] = silence
        return found

    def write(self, silence: Silence) -> None:
        """Write a silence or a change of one; it has been acknowledged when this returns.

        Raises:
            ServerUnavailable: it was not.
        """
        refused: list[KafkaError] = []
        producer = Producer(
            {"bootstrap.servers": self._kafka.brokers, "enable.idempotence": True, "log_level": 0, "linger.ms": 0}
        )

        def note(error: KafkaError | None, _: object) -> None:
            if error is not None:
                refused.append(error)

        try:
            producer.produce(
                full_name(SILENCES, self._kafka), encode_silence(silence), silence.id.encode(), on_delivery=note
            )
            left = producer.flush(_FLUSH_S)
        except KafkaException as error:
            raise ServerUnavailable(f"Kafka does not take the silence: {error.args[0].str()}") from None
        if left or refused:
            why = refused[0].str() if refused else f"no answer within {_FLUSH_S:.0f} s"
            raise ServerUnavailable(f"Kafka does not take the silence: {why}")
