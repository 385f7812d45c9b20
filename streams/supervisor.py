"""`worker --role all`: one process of each role, started again when it fails."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Final

from streams.parent_pipe import VARIABLE

FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 30.0
HEALTHY_S: Final = 60.0
"""A process that ran so long fails anew: its pauses begin again."""
GRACE_S: Final = 20.0
BAD_USAGE: Final = 2
"""Exit status of a process whose settings are wrong: another try would change nothing."""
_POLL_S: Final = 0.2


@dataclass(slots=True)
class _Child:
    role: str
    process: "subprocess.Popen[bytes] | None" = None
    started_s: float = 0.0
    pause_s: float = FIRST_PAUSE_S
    start_at_s: float = 0.0


def supervise(commands: Sequence[tuple[str, Sequence[str]]], ports: Mapping[str, int]) -> int:
    """Keep a process of each command running until SIGTERM or SIGINT.

    A process that fails is started again, after a pause that doubles up to half a minute. What was started ends with
    this process: TERM first, KILL for what is left after twenty seconds.

    Args:
        commands: name and command line of each.
        ports: HTTP port of each, by name; 0 takes a free one.

    Returns:
        Exit status: 0 after a signal, 2 where a process refuses its settings.
    """
    stop = False

    def on_signal(_: int, __: FrameType | None) -> None:
        nonlocal stop
        stop = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    lines = dict(commands)
    children = [_Child(role) for role, _ in commands]
    # Children watch this pipe: it closes when this process ends, however it ends.
    wakes, held = os.pipe()
    status = 0
    try:
        while not stop:
            for child in children:
                if _step(child, lines[child.role], wakes, ports[child.role]) == BAD_USAGE:
                    stop, status = True, BAD_USAGE
            time.sleep(_POLL_S)
    finally:
        _end(children)
        os.close(held)
        os.close(wakes)
    return status


def _step(child: _Child, command: Sequence[str], wakes: int, port: int) -> int | None:
    now_s = time.monotonic()
    if child.process is None:
        if now_s >= child.start_at_s:
            environment = {**os.environ, VARIABLE: str(wakes), "MATCHWATCH_HTTP_PORT": str(port)}
            child.process = subprocess.Popen(
                list(command), stdin=subprocess.DEVNULL, env=environment, pass_fds=[wakes], start_new_session=True
            )
            child.started_s = now_s
        return None
    status = child.process.poll()
    if status is None:
        return None
    if status != BAD_USAGE:
        if now_s - child.started_s > HEALTHY_S:
            child.pause_s = FIRST_PAUSE_S
        sys.stderr.write(f"matchwatch: {child.role} ended with {status}, again in {child.pause_s:.0f} s\n")
        child.start_at_s = now_s + child.pause_s
        child.pause_s = min(2 * child.pause_s, LONGEST_PAUSE_S)
    child.process = None
    return status


def _end(children: Sequence[_Child]) -> None:
    running = [child.process for child in children if child.process is not None]
    for process in running:
        process.terminate()
    deadline_s = time.monotonic() + GRACE_S
    for process in running:
        try:
            process.wait(max(0.1, deadline_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
