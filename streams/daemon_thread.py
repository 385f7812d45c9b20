"""Waiting for what blocks, in a thread that keeps no process from ending.

`asyncio.to_thread` takes its threads from a pool, and a process that ends waits for all of them: one that asks a broker
which hangs would hold it up for as long as the question may take.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def run_in_daemon(function: Callable[[], T], name: str) -> T:
    """Run what blocks in a thread of its own; who waits can be cancelled, the thread then ends unheard.

    Args:
        function: what to run.
        name: of the thread.

    Returns:
        What the function gives; what it raises is raised here.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def tell(result: T | None, error: BaseException | None) -> None:
        if answer.done():
            return  # nobody waits any more
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(result)  # type: ignore[arg-type]  # None only where the function gives it

    def work() -> None:
        result: T | None = None
        error: BaseException | None = None
        try:
            result = function()
        except StopIteration as raised:  # no future takes it
            error = RuntimeError(f"{name}: {raised!r}")
        except BaseException as raised:  # noqa: BLE001  (raised again where it is waited for)
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop has been closed
            loop.call_soon_threadsafe(tell, result, error)

    threading.Thread(target=work, name=name, daemon=True).start()
    return await answer
