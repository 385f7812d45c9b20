"""What blocks in a thread holds up neither who waits for it nor the end of the process."""

import asyncio
import subprocess
import sys
import threading
import time

import pytest

from streams.daemon_thread import run_in_daemon

BLOCKED_S = 30
PROGRAM = f"""
import asyncio, time
from streams.daemon_thread import run_in_daemon

async def main():
    try:
        async with asyncio.timeout(0.1):
            await run_in_daemon(lambda: time.sleep({BLOCKED_S}), "blocked")
    except TimeoutError:
        print("gave up")

asyncio.run(main())
"""


def failing() -> int:
    raise ValueError("seven")


async def test_it_gives_what_the_function_gives_and_raises_what_it_raises() -> None:
    assert await run_in_daemon(lambda: 7, "gives") == 7
    with pytest.raises(ValueError, match="seven"):
        await run_in_daemon(failing, "raises")


async def test_who_waits_can_be_cancelled_and_a_late_answer_is_not_heard() -> None:
    go_on, ended = threading.Event(), threading.Event()

    def blocked() -> None:
        go_on.wait(BLOCKED_S)
        ended.set()

    waiting = asyncio.create_task(run_in_daemon(blocked, "blocked"))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    go_on.set()
    assert await asyncio.to_thread(ended.wait, 5)
    await asyncio.sleep(0.01)  # lets the answer arrive


def test_a_process_ends_while_its_thread_is_blocked() -> None:
    began_s = time.monotonic()
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "gave up\n"), done.stderr
    assert time.monotonic() - began_s < BLOCKED_S / 2
