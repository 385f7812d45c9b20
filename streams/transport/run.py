"""Runs a stage's app as a process."""

import asyncio
import faulthandler
import logging
import os
import threading
from typing import NoReturn

from faust import Worker

from streams.transport.app import StageApp

_log = logging.getLogger(__name__)

_END_DEADLINE_S = {0: 8.0, 1: 20.0}
"""By exit status: how long a worker may take to leave its group and end, when it has committed all it did or has
failed; then it is ended. Whoever sends SIGTERM waits ten seconds at least before SIGKILL."""


def run_worker(app: StageApp, *, loglevel: str = "WARN") -> NoReturn:
    """Run until SIGTERM, SIGINT or a failure.

    Exits with 0 after a signal, and otherwise with 1 and the failure's traceback on stderr.
    """
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    worker = Worker(app, loglevel=loglevel, loop=loop, quiet=True, redirect_stdouts=False)
    worker.spinner = None  # it writes escape codes, also into logs
    app.ensure_end = _Ending()
    worker.execute_from_commandline()


class _Ending:
    """Ends the process, should its orderly end get stuck: such a worker must not live on as a zombie."""

    def __init__(self) -> None:
        self._timer: threading.Timer | None = None

    def __call__(self, status: int) -> None:
        """Let the process end with this status when its time is over; the latest word counts."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = threading.Timer(_END_DEADLINE_S[status], _end, args=(status,))
        self._timer.daemon = True
        self._timer.start()


def _end(status: int) -> None:
    """End the process, and say where it was stuck."""
    try:
        _log.error("the worker does not end by itself: it is ended with status %d; its threads:", status)
        faulthandler.dump_traceback()
    finally:
        os._exit(status)
