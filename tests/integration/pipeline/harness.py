"""The pipeline as processes, the way people run it: started, killed and watched from outside."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
from confluent_kafka import Consumer, KafkaError, TopicPartition

from schemas.rollup import RollupControl, decode_rollup
from schemas.settings import Settings
from streams.replay.replay import ReplaySummary, replay

MODELS = Path(__file__).parents[3] / "models"
DEADLINE_S = 90.0


def wait_until(condition: Callable[[], bool], what: str, deadline_s: float = DEADLINE_S) -> None:
    """Wait for a condition; fails with `what` at the deadline."""
    deadline = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < deadline, f"gave up after {deadline_s:.0f} s: {what}"
        time.sleep(0.1)


def environment(settings: Settings) -> dict[str, str]:
    """Give the variables that make a command use these settings."""
    kafka = settings.kafka
    return {
        **os.environ,
        "MATCHWATCH_KAFKA_BROKERS": kafka.brokers,
        "MATCHWATCH_KAFKA_TOPIC_PREFIX": kafka.topic_prefix,
        "MATCHWATCH_KAFKA_GROUP_PREFIX": kafka.group_prefix,
        "MATCHWATCH_KAFKA_PARTITIONS": str(kafka.partitions),
        "MATCHWATCH_REDIS_URL": settings.redis.url,
        "MATCHWATCH_SCORE_MODELS_DIR": str(MODELS),
    }


class Pipeline:
    """Worker processes over the topics of some settings; use as a context."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self._folder = folder
        self._env = environment(settings)
        self._workers: list[subprocess.Popen[bytes]] = []
        self.log_files: list[Path] = []
        """Of each worker, in the order of their starts."""

    def __enter__(self) -> "Pipeline":
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.send_signal(signal.SIGCONT)
            worker.terminate()
        for worker in self._workers:
            try:
                worker.wait(20)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()

    def start(self, role: str, *options: str) -> subprocess.Popen[bytes]:
        """Start one worker of a role."""
        log = self._folder / f"{role}-{len(self._workers)}.log"
        with log.open("wb") as out:
            worker = subprocess.Popen(
                [sys.executable, "-m", "streams.cli.main", "worker", "--role", role, "--wait", *options],
                env=self._env,
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
        self._workers.append(worker)
        self.log_files.append(log)
        return worker

    def run(self, *arguments: str) -> str:
        """Run a command of the program; gives what it prints."""
        done = subprocess.run(
            [sys.executable, "-m", "streams.cli.main", *arguments],
            env=self._env,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        assert done.returncode == 0, f"{arguments} exited with {done.returncode}: {done.stderr[-2000:]}"
        return done.stdout

    def rollups(self) -> list[dict]:
        """Give what `rollups --json --all` prints."""
        return [json.loads(line) for line in self.run("rollups", "--json", "--all").splitlines()]

    def logs(self) -> str:
        """Give the ends of all workers' logs, for a failure's message."""
        return "\n".join(f"== {log.name}\n{log.read_text()[-1500:]}" for log in self.log_files)


class Topic:
    """Follows one topic of a pipeline from its start."""

    def __init__(self, settings: Settings, topic: str, partitions: int) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": settings.kafka.brokers,
                "group.id": "test",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "enable.partition.eof": True,
            }
        )
        name = settings.kafka.topic_prefix + topic
        self._tps = [TopicPartition(name, number, 0) for number in range(partitions)]
        self._consumer.assign(self._tps)

    def __enter__(self) -> "Topic":
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    def everything(self) -> Iterable[tuple[int, bytes]]:
        """Give (partition, value) of all that is there now."""
        left = {tp.partition: self._consumer.get_watermark_offsets(tp)[1] for tp in self._tps}
        left = {partition: end for partition, end in left.items() if end}
        while left:
            for message in self._consumer.consume(1000, timeout=0.5):
                if message.error() is not None:
                    assert message.error().code() == KafkaError._PARTITION_EOF, message.error()  # noqa: SLF001
                    left.pop(message.partition(), None)
                elif message.partition() in left:
                    yield message.partition(), message.value()
                    if message.offset() + 1 >= left[message.partition()]:
                        del left[message.partition()]

    def new(self) -> Iterable[tuple[int, bytes]]:
        """Give (partition, value) of what has come since."""
        for message in self._consumer.consume(1000, timeout=0.5):
            if message.error() is not None:
                assert message.error().code() == KafkaError._PARTITION_EOF, message.error()  # noqa: SLF001
            elif message.value() is not None:
                yield message.partition(), message.value()


class Closing:
    """Knows from the controls on `rollups` how far each partition is."""

    def __init__(self, topic: Topic) -> None:
        self._topic = topic
        self.watermarks: dict[int, int] = {}
        self.totals: dict[int, dict[str, int]] = {}
        self.rollups = 0

    def look(self) -> None:
        """Read what is new."""
        for _, value in self._topic.new():
            try:
                record = decode_rollup(value)
            except msgspec.DecodeError:
                continue  # somebody else's
            if isinstance(record, RollupControl):
                self.watermarks[record.partition] = record.watermark_ms
                self.totals[record.partition] = record.totals
            else:
                self.rollups += 1

    def reached(self, watermark_ms: int, partitions: int) -> bool:
        """Whether every partition has come to a watermark."""
        self.look()
        return len(self.watermarks) == partitions and min(self.watermarks.values()) >= watermark_ms


class Replaying(threading.Thread):
    """Replays a folder to its end in the background."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        super().__init__(daemon=True)
        self._folder = folder
        self._settings = settings
        self.summary: ReplaySummary | None = None
        self.start()

    def run(self) -> None:
        self.summary = replay([self._folder], self._settings, finish=True)

    def result(self) -> ReplaySummary:
        """Wait for the end."""
        self.join(DEADLINE_S)
        assert self.summary is not None, "the replay did not end"
        return self.summary
