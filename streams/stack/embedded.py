"""A broker without Java: librdkafka's mock cluster, which confluent-kafka brings, in a process of its own.

It speaks Kafka's protocol to producers and consumers, keeps commit metadata, and is good for the demo and a first
look. It is no Kafka:
- everything is in memory, and a partition keeps only its newest 5 MB: a reader further behind loses records;
- a consumer group has one member, so one worker of each role;
- topics cannot be created, described or compacted: those of the catalogue exist from the start;
- records keep the time their producer gave them, as with CreateTime.
"""

import ctypes
import importlib.util
import json
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from schemas.errors import ServerUnavailable
from streams.stack.process import Process, last_line, leave_alone, spawn, stop

LIMITS: Final = "in memory only, the newest 5 MB of a partition, one worker of each role"
CLUSTER_PREFIX: Final = "mockCluster"
"""How the cluster ids of mock clusters begin, by which a client knows one."""
_DEADLINE_S: Final = 15.0
_POLL_S: Final = 0.02


def start_embedded(
    home: Path, topics: Mapping[str, int], tie: Callable[[Process], None] = leave_alone
) -> tuple[str, Process]:
    """Start the embedded broker, and wait until it has told its address.

    Args:
        home: folder for its log.
        topics: partitions by full name.
        tie: called with the process at once when it runs, before it answers, so that it can be tied to a lifeline.

    Returns:
        Its address (host:port), and its process.

    Raises:
        ServerUnavailable: it did not start.
    """
    home.mkdir(parents=True, exist_ok=True)
    told, log = home / "address", home / "embedded.log"
    told.unlink(missing_ok=True)
    server = spawn([sys.executable, "-m", "streams.stack.embedded", str(told), json.dumps(dict(topics))], log)
    tie(server)
    deadline = time.monotonic() + _DEADLINE_S
    while not told.exists():
        if not server.alive:
            raise ServerUnavailable(f"the embedded broker ended at its start: {last_line(log)} (log: {log})")
        if time.monotonic() > deadline:
            stop(server, grace_s=0)
            raise ServerUnavailable(f"the embedded broker did not start within {_DEADLINE_S:.0f} s (log: {log})")
        time.sleep(_POLL_S)
    return told.read_text(encoding="ascii"), server


def _library() -> ctypes.CDLL:
    """Load the librdkafka in confluent-kafka's wheel; its Python part does not show the mock cluster's calls."""
    package = importlib.util.find_spec("confluent_kafka")
    if package is None or package.origin is None:
        raise ServerUnavailable("confluent-kafka is not installed")
    found = sorted((Path(package.origin).parents[1] / "confluent_kafka.libs").glob("librdkafka-*.so*"))
    if not found:
        raise ServerUnavailable("this build of confluent-kafka brings no librdkafka: install its wheel")
    library = ctypes.CDLL(str(found[0]))
    handle = ctypes.c_void_p
    library.rd_kafka_new.restype = handle
    library.rd_kafka_new.argtypes = [ctypes.c_int, handle, ctypes.c_char_p, ctypes.c_size_t]
    library.rd_kafka_mock_cluster_new.restype = handle
    library.rd_kafka_mock_cluster_new.argtypes = [handle, ctypes.c_int]
    library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
    library.rd_kafka_mock_cluster_bootstraps.argtypes = [handle]
    library.rd_kafka_mock_topic_create.argtypes = [handle, ctypes.c_char_p, ctypes.c_int, ctypes.c_int]
    library.rd_kafka_mock_group_initial_rebalance_delay_ms.argtypes = [handle, ctypes.c_int32]
    return library


def _serve(told: Path, topics: Mapping[str, int]) -> None:
    library = _library()
    reason = ctypes.create_string_buffer(512)
    client = library.rd_kafka_new(0, None, reason, len(reason))
    cluster = library.rd_kafka_mock_cluster_new(client, 1) if client else None
    if not cluster:
        raise ServerUnavailable(f"librdkafka makes no mock cluster: {reason.value.decode() or 'no reason given'}")
    library.rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, 0)
    for name, partitions in topics.items():
        if library.rd_kafka_mock_topic_create(cluster, name.encode(), partitions, 1) != 0:
            raise ServerUnavailable(f"librdkafka's mock cluster does not make the topic {name}")
    unfinished = told.with_suffix(".new")
    unfinished.write_bytes(library.rd_kafka_mock_cluster_bootstraps(cluster))
    unfinished.rename(told)
    signal.pause()  # librdkafka's own threads serve; TERM ends the process, and with it all it holds


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), json.loads(sys.argv[2]))
