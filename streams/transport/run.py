"""Runs a stage's app as a process."""

import asyncio
import os
import threading
from typing import NoReturn

from faust import Worker

from streams.transport.app import StageApp

_END_DEADLINE_S = 20.0
"""How long a worker that has failed may take to leave its group and end; then it is ended."""


def run_worker(app: StageApp, *, loglevel: str = "WARN") -> NoReturn:
    """Run until SIGTERM, SIGINT or a failure.

    Exits with 0 after a signal, and otherwise with 1 and the failure's traceback on stderr.
    """
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    worker = Worker(app, loglevel=loglevel, loop=loop, quiet=True, redirect_stdouts=False)
    worker.spinner = None  # it writes escape codes, also into logs
    app.ensure_end = _end_soon
    worker.execute_from_commandline()


def _end_soon() -> None:
    """End the process, should its orderly end get stuck: a failed worker must not live on as a zombie."""
    timer = threading.Timer(_END_DEADLINE_S, os._exit, args=(1,))
    timer.daemon = True
    timer.start()
