"""A TCP proxy before a broker that reads the requests of Kafka's protocol, so that a fault can strike at a chosen one.

A request is a length, then api key, version, correlation id and client id. Topic names stand in it as plain text,
whatever its records are compressed with: that is all that is looked at.
"""

import asyncio
import contextlib
import struct
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from streams.stack.ports import LOOPBACK

PRODUCE, OFFSET_COMMIT = 0, 8
CHUNK_BYTES = 1 << 18


@dataclass(frozen=True)
class Request:
    """One request on its way to the broker."""

    api: int
    client_id: str
    body: bytes

    def writes_to(self, topic: str) -> bool:
        """Whether it is a produce request with records for a topic (full name)."""
        return self.api == PRODUCE and struct.pack(">h", len(topic)) + topic.encode() in self.body


Rule = Callable[[Request], Awaitable[bool]]
"""Sees each request before the broker does, may wait, and says whether it goes on; if not, its connection is cut."""


def read_request(frame: bytes) -> Request:
    """Read the head of a request."""
    api, _, _, length = struct.unpack_from(">hhih", frame)
    client_id = frame[10 : 10 + max(0, length)].decode("utf-8", "replace")
    return Request(api, client_id, frame)


async def pass_all(_: Request) -> bool:
    """Let everything through."""
    return True


class Proxy:
    """Listens at `address` in a thread of its own; `rule` may be changed at any time."""

    def __init__(self, port: int) -> None:
        self.address = f"{LOOPBACK}:{port}"
        self.rule: Rule = pass_all
        self.answers_wait_s = 0.0
        """How long each answer of the broker is held back."""
        self._port = port
        self._upstream: tuple[str, int] | None = None
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._serve, LOOPBACK, port), self._loop
        ).result(10)

    def lead_to(self, upstream: str) -> None:
        """Say where the broker is."""
        host, _, port = upstream.rpartition(":")
        self._upstream = host, int(port)

    def let_go(self, event: asyncio.Event) -> None:
        """Set an event that a rule waits for."""
        self._loop.call_soon_threadsafe(event.set)

    def close(self) -> None:
        """Cut all connections."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _close(self) -> None:
        self._server.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            assert self._upstream is not None
            broker_reader, broker_writer = await asyncio.open_connection(*self._upstream)
        except OSError:
            writer.close()
            self._tasks.discard(task)
            return
        ways = [
            asyncio.create_task(self._requests(reader, broker_writer)),
            asyncio.create_task(self._answers(broker_reader, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for each in (writer, broker_writer):
                each.close()
            self._tasks.discard(task)

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while True:
                head = await reader.readexactly(4)
                frame = await reader.readexactly(int.from_bytes(head))
                if not await self.rule(read_request(frame)):
                    return
                writer.write(head + frame)
                await writer.drain()

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(CHUNK_BYTES):
                if self.answers_wait_s:
                    await asyncio.sleep(self.answers_wait_s)
                writer.write(chunk)
                await writer.drain()
