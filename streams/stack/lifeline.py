"""Servers of a command in front end with it, also when it is killed.

Each server gets a watcher: a small shell that reads a pipe whose other end only this command holds. However the
command ends, the kernel closes the pipe, the watcher wakes and ends the server. The death signal of Linux
(PR_SET_PDEATHSIG) would not do: it comes when the *thread* ends that started the server.
"""

import os
import shutil
from types import TracebackType

from schemas.errors import ServerUnavailable
from streams.stack.process import Process, wait_until_ended

# $1: pid, $2: start time in ticks. TERM to the group, KILL after ten seconds; nothing if the pid is someone else's.
_WATCH = """
same() { [ "$(sed 's/.*) //; s/^[ZX].*//' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20)" = "$2" ]; }
cat >/dev/null
same "$1" "$2" || exit 0
kill -TERM "-$1"
tenths=0
while same "$1" "$2" && [ $tenths -lt 100 ]; do sleep 0.1; tenths=$((tenths + 1)); done
same "$1" "$2" && kill -KILL "-$1"
exit 0
"""


class Lifeline:
    """Ends the servers tied to it when it is closed or this process ends, whatever comes first."""

    def __init__(self) -> None:
        # Python marks both ends close-on-exec, so no server inherits the end that must close with us.
        self._wakes, self._held = os.pipe()
        self._watchers: list[int] = []
        self._tied: list[Process] = []

    def tie(self, server: Process) -> None:
        """Let this server end with us."""
        shell = shutil.which("sh")
        if shell is None:
            raise ServerUnavailable("there is no sh on the PATH, so a server could outlive this command")
        self._tied.append(server)
        ticks = server.born.partition("@")[0]
        actions = [
            (os.POSIX_SPAWN_DUP2, self._wakes, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ]
        command = [shell, "-c", _WATCH, "matchwatch-lifeline", str(server.pid), ticks]
        self._watchers.append(os.posix_spawn(shell, command, dict(os.environ), file_actions=actions, setsid=True))

    def close(self) -> None:
        """End what is still tied, and wait for the end."""
        if self._held < 0:
            return
        os.close(self._held)
        os.close(self._wakes)
        self._held = -1
        for watcher in self._watchers:
            os.waitpid(watcher, 0)
        for server in self._tied:
            wait_until_ended(server, 1.0)  # and buries it, if it is a child of ours

    def __enter__(self) -> "Lifeline":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
