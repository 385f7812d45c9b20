"""A stage that writes what it gets to an output topic, run as a process of its own by the contract tests.

Each output record is JSON, in the partition of its source: where a run begins (`seek`), what a batch brought
(`offsets`, `next`), and what was committed. Life-cycle events go to stdout, one JSON object a line.
"""

import asyncio
import json
import sys
import time
from collections.abc import Mapping
from typing import Any

from streams.transport import (
    TP,
    Commit,
    CommitFailed,
    Committed,
    Limits,
    OrderedProducer,
    OutRecord,
    RecordBatch,
    Stage,
    make_app,
    run_worker,
)


class Echo(Stage):
    """Echoes offsets; `options` bend it to a test's purpose."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        self.producer = OrderedProducer(options["brokers"])
        self.uncommitted: dict[TP, int] = {}
        self.batches = 0

    async def on_started(self) -> None:
        await self.producer.start()
        self.source.run_beside(self.toggle_pauses(), "toggle pauses")

    async def on_assigned(self, committed: Mapping[TP, Committed]) -> Mapping[TP, int]:
        seeks = {
            tp: max(state.log_start, (state.offset or 0) - self.options.get("rewind", 0))
            for tp, state in committed.items()
        }
        for tp, offset in seeks.items():
            await self.write(tp, seek=offset)
        say("assigned", committed={name(tp): [state.offset, state.metadata] for tp, state in committed.items()})
        return seeks

    async def on_batch(self, batch: RecordBatch) -> None:
        if batch.tp in self.source.paused():
            raise AssertionError(f"{batch.tp} is paused")
        self.batches += 1
        if self.batches > self.options.get("fail_after_batches", 1_000_000):
            raise RuntimeError("the handler fails on purpose")
        if self.batches == 1:
            time.sleep(self.options.get("block_s", 0))  # noqa: ASYNC251 - blocks the stage's loop on purpose
        await asyncio.sleep(self.options.get("delay_s", 0))
        await self.write(batch.tp, offsets=[r.offset for r in batch.records], next=batch.next_offset)
        self.uncommitted[batch.tp] = batch.next_offset
        if not self.options.get("lazy"):
            await self.commit()

    async def commit(self) -> None:
        offsets, self.uncommitted = self.uncommitted, {}
        try:
            await self.source.commit({tp: Commit(o, json.dumps({"next": o})) for tp, o in offsets.items()})
        except CommitFailed as error:
            say("commit failed", message=str(error))
            return
        for tp, offset in offsets.items():
            await self.write(tp, committed=offset)

    async def on_revoked(self, tps: frozenset[TP]) -> None:
        await self.commit()
        say("revoked", tps=sorted(map(name, tps)))

    async def on_stopping(self) -> None:
        await asyncio.sleep(self.options.get("stopping_s", 0))
        await self.commit()
        say("stopping")

    async def on_stopped(self) -> None:
        await self.producer.stop()
        say("stopped")
        await asyncio.sleep(self.options.get("stopped_s", 0))

    async def write(self, tp: TP, **fields: Any) -> None:
        fields |= {"worker": self.options["name"], "generation": self.source.generation, "topic": tp.topic}
        record = OutRecord(None, json.dumps(fields).encode())
        await self.producer.send_ordered(self.options["out"], tp.partition, [record])

    async def toggle_pauses(self) -> None:
        """Pause and resume partition 0 in quick succession, and tell when all is read."""
        told = False
        while True:
            await asyncio.sleep(0.05)
            if self.source.generation is None:
                continue
            owned = [TP(topic, 0) for topic in self.options["topics"]]
            if self.options.get("toggle"):
                if self.source.paused():
                    self.source.resume(owned)
                else:
                    self.source.pause(owned)
            at_end = all(self.source.at_end(tp) for tp in owned)
            if at_end != told:
                told = at_end
                say("at end" if at_end else "behind")


def name(tp: TP) -> str:
    return f"{tp.topic}[{tp.partition}]"


def say(event: str, **fields: Any) -> None:
    print(json.dumps({"event": event, **fields}), flush=True)  # noqa: T201 - read by the tests


def main() -> None:
    options = json.loads(sys.argv[1])
    app = make_app(
        "echo",
        Echo(options),
        brokers=options["brokers"],
        group=options["group"],
        topics=options["topics"],
        session_timeout_s=options.get("session_timeout_s", 6.0),
        limits=Limits(**options.get("limits", {})),
    )
    run_worker(app, loglevel="WARN")


if __name__ == "__main__":
    main()
