"""Ends a worker whose supervisor has died without a word."""

import os
import signal
import threading
from typing import Final

VARIABLE: Final = "MATCHWATCH_PARENT_PIPE"


def watch_parent() -> None:
    """Send this process a SIGTERM when the pipe that its supervisor holds closes; nothing without a supervisor."""
    text = os.environ.pop(VARIABLE, "")
    if text.isdigit():
        threading.Thread(target=_wait, args=(int(text),), name="parent-pipe", daemon=True).start()


def _wait(pipe: int) -> None:
    while os.read(pipe, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
