"""Server processes that outlive the command which starts them, and are never confused with a stranger's.

A pid alone is no name: once its process has ended another may get it. The kernel's start time of the process and the
boot it belongs to make it one, so `stop` can be sure whom it signals, also from another process and after a crash.
"""

import contextlib
import os
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from schemas.errors import ServerUnavailable

_POLL_S = 0.02


def leave_alone(_: "Process") -> None:
    """Tie a server to nothing: it outlives the command that starts it."""


class Process(msgspec.Struct, frozen=True):
    """A process that was started here or by an earlier command."""

    pid: int
    """Also the number of its process group."""
    born: str
    """Start time in clock ticks since boot, and the boot: two processes never share pid and birth."""
    log: str
    """The file with what it prints."""

    @property
    def alive(self) -> bool:
        """Whether this very process still runs."""
        return birth(self.pid) == self.born


def birth(pid: int) -> str | None:
    """Tell when the process with this number was born; None if there is none, or only its remains."""
    ours = True
    try:
        os.waitpid(pid, os.WNOHANG)  # a child of ours that has ended is buried first
    except ChildProcessError:
        ours = False
    try:
        # The name, in parentheses, may hold spaces and parentheses; the fields count from behind it.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return None
    state, start_ticks = fields[0], fields[19]
    # A child of ours that could not be buried yet still has threads that are ending, though it looks dead.
    return None if state in {"Z", "X"} and not ours else f"{start_ticks}@{boot}"


def spawn(command: Sequence[str], log: Path, env: Mapping[str, str] | None = None) -> Process:
    """Start a server in a session of its own, so that Ctrl-C reaches only the command in front.

    Args:
        command: program, with its path, and arguments.
        log: gets all that it prints; appended to.
        env: its environment; ours if None.

    Raises:
        ServerUnavailable: the program cannot be started, or ended at once.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    opened = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), opened, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    try:
        pid = os.posix_spawnp(
            command[0], list(command), dict(os.environ if env is None else env), file_actions=actions, setsid=True
        )
    except OSError as error:
        raise ServerUnavailable(f"{command[0]} cannot be started: {error.strerror}") from error
    born = birth(pid)
    if born is None:
        raise ServerUnavailable(f"{command[0]} ended at once: {last_line(log)} (log: {log})")
    return Process(pid=pid, born=born, log=str(log))


def stop(process: Process, grace_s: float = 10.0) -> bool:
    """End a process and its group: TERM, then KILL for what is left after the grace.

    Returns:
        Whether there was anything to stop: False if the process had ended before, whoever has its number now.
    """
    if not process.alive:
        return False
    _signal_group(process.pid, signal.SIGTERM)
    if not wait_until_ended(process, grace_s):
        _signal_group(process.pid, signal.SIGKILL)
        wait_until_ended(process, 5.0)
    return True


def wait_until_ended(process: Process, deadline_s: float) -> bool:
    """Wait for a process to end; False if it still runs when the deadline passes."""
    deadline = time.monotonic() + deadline_s
    while process.alive:
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def last_line(log: Path | str) -> str:
    """Give the last line that a server printed, for a message of one line."""
    try:
        lines = Path(log).read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        return "it printed nothing"
    return lines[-1].strip()[:300] if lines else "it printed nothing"


def _signal_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)
