"""One Apache Kafka node (KRaft, broker and controller in one process) on free ports."""

import base64
import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from schemas.errors import ServerUnavailable
from streams.stack.jars import java, kafka_jars
from streams.stack.ports import LOOPBACK, free_ports, listens
from streams.stack.process import Process, last_line, leave_alone, spawn, stop

_ATTEMPTS: Final = 3
_LISTEN_DEADLINE_S: Final = 60.0
_POLL_S: Final = 0.05

# One node: every internal topic has one replica, groups form at once, and topics are made by us alone.
# offset.metadata.max.bytes keeps Kafka's default of 4096, as commit metadata must fit any broker.
_PROPERTIES: Final = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
listeners=PLAINTEXT://{host}:{broker},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{broker}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=16777216
"""
_LOGGING: Final = """\
appender.console.type=Console
appender.console.name=console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d %p %m (%c)%n
rootLogger.level=WARN
rootLogger.appenderRef.console.ref=console
logger.start.name=kafka.server.KafkaRaftServer
logger.start.level=INFO
"""


def start_kafka(
    home: Path,
    tell: Callable[[str], None] = lambda _: None,
    tie: Callable[[Process], None] = leave_alone,
    preferred_port: int = 0,
    properties: Mapping[str, str] = MappingProxyType({}),
) -> tuple[str, Process]:
    """Start a node that keeps its records under `home`, and wait until it answers.

    Args:
        home: folder for settings, data and log; data of an earlier start is taken up again.
        tell: told in one line when something takes a while.
        tie: called with the process at once when it runs, before it answers, so that it can be tied to a lifeline.
        preferred_port: taken where it is free, since clients look for a broker there; 0: any.
        properties: further settings of the node; they win over ours.

    Returns:
        Its address (host:port), and its process.

    Raises:
        ServerUnavailable: no Java, no jars, a folder that Kafka cannot use, or it did not start.
    """
    if "," in str(home.resolve()):
        raise ServerUnavailable(
            f"Kafka takes the comma in {home.resolve()} for the end of the folder's name: "
            "set MATCHWATCH_HOME to a folder without one"
        )
    jars = kafka_jars(tell)
    home.mkdir(parents=True, exist_ok=True)
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return _start(home, jars, tie, preferred_port if attempt == 1 else 0, properties)
        except _PortTaken:
            if attempt == _ATTEMPTS:
                raise ServerUnavailable(
                    f"Kafka found its ports taken {_ATTEMPTS} times (log: {home / 'kafka.log'})"
                ) from None
    raise AssertionError("the loop returns or raises")


def _start(
    home: Path, jars: Path, tie: Callable[[Process], None], preferred_port: int, more: Mapping[str, str]
) -> tuple[str, Process]:
    broker, controller = free_ports(2, preferred_port)
    data, properties, log = home / "data", home / "server.properties", home / "kafka.log"
    text = _PROPERTIES.format(
        host=LOOPBACK, broker=broker, controller=controller, data=as_java_property(str(data.resolve()))
    )
    # Of a setting that is given twice, Java takes the last.
    text += "".join(f"{name}={as_java_property(value)}\n" for name, value in more.items())
    properties.write_text(text, encoding="ascii")
    logging = home / "log4j2.properties"
    logging.write_text(_LOGGING, encoding="ascii")
    # Libraries that the node unpacks for itself; one that was killed leaves them behind.
    unpacked = home / "tmp"
    shutil.rmtree(unpacked, ignore_errors=True)
    unpacked.mkdir()
    # A node with little to do: the small collector and one compiler tier halve its start and its memory.
    machine = [
        java(),
        "-XX:+UseSerialGC",
        f"-Djava.io.tmpdir={unpacked.resolve()}",
        f"-Dlog4j2.configurationFile={logging.resolve()}",
        "-cp",
        f"{jars}/*",
    ]
    if not (data / "meta.properties").exists():
        _format([*machine, "-XX:TieredStopAtLevel=1"], properties, home / "format.log")
    # The log is kept from start to start; what went wrong is looked for behind where this start begins.
    begins = log.stat().st_size if log.exists() else 0
    server = spawn([machine[0], "-Xmx512m", *machine[1:], "kafka.Kafka", str(properties)], log, _environment())
    try:
        tie(server)
        _wait(server, broker, log, begins)
    except BaseException:
        stop(server, grace_s=1.0)
        raise
    return f"{LOOPBACK}:{broker}", server


def as_java_property(value: str) -> str:
    r"""Write a value as Java reads it from a `.properties` file: ASCII, as the rest is taken for Latin-1.

    >>> as_java_property("/home/zoë/a b")
    '/home/zo\\u00eb/a b'
    """
    units = value.replace("\\", "\\\\").encode("utf-16-be", "surrogatepass")
    signs = (int.from_bytes(units[place : place + 2]) for place in range(0, len(units), 2))
    return "".join(chr(sign) if 32 <= sign < 127 else f"\\u{sign:04x}" for sign in signs)


def _environment() -> dict[str, str]:
    """Give Java a locale in which it can open a file whose name is not ASCII."""
    return {**os.environ, "LC_ALL": "C.UTF-8"}


def _format(machine: list[str], properties: Path, log: Path) -> None:
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode("ascii").rstrip("=")
    command = [*machine, "kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", str(properties)]
    # With `=`, since one id in 64 begins with a hyphen, which would be taken for an option.
    with log.open("wb") as output:
        done = subprocess.run(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=120,
            env=_environment(),
        )
    if done.returncode != 0:
        raise ServerUnavailable(f"Kafka's storage could not be formatted: {last_line(log)} (log: {log})")


def _wait(server: Process, port: int, log: Path, begins: int) -> None:
    deadline = time.monotonic() + _LISTEN_DEADLINE_S
    while not listens(port):
        if not server.alive:
            if b"BindException" in log.read_bytes()[begins:] or b"Address already in use" in log.read_bytes()[begins:]:
                raise _PortTaken
            raise ServerUnavailable(f"Kafka ended at its start: {last_line(log)} (log: {log})")
        if time.monotonic() > deadline:
            raise ServerUnavailable(f"Kafka did not listen within {_LISTEN_DEADLINE_S:.0f} s (log: {log})")
        time.sleep(_POLL_S)
    _ask(f"{LOOPBACK}:{port}", max(1.0, deadline - time.monotonic()), log)


def _ask(brokers: str, timeout_s: float, log: Path) -> None:
    """A node listens a moment before it answers."""
    try:
        AdminClient({"bootstrap.servers": brokers, "log_level": 0}).list_topics(timeout=timeout_s)
    except KafkaException as error:
        raise ServerUnavailable(f"Kafka listens at {brokers} but does not answer: {error} (log: {log})") from error


class _PortTaken(Exception):
    """Another process took a chosen port first: start again with others."""
