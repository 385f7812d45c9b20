"""The floor: aiokafka and a typed msgspec decode of the same bytes, and nothing else. Run as a program of its own.

    python -m streams.bench.floor BROKERS KIND:TOPIC:PARTITION:START:END …

KIND is `scores`, `clicks` or `searches`. Prints the CPU seconds that reading took, and how many records there were.
"""

import asyncio
import gc
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition  # type: ignore[import-untyped]  # aiokafka ships no types

from schemas.scores import decode_scores
from schemas.wire import ClickRecord, SearchRecord

DECODERS: Final[Mapping[str, Callable[[bytes], Any]]] = {
    "scores": decode_scores,
    "clicks": msgspec.json.Decoder(ClickRecord).decode,
    "searches": msgspec.json.Decoder(SearchRecord).decode,
}


class Reading(msgspec.Struct, frozen=True):
    """What the floor printed."""

    cpu_s: float
    records: int


class Stretch(msgspec.Struct, frozen=True):
    """Records of one partition, from `start` up to before `end`."""

    kind: str
    topic: str
    partition: int
    start: int
    end: int

    def argument(self) -> str:
        """Write it as an argument of the program."""
        return f"{self.kind}:{self.topic}:{self.partition}:{self.start}:{self.end}"


async def read(brokers: str, stretches: list[Stretch]) -> Reading:
    """Read and decode the stretches, whole polls at a time."""
    consumer = AIOKafkaConsumer(bootstrap_servers=brokers.split(","), enable_auto_commit=False)
    await consumer.start()
    try:
        left = {TopicPartition(one.topic, one.partition): one for one in stretches if one.end > one.start}
        consumer.assign(list(left))
        for tp, stretch in left.items():
            consumer.seek(tp, stretch.start)
        records = 0
        began_s = time.process_time()
        while left:
            polled = await consumer.getmany(*left, timeout_ms=1000, max_records=2000)
            for tp, batch in polled.items():
                decode = DECODERS[left[tp].kind]
                for record in batch:
                    if record.value:  # control records of a replay's end have none
                        decode(record.value)
                records += len(batch)
                if batch[-1].offset + 1 >= left[tp].end:
                    del left[tp]
        return Reading(time.process_time() - began_s, records)
    finally:
        await consumer.stop()


def main() -> None:
    """Read what the arguments say."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)  # as our workers have it
    stretches = []
    for argument in sys.argv[2:]:
        kind, topic, partition, start, end = argument.split(":")
        stretches.append(Stretch(kind, topic, int(partition), int(start), int(end)))
    sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(read(sys.argv[1], stretches))) + b"\n")


if __name__ == "__main__":
    main()
