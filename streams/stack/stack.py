"""Kafka and Redis together: both start or neither stays."""

import contextlib
import fcntl
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from schemas.errors import ServerUnavailable
from schemas.settings import KafkaSettings
from schemas.topics import CATALOGUE
from streams.stack.embedded import start_embedded
from streams.stack.home import Server, Stack, read_stack, write_stack
from streams.stack.jars import OLDEST_JAVA, can_run_kafka
from streams.stack.kafka import start_kafka
from streams.stack.lifeline import Lifeline
from streams.stack.ports import port_of
from streams.stack.process import Process, leave_alone, stop
from streams.stack.redis import start_redis

_QUIET: Final[Callable[[str], None]] = lambda _: None  # noqa: E731 - a default argument


@contextlib.contextmanager
def locked(home: Path) -> Iterator[None]:
    """Let one command at a time start or stop the stack of this home."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def bring_up(
    home: Path,
    kafka: KafkaSettings,
    *,
    embedded: bool = False,
    tell: Callable[[str], None] = _QUIET,
    tie: Callable[[Process], None] = leave_alone,
) -> Stack:
    """Start in the background what does not run yet, and keep its addresses; what runs is left as it is.

    What had died comes up at the address it had, if its port is free, as workers and clients may look for it there.

    Args:
        home: folder of the stack; call with its lock held.
        kafka: partitions and topic prefix, which the embedded broker needs to know.
        embedded: take the broker without Java even where there is one.
        tell: told in one line what takes a while or is not as usual.
        tie: called with each process at once when it runs.

    Raises:
        ServerUnavailable: a server did not start; nothing of this call is left running.
    """
    before = read_stack(home)
    with contextlib.ExitStack() as undo:

        def started(name: str, answer: tuple[str, Process]) -> Server:
            undo.callback(stop, answer[1])
            return Server(name=name, address=answer[0], process=answer[1])

        if before is not None and before.kafka.process.alive:
            kind, broker = before.kind, before.kafka
            if embedded and kind != "embedded":
                raise ServerUnavailable("a Kafka with Java runs already: `matchwatch down` first")
        elif embedded or not can_run_kafka():
            if not embedded:
                tell(
                    f"there is no Java {OLDEST_JAVA} (or no Maven to fetch Kafka's jars): "
                    "using the embedded broker instead"
                )
            kind = "embedded"
            topics = {kafka.topic_prefix + topic.name: topic.partitions(kafka.partitions) for topic in CATALOGUE}
            broker = started("embedded", start_embedded(home / "embedded", topics, tie))
        else:
            port = port_of(before.kafka.address) if before is not None else 0
            kind, broker = "kafka", started("kafka", start_kafka(home / "kafka", tell, tie, port))
        if before is not None and before.redis.process.alive:
            redis = before.redis
        else:
            port = port_of(before.redis.address) if before is not None else 0
            redis = started("redis", start_redis(home / "redis", tie, port))
        workers = () if before is None else tuple(one for one in before.workers if one.process.alive)
        stack = Stack(kind=kind, kafka=broker, redis=redis, workers=workers)
        write_stack(home, stack)
        undo.pop_all()
    return stack


def bring_down(home: Path, *, purge: bool = False) -> list[str]:
    """Stop what was started from this home, workers first; call with its lock held.

    Args:
        home: folder of the stack.
        purge: also delete the records that Kafka keeps there.

    Returns:
        The names of those that ran.
    """
    stack = read_stack(home)
    stopped = []
    if stack is not None:
        stopped = [server.name for server in reversed(stack.servers) if stop(server.process)]
        write_stack(home, None)
    if purge:
        shutil.rmtree(home / "kafka", ignore_errors=True)
    return stopped


@contextlib.contextmanager
def in_front(
    kafka: KafkaSettings, *, embedded: bool = False, tell: Callable[[str], None] = _QUIET
) -> Iterator[tuple[Stack, Lifeline]]:
    """A stack of its own for one command, in a folder that is deleted afterwards.

    It ends with the command in every way: at the end of the block, at Ctrl-C, and when the command is killed. Tie
    what the command starts itself to the lifeline, and it ends likewise.
    """
    with (
        tempfile.TemporaryDirectory(prefix="matchwatch-", ignore_cleanup_errors=True) as folder,
        Lifeline() as lifeline,
    ):
        home = Path(folder)
        with _stopping(home):
            stack = bring_up(home, kafka, embedded=embedded, tell=tell, tie=lifeline.tie)
            yield stack, lifeline


@contextlib.contextmanager
def _stopping(home: Path) -> Iterator[None]:
    try:
        yield
    finally:
        stack = read_stack(home)
        for server in () if stack is None else reversed(stack.servers):
            stop(server.process, grace_s=0)  # nobody reads its records again
