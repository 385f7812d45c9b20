"""A bench that is told to end leaves nothing behind: no server, no folder."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_NUMBERS: Final = (signal.SIGTERM, signal.SIGINT)
_EXIT_BASE: Final = 128
"""What shells add to the number of the signal."""


@contextmanager
def clean_exit_on_signals() -> Iterator[None]:
    """Let SIGTERM and SIGINT raise SystemExit within the block, so that all that is open in it is closed.

    Python ends at once at a SIGTERM, and at a SIGINT too where a shell has started it in the background. A second
    signal is ignored: cleaning up takes a few seconds, and is not to be cut short. Call from the main thread.

    Raises:
        SystemExit: a signal came; the code is 128 and its number.
    """

    def end(number: int, _: FrameType | None) -> None:
        for each in _NUMBERS:
            signal.signal(each, _go_on)
        raise SystemExit(_EXIT_BASE + number)

    before = {number: signal.signal(number, end) for number in _NUMBERS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _go_on(_: int, __: FrameType | None) -> None:
    """Unlike SIG_IGN, a handler is not handed down to processes that are started."""
