"""A small shop over real topics, and what a person or a disk does to them behind the workers' backs."""

import json
import time
import urllib.request
from pathlib import Path

from confluent_kafka import ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    ResourceType,
)

from schemas.settings import Settings
from streams.kafka_admin import connect, topic_states
from streams.partitioner import partition_of
from tests.integration.pipeline.harness import Pipeline, wait_until


class Shop:
    """Sends searches with a click each, and does things to topics.

    Event times go on from call to call, so that nothing is late.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.admin: AdminClient = connect(settings.kafka)
        self._producer = Producer({"bootstrap.servers": settings.kafka.brokers})
        self._sent = 0
        self._start_ms = int(time.time() * 1000) - 3_600_000

    def name(self, topic: str) -> str:
        return self.settings.kafka.topic_prefix + topic

    def send(self, searches: int, step_ms: int = 100) -> None:
        for number in range(self._sent, self._sent + searches):
            query_id = f"q-{number}"
            time_ms = self._start_ms + number * step_ms
            search = {"query_id": query_id, "timestamp": time_ms, "application": "shop", "surface": "search"}
            search |= {"client_id": "c", "user_query": "shoes", "query_attributes": {}, "latency_ms": 20}
            search |= {"model": {"name": "rank", "version": "1"}}
            search |= {"results": [{"object_id": "sku", "position": 1, "title": "running shoes"}]}
            click = {"query_id": query_id, "timestamp": time_ms + 50, "action_name": "click", "client_id": "c"}
            click |= {"object_id": "sku"}
            partition = partition_of(query_id.encode(), self.settings.kafka.partitions)
            for topic, event in (("search-events", search), ("click-events", click)):
                self.produce(topic, json.dumps(event).encode(), partition, query_id.encode())
        self._sent += searches
        assert self._producer.flush(20) == 0

    def produce(self, topic: str, value: bytes, partition: int, key: bytes | None = None) -> None:
        self._producer.produce(self.name(topic), value, key=key, partition=partition)

    def flush(self) -> None:
        assert self._producer.flush(20) == 0

    # What happens to topics

    def ends(self, topic: str) -> tuple[int, ...]:
        states = {state.name: state for state in topic_states(self.admin, self.settings.kafka)}
        return states[self.name(topic)].end_offsets

    def delete(self, topic: str) -> None:
        self.admin.delete_topics([self.name(topic)])[self.name(topic)].result(20)

    def delete_records(self, topic: str) -> None:
        """Let the log of every partition begin at its end, as retention does with old records."""
        name = self.name(topic)
        places = [TopicPartition(name, number, end) for number, end in enumerate(self.ends(topic))]
        for answer in self.admin.delete_records(places).values():
            answer.result(20)

    def add_partitions(self, topic: str, partitions: int) -> None:
        self.admin.create_partitions([NewPartitions(self.name(topic), partitions)])[self.name(topic)].result(20)

    def alter(self, topic: str, setting: str, value: str) -> None:
        change = ConfigEntry(setting, value, incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ResourceType.TOPIC, self.name(topic), incremental_configs=[change])
        for answer in self.admin.incremental_alter_configs([resource]).values():
            answer.result(20)

    def commit(self, role: str, offsets: list[tuple[str, int, int, str]]) -> None:
        """Set commits of a group without members: (topic, partition, offset, metadata) each."""
        places = [TopicPartition(self.name(topic), *rest) for topic, *rest in offsets]
        group = ConsumerGroupTopicPartitions(f"{self.settings.kafka.group_prefix}-{role}", places)
        for answer in self.admin.alter_consumer_group_offsets([group]).values():
            answer.result(20)

    def committed(self, role: str) -> None:
        """Wait until a group has committed what it read of every partition of the searches' and clicks' topics."""
        group = ConsumerGroupTopicPartitions(f"{self.settings.kafka.group_prefix}-{role}")

        def done() -> bool:
            (answer,) = self.admin.list_consumer_group_offsets([group]).values()
            offsets = [place.offset for place in answer.result(20).topic_partitions]
            return len(offsets) == 2 * self.settings.kafka.partitions and min(offsets) > 0

        wait_until(done, f"a commit of {role}")


class Watched:
    """A worker that is watched through its log and its metrics."""

    def __init__(self, pipeline: Pipeline, role: str, folder: Path, *options: str) -> None:
        self._address = folder / f"{role}-{time.monotonic_ns()}.address"
        self.process = pipeline.start(role, "--address-file", str(self._address), *options)
        self._pipeline = pipeline
        self._place = len(pipeline.log_files) - 1

    def log(self) -> str:
        return self._pipeline.log_files[self._place].read_text()

    def metrics(self) -> dict[str, float]:
        address = self._address.read_text("ascii").strip() if self._address.exists() else ""
        if not address:
            return {}
        try:
            with urllib.request.urlopen(address + "/metrics", timeout=5) as answer:  # noqa: S310 - our own address
                text = answer.read().decode()
        except OSError:
            return {}
        lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, _, value in lines}

    def shows(self, name: str, least: float, what: str) -> None:
        """Wait until the sum of a metric, over labels that `name` does not give, reaches a value."""
        wait_until(lambda: self.value(name) >= least, f"{what}\n{self.log()[-3000:]}")

    def value(self, name: str) -> float:
        return sum(value for key, value in self.metrics().items() if key.startswith(name))

    def says(self, words: str) -> None:
        wait_until(lambda: words in self.log(), f"{words!r} in\n{self.log()[-3000:]}")

    def ends(self, status: int, *words: str) -> None:
        """Wait for the end with a status, and find some of the words in one line of the log."""
        assert self.process.wait(60) == status, self.log()[-3000:]
        lines = self.log().splitlines()
        assert any(one in line for line in lines for one in words), self.log()[-3000:]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)
